"""The parts that OAuth is made of, and what plugs in beside its heart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.auth.domain.oauth.client_secrets import ClientSecrets
from services.auth.domain.oauth.flows import Flows
from services.auth.domain.oauth.id_tokens import Identities
from services.auth.domain.oauth.introspecting import Reading
from services.auth.domain.oauth.registering import Registering
from services.auth.storage.oauth_clients import RememberedClients, SqlClients
from services.auth.storage.oauth_codes import SqlCodes
from services.auth.storage.oauth_consents import SqlConsents
from services.auth.storage.oauth_flows import SqlFlows
from services.auth.storage.oauth_people import SqlPeople
from services.auth.storage.oauth_revoked import SqlRevoked
from services.auth.storage.oauth_tokens import JwtSigner, ReadTokens
from services.auth.wiring.audit import audit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from starlette.routing import BaseRoute

    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.authenticating import Authenticator
    from services.auth.domain.oauth.granting import GrantType
    from services.auth.http.oauth.provider import Holding, Provider
    from services.auth.wiring.kit import Kit
    from services.chassis.frame import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """What something beside the heart of OAuth adds to it."""

    grants: Mapping[str, GrantType] = field(default_factory=dict)
    """Further grants, by `grant_type`."""
    authenticators: Mapping[str, Authenticator] = field(default_factory=dict)
    """Further ways to prove who a client is, by `token_endpoint_auth_method`."""
    holding: Holding | None = None
    """What takes the proofs of keys."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Further metadata; endpoints with the issuer in front."""
    servicers: Mapping[str, object] = field(default_factory=dict)
    """Further servicers."""
    routes: Callable[[Provider], tuple[BaseRoute, ...]] | None = None
    """Further endpoints, made of the finished provider."""
    tasks: tuple[Task, ...] = ()
    """Background loops."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What OAuth is made of, for extensions and for pages."""

    kit: Kit
    """What all topics share."""
    registered: SqlClients
    """Clients as they are kept."""
    clients: RememberedClients
    """Clients, remembered for a second."""
    codes: SqlCodes
    """Codes."""
    consents: SqlConsents
    """Consents."""
    flows: Flows
    """Authorizations that wait for a person; pages call it."""
    signer: JwtSigner
    """Signs what is told to clients."""
    people: SqlPeople
    """What is known of people."""
    identities: Identities
    """Makes id tokens."""
    reading: Reading
    """Reads access tokens."""
    registering: Registering
    """Guards changes of clients."""
    secrets: ClientSecrets
    """Gives clients their secrets."""
    audit: Audit
    """Where things are written down."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""


def build_parts(kit: Kit) -> Parts:
    """Build what endpoints, extensions and pages are made of. It has no state but what it remembers for a second."""
    database, settings = kit.storage.database, kit.frame.settings
    clock = kit.sessions.clock
    audit = audit_of(kit)
    registered = SqlClients(database)
    clients, codes, consents = RememberedClients(registered), SqlCodes(database), SqlConsents(database)
    signer, people = JwtSigner(kit.storage.published, issuer=settings.issuer), SqlPeople(database)
    registering = Registering(
        clients=registered,
        secrets=registered,
        directory=kit.storage.directory,
        revocations=kit.storage.revocations,
        changes=database,
    )
    return Parts(
        kit=kit,
        registered=registered,
        clients=clients,
        codes=codes,
        consents=consents,
        flows=Flows(
            kept=SqlFlows(database),
            clients=clients,
            directory=kit.storage.directory,
            consents=consents,
            codes=codes,
            hints=signer,
            transactions=database,
            audit=audit,
        ),
        signer=signer,
        people=people,
        identities=Identities(signer=signer, people=people, issuer=settings.issuer, clock=clock),
        reading=Reading(tokens=ReadTokens(kit.storage.published, issuer=settings.issuer), revoked=SqlRevoked(database)),
        registering=registering,
        secrets=ClientSecrets(kept=registered, registering=registering, audit=audit),
        audit=audit,
        clock=clock,
    )
