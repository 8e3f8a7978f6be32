"""Signs access tokens as JWTs (RFC 9068, ES256)."""

from __future__ import annotations

import functools
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.auth.domain.errors import TokenTooLarge
from services.auth.domain.permissions import drop_covered
from services.auth.domain.signing_keys import current_key
from services.auth.domain.tokens import MAX_TOKEN, AccessToken
from services.auth.storage.signatures import CompactSigner
from services.chassis.tokens import TOKEN_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.signing_keys import SigningKey
    from services.auth.domain.tokens import Grant
    from services.auth.storage.signing_keys import KeySource


class JwtTokens:
    """Signs with the key that is current (port `Tokens`)."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        audience: str,
        lifetime: timedelta = timedelta(minutes=10),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take where keys are, who issues, for whom, and how long a token lives."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._clock = clock
        self._signer: CompactSigner | None = None

    async def issue(self, grant: Grant) -> AccessToken:
        """Return a signed token. Raises `TokenTooLarge`, `SigningKeyMissing`."""
        now = self._clock()
        expires = (now + (grant.lifetime or self._lifetime)).replace(microsecond=0)
        issued = max(int(now.timestamp()), grant.valid_from)
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": _one_or_list(grant.audience or (self._audience,)),
            "sub": grant.subject,
            "org": grant.organization,
            "permissions": _claimed(grant.permissions),
            "client_id": grant.client,
            "iat": issued,
            "nbf": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "jti": secrets.token_urlsafe(12),
            **_optional_claims(grant),
        }
        return await self.sign(claims)

    async def sign(self, claims: dict[str, Any]) -> AccessToken:
        """Return an access token with these claims. Raises `TokenTooLarge`, `SigningKeyMissing`."""
        key = current_key(await self._keys.list(), self._clock())
        text = self._import(key).sign(claims, TOKEN_TYPE)
        if len(text) > MAX_TOKEN:
            raise TokenTooLarge(len(text), MAX_TOKEN)
        expires = datetime.fromtimestamp(claims["exp"], UTC)
        return AccessToken(text=text, expires=expires, id=claims["jti"], key_id=key.id)

    def _import(self, key: SigningKey) -> CompactSigner:
        if self._signer is None or self._signer.id != key.id:
            self._signer = CompactSigner(key)
        return self._signer


# The same few sets of permissions are claimed over and over; nobody changes the list that is remembered.
@functools.lru_cache(maxsize=4096)
def _claimed(permissions: frozenset[str]) -> list[str]:
    return drop_covered(permissions)


def _one_or_list(audience: tuple[str, ...]) -> str | list[str]:
    """Return `aud` in its usual form (RFC 7519 §4.1.3)."""
    return audience[0] if len(audience) == 1 else list(audience)


def _optional_claims(grant: Grant) -> dict[str, Any]:
    """Return the claims that not every token has."""
    claims: dict[str, Any] = {"sid": grant.session, "grant": grant.family, "scope": grant.scope, "act": grant.actor}
    if grant.confirmation:
        claims["cnf"] = {"jkt": grant.confirmation}
    if (proof := grant.authentication) is not None:
        claims |= {"auth_time": int(proof.time.timestamp()), "acr": proof.level, "amr": list(proof.claimed)}
    return {name: value for name, value in claims.items() if value}
