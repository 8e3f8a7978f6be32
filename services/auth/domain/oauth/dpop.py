"""Whether a client has proven, for this one request, the key that its token is bound to (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from services.auth.domain.errors import DpopNonceNeeded, DpopProofInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROOF_TYPE = "dpop+jwt"
"""The `typ` of a proof: no other signed document is taken for one (§4.2)."""

ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "Ed25519", "EdDSA")
"""The algorithms of proofs: asymmetric ones alone (§4.3)."""

MAX_PROOF = 8192
"""Characters beyond which nobody looks at a proof."""

MAX_ID = 256
"""Characters of the longest `jti`."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedProof:
    """A proof whose signature fits the key that is in it."""

    thumbprint: str
    """SHA-256 thumbprint of the key (RFC 7638), base64url: `jkt`."""
    type: str
    """The header `typ`."""
    claims: Mapping[str, object]
    """What it says."""


class ProofReader(Protocol):
    """Reads proofs."""

    def read(self, proof: str) -> SignedProof:
        """Return a proof that is signed by the public key in its header, by an algorithm of `ALGORITHMS`.

        Raises:
            DpopProofInvalid: it is none.
        """


class Replays(Protocol):
    """Remembers what may be used once."""

    async def is_first(self, digest: str, keep_for: timedelta) -> bool:
        """Remember a digest, and return whether it was not known.

        Raises:
            ReplayUnavailable: nobody can tell just now.
        """


class Nonces(Protocol):
    """Makes nonces that say when they were made (§8)."""

    def current(self) -> str:
        """Return a nonce that is good from now on."""

    def accepts(self, nonce: str) -> bool:
        """Whether it is one of ours and still good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofVerifier:
    """Verifies proofs, each of them once."""

    reader: ProofReader
    """Reads and checks the signature."""
    replays: Replays
    """Knows which were used."""
    nonces: Nonces | None = None
    """Makes and knows nonces; a proof with one that is none of ours is refused."""
    past: timedelta = timedelta(seconds=60)
    """How long ago a proof may have been made."""
    future: timedelta = timedelta(seconds=15)
    """How far a client's clock may be ahead."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def verify_proof(
        self, proof: str, *, method: str, url: str, access_token: str | None = None, needs_nonce: bool = False
    ) -> str:
        """Return the thumbprint of the key that a proof for this request was made with (§4.3).

        `access_token` is the one that came with it, where a resource is asked for; its `cnf.jkt` is the caller's to
        compare. `needs_nonce` asks for one of our nonces.

        Raises:
            DpopProofInvalid: the proof is none, is of another request, too old, or was used before.
            DpopNonceNeeded: it has no nonce that is good, and says the one to use.
            ReplayUnavailable: nobody can tell whether it was used before.
        """
        if not proof or len(proof) > MAX_PROOF:
            raise DpopProofInvalid("There has to be one proof in the header `DPoP`.")
        signed = self.reader.read(proof)
        self._check_request(signed, method, url)
        self._check_time(signed)
        _check_token(signed, access_token)
        self._check_nonce(signed, needed=needs_nonce)
        await self._check_once(signed)
        return signed.thumbprint

    def _check_request(self, signed: SignedProof, method: str, url: str) -> None:
        if signed.type.lower().removeprefix("application/") != PROOF_TYPE:
            raise DpopProofInvalid(f"Its `typ` is not {PROOF_TYPE}.")
        if signed.claims.get("htm") != method:
            raise DpopProofInvalid("Its `htm` is another method.")
        said = signed.claims.get("htu")
        if not isinstance(said, str) or _without_query(said) != _without_query(url):
            raise DpopProofInvalid("Its `htu` is another address.")

    def _check_time(self, signed: SignedProof) -> None:
        issued, now = signed.claims.get("iat"), self.clock().timestamp()
        if isinstance(issued, bool) or not isinstance(issued, (int, float)):
            raise DpopProofInvalid("Its `iat` is missing.")
        # Written so that NaN passes neither.
        if not now - self.past.total_seconds() <= issued <= now + self.future.total_seconds():
            raise DpopProofInvalid("Its `iat` is not now. Is a clock wrong?")
        expires, begins = signed.claims.get("exp", now + 1), signed.claims.get("nbf", now)
        if not isinstance(expires, (int, float)) or not expires > now:
            raise DpopProofInvalid("Its `exp` is over.")
        if not isinstance(begins, (int, float)) or not begins <= now + self.future.total_seconds():
            raise DpopProofInvalid("Its `nbf` is still to come.")

    def _check_nonce(self, signed: SignedProof, *, needed: bool) -> None:
        nonce = signed.claims.get("nonce")
        if self.nonces is None or (nonce is None and not needed):
            return
        if not isinstance(nonce, str) or not self.nonces.accepts(nonce):
            raise DpopNonceNeeded(self.nonces.current())

    async def _check_once(self, signed: SignedProof) -> None:
        proof_id = signed.claims.get("jti")
        if not isinstance(proof_id, str) or not 0 < len(proof_id) <= MAX_ID:
            raise DpopProofInvalid("Its `jti` is missing.")
        digest = hashlib.sha256(f"{signed.thumbprint}:{proof_id}".encode("utf-8", "surrogatepass")).hexdigest()
        if not await self.replays.is_first(digest, self.past + 2 * self.future):
            raise DpopProofInvalid("It was used before.")


def _check_token(signed: SignedProof, access_token: str | None) -> None:
    if access_token is None:
        return
    expected = _base64(hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest())
    said = signed.claims.get("ath")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode("utf-8", "surrogatepass"), expected.encode()):
        raise DpopProofInvalid("Its `ath` is not of this token.")


def _without_query(url: str) -> tuple[str, str, int | None, str]:
    """Return a URL as it is compared: without query and fragment, and in one form (RFC 3986 §6.2.2, §6.2.3)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise DpopProofInvalid("Its `htu` is no address.") from None
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), port or _DEFAULT_PORTS.get(scheme), parts.path or "/"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
