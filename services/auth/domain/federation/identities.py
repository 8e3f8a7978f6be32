"""Whose an identity at a provider is: (provider, subject) belongs to one user, whatever address is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedIdentity:
    """An identity at a provider that a user signs in by."""

    id: str
    """Its id, which says nothing."""
    organization: str
    """The organization of the provider, in which the user lives."""
    user: str
    """Name of the user."""
    provider: str
    """Name of the provider."""
    subject: str = field(repr=False)
    """The provider's name of the person."""
    email: str = field(default="", repr=False)
    """The address that the provider has said last, to be recognised by; it decides nothing."""
    created: datetime
    """When it was linked."""
    used: datetime | None = None
    """When somebody has last signed in by it."""


class LinkedIdentities(Protocol):
    """Keeps linked identities. What is written is in the transaction that is open."""

    async def find(self, provider: str, subject: str) -> LinkedIdentity | None:
        """Return the identity of that name at a provider."""

    async def list_of(self, organization: str, user: str) -> Sequence[LinkedIdentity]:
        """Return a user's identities, the oldest first."""

    async def add(self, identity: LinkedIdentity) -> bool:
        """Keep an identity; return False, and keep nothing, where somebody has it."""

    async def note_use(self, identity: str, email: str, *, now: datetime) -> None:
        """Note that somebody signed in by it, and what address the provider has said."""

    async def remove(self, organization: str, user: str, identity: str) -> LinkedIdentity | None:
        """Forget a user's identity and return it, or None where there is none."""

    async def remove_all(self, organization: str, provider: str) -> None:
        """Forget all identities at a provider."""

    async def list_held(self, organization: str, provider: str) -> frozenset[str]:
        """Return the patterns that all who sign in by a provider hold together."""
