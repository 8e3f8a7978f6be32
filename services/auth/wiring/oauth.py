"""Wires OAuth 2.1 and OpenID Connect.

What is no part of its heart plugs in by `EXTENSIONS`: each takes the parts and gives an `Extension` with further
grants (by `grant_type`), authenticators (by method), endpoints, metadata, or the proof of keys.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.auth.domain.oauth.authenticating import BY_SECRET, Authentication
from services.auth.domain.oauth.client_secrets import ClientSecrets
from services.auth.domain.oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from services.auth.domain.oauth.flows import Flows
from services.auth.domain.oauth.granting import ClientGrant, CodeGrant, Desk, RefreshGrant
from services.auth.domain.oauth.id_tokens import Identities
from services.auth.domain.oauth.introspecting import Introspection, Reading, Revoking
from services.auth.domain.oauth.registering import Registering
from services.auth.http.cookies import Cookie
from services.auth.http.oauth import routes
from services.auth.http.oauth.provider import NoHolding, Provider
from services.auth.servicer.clients import ClientServicer
from services.auth.servicer.consents import ConsentServicer
from services.auth.storage.oauth_clients import RememberedClients, SqlClients
from services.auth.storage.oauth_codes import SqlCodes
from services.auth.storage.oauth_consents import SqlConsents
from services.auth.storage.oauth_flows import SqlFlows
from services.auth.storage.oauth_people import SqlPeople
from services.auth.storage.oauth_revoked import SqlRevoked
from services.auth.storage.oauth_tokens import JwtSigner, ReadTokens
from services.auth.wiring.audit import audit_of
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from starlette.routing import BaseRoute

    from services.auth.domain.audit import Audit
    from services.auth.domain.oauth.authenticating import Authenticator
    from services.auth.domain.oauth.granting import GrantType
    from services.auth.http.oauth.provider import Holding
    from services.auth.wiring.kit import Kit
    from services.chassis.frame import Task

_FORGET_EVERY = 60.0


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


EXTENSIONS: tuple[Callable[[Parts], Extension], ...] = ()
"""What is added to the heart of OAuth."""


def wire(kit: Kit) -> Part:
    """Serve the endpoints, clients and consents."""
    parts = build_parts(kit)
    extensions = [extend(parts) for extend in EXTENSIONS]
    provider = _provider(parts, extensions)
    servicers: dict[str, object] = {
        "tenon.auth.v1.ClientService": ClientServicer(
            records=kit.records, registering=parts.registering, secrets=parts.secrets
        ),
        "tenon.auth.v1.ConsentService": ConsentServicer(consents=parts.consents, audit=parts.audit, clock=parts.clock),
    }
    part = Part(servicers=servicers, routes=routes(provider), tasks=(_forgetting(parts),))
    for extension in extensions:
        added = extension.routes(provider) if extension.routes else ()
        part = part.joined(Part(servicers=extension.servicers, routes=added, tasks=extension.tasks))
    return part


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


def _provider(parts: Parts, extensions: list[Extension]) -> Provider:
    kit, settings = parts.kit, parts.kit.frame.settings
    grants, authenticators, metadata = _grants(parts), dict(BY_SECRET), dict[str, Any]()
    holding: Holding = NoHolding()
    for extension in extensions:
        grants |= extension.grants
        authenticators |= extension.authenticators
        metadata |= extension.metadata
        holding = extension.holding or holding
    return Provider(
        issuer=settings.issuer,
        audience=settings.audience,
        clients=parts.clients,
        authentication=Authentication(clients=parts.clients, authenticators=authenticators, audit=parts.audit),
        desk=Desk(grants=grants),
        flows=parts.flows,
        codes=parts.codes,
        sessions=kit.sessions,
        cookie=Cookie.at(settings.issuer),
        reading=parts.reading,
        introspection=Introspection(
            reading=parts.reading, families=kit.families, clock=parts.clock, issuer=settings.issuer
        ),
        revoking=Revoking(tokens=parts.reading.tokens, families=kit.families, revocations=kit.storage.revocations),
        people=parts.people,
        signer=parts.signer,
        holding=holding,
        metadata=metadata,
    )


def _grants(parts: Parts) -> dict[str, GrantType]:
    kit = parts.kit
    codes = CodeGrant(
        codes=parts.codes,
        directory=kit.storage.directory,
        sessions=kit.sessions,
        families=kit.families,
        identities=parts.identities,
        transactions=kit.storage.database,
        audit=parts.audit,
        clock=parts.clock,
    )
    return {
        AUTHORIZATION_CODE: codes,
        REFRESH_TOKEN: RefreshGrant(families=kit.families, identities=parts.identities, audit=parts.audit),
        CLIENT_CREDENTIALS: ClientGrant(directory=kit.storage.directory, tokens=kit.storage.tokens),
    }


def _forgetting(parts: Parts) -> Task:
    async def forget() -> None:
        """Forget what has expired, once a minute, until cancelled."""
        while True:
            try:
                await parts.codes.prune(now=parts.clock())
                await parts.flows.kept.prune(now=parts.clock())
            except TenonError:
                pass  # the database does not answer just now; the next round does more
            await asyncio.sleep(_FORGET_EVERY)

    return forget
