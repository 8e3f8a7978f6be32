"""What people have agreed that clients may do for them (ASVS 5.0 10.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.oauth.requests import AuthorizationRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """What somebody has agreed to."""

    client: str
    """The client."""
    client_name: str
    """What people know it by; empty where it is gone."""
    client_uri: str
    """Its own page, or empty."""
    scopes: tuple[str, ...]
    """What it may do."""
    given: datetime
    """When they first agreed."""
    changed: datetime
    """When they last agreed."""


class Consents(Protocol):
    """Keeps consents."""

    async def find(self, organization: str, user: str, client: str) -> frozenset[str]:
        """Return the scopes that somebody has agreed to."""

    async def give(self, organization: str, user: str, client: str, scopes: Sequence[str], *, now: datetime) -> None:
        """Add scopes to those that somebody has agreed to."""

    async def list(self, organization: str, user: str) -> Sequence[Consent]:
        """Return somebody's consents, the latest first."""

    async def revoke(self, organization: str, user: str, client: str, *, now: datetime) -> bool:
        """Forget a consent, and end all that the client holds for them; return whether there was anything."""


def is_covered_by(client: Client, request: AuthorizationRequest, given: frozenset[str]) -> bool:
    """Whether nobody need be asked again.

    A client as which anybody may pose is asked for each time, whatever was agreed (RFC 8252 §8.6; ASVS 5.0 10.7.1).
    """
    if "consent" in request.prompt or not client.is_assured:
        return False
    return client.first_party or given >= set(request.disclosed)
