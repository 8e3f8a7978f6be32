"""What a client is told of who has signed in, and how (OIDC Core §2)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from services.auth.domain.oauth.claims import id_token_claims

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from services.auth.domain.families import Family
    from services.auth.domain.oauth.claims import People
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.tokens import AccessToken

ALGORITHMS = ("RS256", "ES256")
"""What id tokens are signed with; the first is what every client understands (OIDC Discovery §3)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What an id token is made of."""

    family: Family
    """What the client holds."""
    access: AccessToken
    """The access token that goes with it."""
    nonce: str
    """What the client wants to see again, or empty."""
    asked: Mapping[str, Any]
    """The claims that were asked for by name."""


class Signer(Protocol):
    """Signs what is told to clients."""

    async def sign(self, claims: Mapping[str, Any], *, algorithm: str, kind: str = "JWT") -> str:
        """Return a JWT with that `typ`. Raises `SigningKeyMissing`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identities:
    """Makes id tokens."""

    signer: Signer
    """Signs them."""
    people: People
    """Says what is known of people."""
    issuer: str
    """`iss`."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    async def sign(self, client: Client, identity: Identity) -> str:
        """Return an id token for a client."""
        family, proof = identity.family, identity.family.authentication
        known: Mapping[str, Any] = {}
        if identity.asked:
            known = await self.people.find_claims(family.user) or {}
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": family.user,
            "aud": client.id,
            "azp": client.id,
            "iat": int(self.clock().timestamp()),
            "exp": int(identity.access.expires.timestamp()),
            "at_hash": half_hash(identity.access.text),
            **id_token_claims(known, identity.asked),
        }
        if proof is not None:
            claims |= {"auth_time": int(proof.time.timestamp()), "acr": proof.level, "amr": list(proof.claimed)}
        claims |= {name: value for name, value in (("nonce", identity.nonce), ("sid", family.session)) if value}
        return await self.signer.sign(claims, algorithm=client.id_token_algorithm)


def half_hash(text: str) -> str:
    """Return `at_hash`: half a SHA-256, which both of our algorithms use (OIDC Core §3.1.3.6)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()
