"""Reads access tokens and id tokens that come back, and signs what is told to clients."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from services.auth.domain.oauth.id_tokens import ALGORITHMS
from services.auth.domain.signing_keys import current_key
from services.auth.storage.signatures import CompactSigner
from services.chassis.tokens import ALGORITHM, TokenInvalid, read_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.auth.domain.signing_keys import SigningKey
    from services.auth.storage.signing_keys import KeySource

ID_TOKEN_TYPE = "JWT"  # noqa: S105 - a media type
_LEEWAY = 5.0


class ReadTokens:
    """Reads access tokens of every audience, each one once (port `AccessTokens`)."""

    def __init__(
        self,
        keys: KeySource,
        *,
        issuer: str,
        capacity: int = 20_000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take where keys are, who issues, and how many tokens are remembered."""
        self._keys = keys
        self._issuer = issuer
        self._capacity = capacity
        self._clock = clock
        self._imported: tuple[Sequence[SigningKey], dict[str, ECKey]] = ((), {})
        self._known: dict[bytes, Mapping[str, Any]] = {}

    async def read(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that is genuine and has not expired, or None."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self._known.get(digest)
        if claims is None:
            claims = await self._read(token)
            if claims is None:
                return None
            while len(self._known) >= self._capacity:
                del self._known[next(iter(self._known))]
            self._known[digest] = claims
        now = self._clock().timestamp()
        return claims if claims["nbf"] - _LEEWAY <= now < claims["exp"] else None

    async def _read(self, token: str) -> Mapping[str, Any] | None:
        published = await self._keys.list()
        if published is not self._imported[0]:
            public = {key.id: key.public for key in published if key.algorithm == ALGORITHM}
            self._imported = (published, {kid: ECKey.import_key(dict(jwk)) for kid, jwk in public.items()})
            self._known.clear()
        try:
            claims = read_signed(token, self._imported[1].get)
        except TokenInvalid:
            return None
        times = all(isinstance(claims.get(name), int) for name in ("iat", "nbf", "exp"))
        return claims if times and claims.get("iss") == self._issuer and isinstance(claims.get("jti"), str) else None


class JwtSigner:
    """Signs by the key that is current, and reads what it has signed (ports `Signer` and `Hints`)."""

    def __init__(
        self, keys: KeySource, *, issuer: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Take where keys are, and who issues."""
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._signers: dict[str, CompactSigner] = {}

    async def sign(self, claims: Mapping[str, Any], *, algorithm: str, kind: str = ID_TOKEN_TYPE) -> str:
        """Return a JWT with that `typ`. Raises `SigningKeyMissing`."""
        key = current_key(await self._keys.list(), self._clock(), algorithm)
        return self._signer(key).sign(claims, kind)

    async def read_hint(self, token: str, client: str) -> str | None:
        """Return `sub` of an id token of ours for that client, expired or not; None where it is none."""
        claims = await self.read(token)
        if claims is None:
            return None
        audience = claims.get("aud")
        meant = client in audience if isinstance(audience, list) else client == audience
        subject = claims.get("sub")
        return subject if meant and isinstance(subject, str) else None

    async def read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an id token of ours, whatever its times are; None for anything else."""
        public = {key.id: key for key in await self._keys.list() if key.algorithm in ALGORITHMS}

        def find(guest: Any) -> ECKey | RSAKey:
            key = public[guest.headers()["kid"]]
            if guest.headers().get("alg") != key.algorithm:
                raise KeyError(key.id)
            return _import(key.public)

        try:
            read = jwt.decode(token, find, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, KeyError, TypeError):
            return None
        # Access tokens, logout tokens and registrations have another `typ`.
        if read.header.get("typ") != ID_TOKEN_TYPE or read.claims.get("iss") != self._issuer:
            return None
        return dict(read.claims)

    def _signer(self, key: SigningKey) -> CompactSigner:
        if key.id not in self._signers:
            self._signers = {**dict(list(self._signers.items())[-3:]), key.id: CompactSigner(key)}
        return self._signers[key.id]


def _import(jwk: Mapping[str, str]) -> ECKey | RSAKey:
    return RSAKey.import_key(dict(jwk)) if jwk.get("kty") == "RSA" else ECKey.import_key(dict(jwk))
