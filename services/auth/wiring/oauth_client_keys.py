"""Wires how clients prove who they are by keys and certificates."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.auth.domain.oauth.assertions import KeyAuthenticator
from services.auth.domain.oauth.certificates import CertificateAuthenticator
from services.auth.domain.oauth.clients import CERTIFICATE, PRIVATE_KEY
from services.auth.domain.oauth.dpop import ALGORITHMS
from services.auth.storage.client_keys import ClientKeys
from services.auth.storage.dpop import RedisReplays
from services.auth.storage.outgoing import Outgoing
from services.auth.wiring.oauth_parts import Extension

if TYPE_CHECKING:
    from services.auth.wiring.oauth_parts import Parts

ENDPOINTS = ("token", "introspection", "revocation")
"""Whose metadata say what assertions are signed with."""


def extend(parts: Parts) -> Extension:
    """Take assertions and certificates. Of the latter nothing is said: the edge, whose address is told, has none."""
    kit = parts.kit
    outgoing = Outgoing(private=kit.settings.outgoing_private)
    by_key = KeyAuthenticator(
        assertions=ClientKeys(outgoing),
        replays=RedisReplays(kit.storage.redis, "assertion"),
        issuer=kit.frame.settings.issuer,
        clock=parts.clock,
    )

    async def close() -> None:
        """Wait for the end, and end what is under way."""
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(outgoing.aclose())

    return Extension(
        authenticators={PRIVATE_KEY: by_key, CERTIFICATE: CertificateAuthenticator()},
        metadata={f"{name}_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS) for name in ENDPOINTS},
        tasks=(close,),
    )
