"""Reads access tokens that are bound to a key, and signs plain ones that say the same."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from services.auth.domain.errors import DpopProofInvalid
from services.auth.domain.exchanging import LIFETIME, Exchanged
from services.chassis.errors import PermissionDenied, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.storage.tokens import JwtTokens
    from services.chassis.tokens import Claims, TokenVerifier


class JwtBoundTokens:
    """Bound tokens as JWTs with `cnf.jkt` (port `BoundTokens`; RFC 9449 §6.1)."""

    def __init__(
        self, verifier: TokenVerifier, tokens: JwtTokens, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take what verifies tokens, what signs them, and a clock."""
        self._verifier = verifier
        self._tokens = tokens
        self._clock = clock

    async def thumbprint(self, token: str) -> str:
        """Return the thumbprint of the key that a token is bound to. Raises `DpopProofInvalid`."""
        return (await self._verify(token)).confirmation

    async def unbind(self, token: str) -> Exchanged:
        """Return a token that says the same and is bound to no key. Raises `DpopProofInvalid`."""
        claims = await self._verify(token)
        payload = _payload(token)
        del payload["cnf"]
        # The same `jti`, `grant` and `iat`: what takes back the one takes back the other.
        plain = await self._tokens.sign({**payload, "exp": int(min(claims.expires, self._latest()))})
        return Exchanged(
            text=plain.text,
            expires=plain.expires,
            issued=claims.issued,
            subject=claims.subject,
            organization=claims.organization,
            client=claims.client,
            session=claims.session,
            grant=claims.grant,
            token_id=claims.token_id,
            key_id=claims.key_id,
        )

    async def _verify(self, token: str) -> Claims:
        try:
            return await self._verifier.verify(token)
        except (Unauthenticated, PermissionDenied) as error:
            raise DpopProofInvalid("The token that it belongs to is not good.") from error

    def _latest(self) -> float:
        return (self._clock() + LIFETIME).timestamp()


def _payload(token: str) -> dict[str, Any]:
    """Return what a token says that was verified."""
    part = token.split(".")[1]
    payload: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return payload
