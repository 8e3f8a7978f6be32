"""What all topics of auth share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.families import Families
from services.auth.domain.grants import Grants
from services.auth.domain.sessions import Sessions
from services.auth.servicer.audited_records import AuditedRecords
from services.auth.servicer.records import EngineRecords
from services.auth.storage.keeping import RecordKeeper
from services.auth.storage.personal_data import SqlPersonalData
from services.auth.storage.revocations import remember_revoked
from services.auth.wiring.audit import trail_of

if TYPE_CHECKING:
    from services.auth.servicer.records import Records
    from services.auth.settings import Settings
    from services.auth.storage.opened import Storage
    from services.chassis.frame import Frame
    from services.chassis.revocations import RevokedTokens

_ANY_METHOD = "/tenon.auth.v1.UserService/CreateUser"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kit:
    """The frame, the settings, the opened storage, and the parts of the domain that everything rests on."""

    frame: Frame
    """The process."""
    settings: Settings
    """Auth's own settings."""
    storage: Storage
    """The adapters."""
    records: Records
    """Serves the standard methods, and has changes written down."""
    sessions: Sessions
    """Opens and ends sessions."""
    families: Families
    """Gives clients their tokens."""
    grants: Grants
    """Guards changes of what people may do."""
    keeper: RecordKeeper
    """Makes and changes records in auth's own name."""
    personal: SqlPersonalData
    """Finds and erases what is kept of people."""
    revoked: RevokedTokens
    """Which access tokens are good no more, as it was a second ago at most."""

    @property
    def trust_headers(self) -> bool:
        """Whether headers about the client are believed without a certificate, for tests."""
        return self.frame.settings.insecure


def make_kit(frame: Frame, settings: Settings, storage: Storage) -> Kit:
    """Return the kit for a storage that is open."""
    keeper = RecordKeeper(storage.engine, storage.database, frame.contract.methods[_ANY_METHOD])
    personal = SqlPersonalData(storage.database, keeper)
    return Kit(
        frame=frame,
        settings=settings,
        storage=storage,
        records=AuditedRecords(
            EngineRecords(storage.engine.function),
            trail_of(frame, storage),
            frame.contract,
            trust_headers=frame.settings.insecure,
        ),
        sessions=Sessions(kept=storage.sessions, lifetimes=settings.lifetimes),
        families=Families(
            kept=storage.families,
            directory=storage.directory,
            tokens=storage.tokens,
            seal=storage.seal,
            lifetimes=settings.lifetimes,
        ),
        grants=Grants(
            directory=storage.directory,
            credentials=storage.credentials,
            sessions=storage.sessions,
            revocations=storage.revocations,
            changes=storage.database,
            personal=personal,
        ),
        keeper=keeper,
        personal=personal,
        revoked=remember_revoked(storage.revocations),
    )
