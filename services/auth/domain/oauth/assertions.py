"""How a client proves who it is by a JWT that its own key has signed (RFC 7523 §2.2, §3; OIDC Core §9)."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from services.auth.domain.oauth.clients import PRIVATE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from services.auth.domain.oauth.authenticating import Presented
    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.oauth.dpop import Replays

LONGEST_LIFE = timedelta(minutes=10)
"""How far ahead an assertion may expire: for so long it is remembered."""

LEEWAY = timedelta(seconds=15)
"""How far a client's clock may be ahead."""

MAX_ASSERTION = 8192
"""Characters beyond which nobody looks at an assertion."""

_MAX_ID = 256


class Assertions(Protocol):
    """Reads assertions."""

    async def read(self, client: Client, assertion: str) -> Mapping[str, Any] | None:
        """Return what an assertion says that one of the client's keys has signed, or None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyAuthenticator:
    """Judges assertions, each of them once (port `Authenticator`)."""

    assertions: Assertions
    """Reads them."""
    replays: Replays
    """Knows which were used."""
    issuer: str
    """The one audience: of an assertion for an endpoint of ours nobody knows whom its client trusts (RFC 7523bis)."""
    clock: Callable[[], datetime]
    """Now, with its time zone."""

    async def proves(self, client: Client, presented: Presented) -> bool:
        """Whether the assertion is this client's, for us, now and for the first time. Raises `ReplayUnavailable`."""
        if presented.method != PRIVATE_KEY or not 0 < len(presented.assertion) <= MAX_ASSERTION:
            return False
        claims = await self.assertions.read(client, presented.assertion)
        if claims is None or not self._fits(client, claims):
            return False
        assertion_id = claims.get("jti")
        if not isinstance(assertion_id, str) or not 0 < len(assertion_id) <= _MAX_ID:
            return False
        digest = hashlib.sha256(f"{client.id}:{assertion_id}".encode("utf-8", "surrogatepass")).hexdigest()
        return await self.replays.is_first(digest, LONGEST_LIFE + LEEWAY)

    def _fits(self, client: Client, claims: Mapping[str, Any]) -> bool:
        # One audience, as a string: in a list another server could stand, which would use it here.
        if (claims.get("iss"), claims.get("sub"), claims.get("aud")) != (client.id, client.id, self.issuer):
            return False
        now = self.clock().timestamp()
        latest = now + LEEWAY.total_seconds()
        expires, issued, begins = (_time(claims.get(name, other)) for name, other in _times(now))
        # Written so that NaN passes nowhere.
        return now < expires <= latest + LONGEST_LIFE.total_seconds() and issued <= latest and begins <= latest


def _times(now: float) -> tuple[tuple[str, float | None], ...]:
    """Return the claims of times, and what counts where they are not there."""
    return (("exp", None), ("iat", now), ("nbf", now))


def _time(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
