"""What auth does beside its calls: the first start, and then the exchange of signing keys and some forgetting."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.accounts import normalize_email
from services.auth.domain.bootstrap import Bootstrap
from services.auth.domain.organizations import found_default
from services.auth.servicer.records import EngineRecords
from services.auth.storage.founding import RecordFounding
from services.auth.storage.organizations import SqlOrganizations
from services.chassis.errors import TenonError
from services.chassis.transport import messages_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.families import RefreshFamilies
    from services.auth.domain.revocations import Revocations
    from services.auth.domain.sessions import SessionStore
    from services.auth.domain.signing_keys import Rotation, SigningKeys
    from services.auth.settings import Settings
    from services.auth.storage.opened import Storage
    from services.chassis.contract import Contract

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Housekeeping:
    """Runs in every worker process; what it does is safe to do twice, or at once."""

    keys: SigningKeys
    """Where signing keys are kept."""
    rotation: Rotation
    """When they are exchanged."""
    sessions: SessionStore
    """Where sessions are kept."""
    families: RefreshFamilies
    """Where what clients hold is kept."""
    revocations: Revocations
    """Where revocations are kept."""
    grace: timedelta
    """How long a successor is kept."""
    period: float = 60.0
    """Seconds between two rounds."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """Now, with its time zone."""

    async def run(self) -> None:
        """Do a round in every period, until cancelled. A round that fails is followed by the next."""
        while True:
            try:
                await self.do_round()
            except TenonError as error:
                _log.warning("housekeeping has to wait: %s", error.message)
            await asyncio.sleep(self.period)

    async def do_round(self) -> None:
        """Exchange keys that are due, and forget what has expired."""
        now = self.clock()
        await self.keys.rotate(self.rotation, now=now)
        await self.families.prune(now=now, grace=self.grace)
        await self.sessions.prune(now=now)
        await self.revocations.prune(now)


async def start_up(storage: Storage, settings: Settings, contract: Contract, housekeeping: Housekeeping) -> None:
    """Make the first signing key and the first administrator, so that somebody can sign in once auth is ready.

    Raises:
        SettingsError: the file with the administrator's password cannot be used.
    """
    password = await asyncio.to_thread(settings.read_admin_password)
    await housekeeping.do_round()
    records = EngineRecords(storage.engine.function)
    founding = RecordFounding(records, contract, messages_of(contract.pool))
    await found_default(SqlOrganizations(storage.database), founding, storage.database)
    bootstrap = Bootstrap(
        directory=storage.directory,
        credentials=storage.credentials,
        hasher=storage.hasher,
        founding=founding,
        changes=storage.database,
        email=normalize_email(settings.admin_email),
    )
    outcome = await bootstrap.run(password)
    if outcome.created:
        _log.info("made the bootstrap administrator of the organization default")
    if not outcome.has_password:
        _log.warning(
            "the bootstrap administrator has no password and cannot sign in; mend: name a file with one in "
            "TENON_ADMIN_PASSWORD_FILE and start auth again, or work with `tenon token`"
        )
