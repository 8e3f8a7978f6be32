"""Reads proofs of possession by joserfc, and remembers in Redis which were used (RFC 9449 §4.3, §11.1)."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from redis.exceptions import RedisError

from services.auth.domain.errors import DpopProofInvalid, ReplayUnavailable
from services.auth.domain.oauth.dpop import ALGORITHMS, MAX_PROOF, SignedProof
from services.chassis.keyring import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from services.chassis.keyring import Sealer

_NONCE = b"dpop nonce"
_PARTS = 3
_HEADERS = frozenset({"typ", "alg", "jwk", "kid"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KINDS = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "PS256": ("RSA", ""),
    "RS256": ("RSA", ""),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 4096


class JoseProofReader:
    """Proofs as JWTs (port `ProofReader`)."""

    def read(self, proof: str) -> SignedProof:
        """Return a proof that is signed by the public key in its header. Raises `DpopProofInvalid`."""
        header = _read_header(proof)
        algorithm, jwk = header["alg"], header["jwk"]
        try:
            key = JWKRegistry.import_key(jwk)
            # Our own code has said which algorithm goes with which key; it is not warned of one of them.
            signed = jws.deserialize_compact(proof, key, registry=_REGISTRY, algorithms=[algorithm])
            claims = json.loads(signed.payload or b"")
            thumbprint = key.thumbprint()
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise DpopProofInvalid("Its signature is wrong.") from error
        if not isinstance(claims, dict):
            raise DpopProofInvalid("It says nothing.")
        return SignedProof(thumbprint=thumbprint, type=str(header.get("typ", "")), claims=claims)


_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
# An RSA key in the header is longer than the library lets a header be; the whole is bounded by `MAX_PROOF`.
_REGISTRY.max_header_length = MAX_PROOF


def _read_header(proof: str) -> dict[str, Any]:
    """Return the header, in which nothing may stand that we do not know."""
    parts = proof.split(".")
    if len(parts) != _PARTS:
        raise DpopProofInvalid("It is not a signed JWT.")
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0].encode("ascii") + b"=" * (-len(parts[0]) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise DpopProofInvalid("It is not a signed JWT.") from error
    if not isinstance(header, dict) or not header.keys() <= _HEADERS:
        raise DpopProofInvalid("It has a header that is not allowed.")
    if header.get("alg") not in ALGORITHMS:
        raise DpopProofInvalid(f"It is signed with none of {', '.join(ALGORITHMS)}.")
    _check_key(header["alg"], header.get("jwk"))
    return header


def _check_key(algorithm: str, jwk: object) -> None:
    if not isinstance(jwk, dict) or not all(isinstance(value, str) for value in jwk.values() if value is not None):
        raise DpopProofInvalid("It does not hold its key.")
    if _PRIVATE & jwk.keys():
        raise DpopProofInvalid("It holds a private key, which is burnt by that. Make a new one.")
    kind, curve = _KINDS[algorithm]
    if jwk.get("kty") != kind or (curve and jwk.get("crv") != curve):
        raise DpopProofInvalid("Its key does not go with its algorithm.")
    if kind == "RSA" and not _MIN_RSA_BITS <= 6 * len(jwk.get("n") or "") + 5 <= _MAX_RSA_BITS + 16:
        raise DpopProofInvalid("Its RSA key is too short or too long.")


class RedisReplays:
    """What was used, in Redis for as long as it could be used again (port `Replays`)."""

    def __init__(self, redis: Redis, kind: str) -> None:
        """Take a client, and what is remembered."""
        self._redis = redis
        self._prefix = f"auth:once:{kind}:"

    async def is_first(self, digest: str, keep_for: timedelta) -> bool:
        """Remember a digest, and return whether it was not known. Raises `ReplayUnavailable`."""
        try:
            kept = await self._redis.set(f"{self._prefix}{digest}", 1, nx=True, ex=int(keep_for.total_seconds()) + 1)
        except (RedisError, OSError) as error:
            raise ReplayUnavailable from error
        return bool(kept)


class SealedNonces:
    """Nonces that nobody has to keep: each holds, sealed, the moment at which it was made (port `Nonces`)."""

    def __init__(
        self,
        sealer: Sealer,
        *,
        lifetime: timedelta = timedelta(minutes=5),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take what seals, in all processes alike, how long a nonce is good, and a clock."""
        self._sealer = sealer
        self._lifetime = lifetime.total_seconds()
        self._clock = clock

    def current(self) -> str:
        """Return a nonce that is good from now on."""
        sealed = self._sealer.seal(str(int(self._clock().timestamp())).encode(), _NONCE)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def accepts(self, nonce: str) -> bool:
        """Whether it is one of ours and still good."""
        try:
            sealed = base64.urlsafe_b64decode(nonce.encode("ascii") + b"=" * (-len(nonce) % 4))
            made = int(self._sealer.open(sealed, _NONCE))
        except (SealBroken, ValueError, binascii.Error):
            return False
        return self._clock().timestamp() - made < self._lifetime
