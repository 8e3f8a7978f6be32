"""Wires how clients sign people out, and how they hear of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.auth.domain.oauth.logout import Leaving
from services.auth.domain.oauth.logout_notices import BackchannelLogout
from services.auth.http.oauth import logout
from services.auth.http.oauth.returning import ReturnAddresses
from services.auth.storage.logout_notices import SqlLogoutNotices
from services.auth.storage.outgoing import Outgoing
from services.auth.storage.telling import HttpTeller
from services.auth.wiring.factors import session_lists_of
from services.auth.wiring.oauth_parts import Extension

if TYPE_CHECKING:
    from services.auth.wiring.kit import Kit
    from services.auth.wiring.oauth_parts import Parts


def returns_of(kit: Kit) -> ReturnAddresses:
    """Return what carries through pages where somebody goes afterwards."""
    return ReturnAddresses(kit.frame.keyring.sealer("auth return address"))


def backchannel_of(parts: Parts, outgoing: Outgoing) -> BackchannelLogout:
    """Return what tells clients of sessions that have ended."""
    return BackchannelLogout(
        queue=SqlLogoutNotices(parts.kit.storage.database),
        clients=parts.clients,
        signer=parts.signer,
        teller=HttpTeller(outgoing),
        audit=parts.audit,
        issuer=parts.kit.frame.settings.issuer,
        clock=parts.clock,
    )


def extend(parts: Parts) -> Extension:
    """Add the endpoint, the metadata, and the loop that tells clients."""
    kit = parts.kit
    leaving = Leaving(hints=parts.signer, clients=parts.clients, lists=session_lists_of(kit))

    async def tell() -> None:
        """Tell clients until cancelled."""
        outgoing = Outgoing(private=kit.settings.outgoing_private)
        try:
            await backchannel_of(parts, outgoing).run()
        finally:
            await asyncio.shield(outgoing.aclose())

    return Extension(
        metadata={
            "end_session_endpoint": kit.frame.settings.issuer + logout.PATH,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        },
        routes=lambda provider: logout.routes(provider, leaving, returns_of(kit)),
        tasks=(tell,),
    )
