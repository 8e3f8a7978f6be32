"""Signs access tokens as JWTs (RFC 9068, ES256)."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from joserfc import jwt
from joserfc.jwk import ECKey

from services.auth.domain.errors import TokenTooLarge
from services.auth.domain.permissions import drop_covered
from services.auth.domain.signing_keys import current_key
from services.auth.domain.tokens import MAX_TOKEN, AccessToken
from services.chassis.tokens import ALGORITHM, TOKEN_TYPE

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
        self._imported: tuple[str, ECKey] | None = None

    async def issue(self, grant: Grant) -> AccessToken:
        """Return a signed token. Raises `TokenTooLarge`, `SigningKeyMissing`."""
        now = self._clock()
        key = current_key(await self._keys.list(), now)
        expires = (now + self._lifetime).replace(microsecond=0)
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": grant.subject,
            "org": grant.organization,
            "permissions": drop_covered(grant.permissions),
            "client_id": grant.client,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "jti": secrets.token_urlsafe(12),
        }
        if grant.session:
            claims["sid"] = grant.session
        text = jwt.encode(
            {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.id}, claims, self._import(key), algorithms=[ALGORITHM]
        )
        if len(text) > MAX_TOKEN:
            raise TokenTooLarge(len(text), MAX_TOKEN)
        return AccessToken(text=text, expires=expires)

    def _import(self, key: SigningKey) -> ECKey:
        if self._imported is None or self._imported[0] != key.id:
            self._imported = (key.id, ECKey.import_key(dict(key.private or {})))
        return self._imported[1]
