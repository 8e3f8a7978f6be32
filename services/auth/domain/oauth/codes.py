"""Authorization codes: 256 random bits that one client redeems once, soon (RFC 6749 §4.1.2; OAuth 2.1 §4.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from services.auth.domain.oauth.requests import AuthorizationRequest

LIFETIME = timedelta(seconds=60)
"""How long a code may be redeemed (ASVS 5.0 10.4.3)."""

MEMORY = timedelta(hours=1)
"""How long a code is remembered, so that its second use is noticed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What a person has agreed to, until the client comes for it."""

    request: AuthorizationRequest
    """What was asked for."""
    organization: str
    """The organization that the person acts in."""
    user: str
    """Name of the person."""
    session: str
    """The session in which they agreed."""
    family: str
    """The family that it opens, or has opened."""
    expires: datetime
    """Until when it may be redeemed."""
    used: datetime | None = None
    """When it was redeemed, or None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Redemption:
    """What a client shows with a code."""

    digest: bytes
    """SHA-256 of the code."""
    client: str
    """The client, which has proven who it is."""
    challenge: str
    """The challenge of the verifier that it has sent."""
    redirect_uri: str
    """Where it says that the code came to, or empty (OAuth 2.1 §10.2: PKCE says it already)."""
    confirmation: str
    """The thumbprint of the key that it has proven, or empty."""


class Codes(Protocol):
    """Keeps codes by their SHA-256."""

    async def keep(self, digest: bytes, code: Code) -> None:
        """Keep a new code."""

    async def use(self, redemption: Redemption, *, now: datetime) -> Code | None:
        """Use a code up, in one atomic step, or return None where it is used, expired, or anything does not fit."""

    async def find(self, digest: bytes) -> Code | None:
        """Return a code, used or not."""

    async def keep_asked(self, family: str, asked: bytes) -> None:
        """Keep which claims a client has asked for by name, for as long as what the code has opened."""

    async def find_asked(self, family: str) -> bytes:
        """Return which claims were asked for, in JSON; nothing where none were."""

    async def prune(self, *, now: datetime) -> None:
        """Forget codes that are past their memory."""
