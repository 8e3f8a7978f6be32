"""Wires OAuth 2.1 and OpenID Connect.

What is no part of its heart plugs in by `EXTENSIONS`: each takes the parts and gives an `Extension` with further
grants (by `grant_type`), authenticators (by method), endpoints, metadata, or the proof of keys.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.auth.domain.oauth.authenticating import BY_SECRET, Authentication
from services.auth.domain.oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from services.auth.domain.oauth.granting import ClientGrant, CodeGrant, Desk, RefreshGrant
from services.auth.domain.oauth.introspecting import Introspection, Revoking
from services.auth.http.cookies import Cookie
from services.auth.http.oauth import routes
from services.auth.http.oauth.provider import NoHolding, Provider
from services.auth.servicer.clients import ClientServicer
from services.auth.servicer.consents import ConsentServicer
from services.auth.storage.audit_queue import QueuedAudit
from services.auth.wiring import (
    oauth_client_keys,
    oauth_devices,
    oauth_exchange,
    oauth_holding,
    oauth_logout,
    oauth_registration,
)
from services.auth.wiring.oauth_parts import build_parts
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.oauth.granting import GrantType
    from services.auth.http.oauth.provider import Holding
    from services.auth.wiring.kit import Kit
    from services.auth.wiring.oauth_parts import Extension, Parts
    from services.chassis.frame import Task

_FORGET_EVERY = 60.0

EXTENSIONS: tuple[Callable[[Parts], Extension], ...] = (
    oauth_client_keys.extend,
    oauth_devices.extend,
    oauth_exchange.extend,
    oauth_holding.extend,
    oauth_logout.extend,
    oauth_registration.extend,
)
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
    kit, queued = parts.kit, QueuedAudit(parts.kit.frame.audit)
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
        REFRESH_TOKEN: RefreshGrant(
            families=kit.families, identities=parts.identities, audit=parts.audit, renewals=queued
        ),
        CLIENT_CREDENTIALS: ClientGrant(directory=kit.storage.directory, tokens=kit.storage.tokens, audit=queued),
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
