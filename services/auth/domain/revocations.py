"""What takes back access tokens that are out already, and for how long that has to be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

FOR_EVER = 2**53
"""The `before` of what never becomes good again: a second that no clock reaches and every JSON reader holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Revocation:
    """Some access tokens that are good no more."""

    key: str
    """What they have in common: `session:…`, `grant:…`, `subject:…`, `client:…`, `organization:…`, `token:…`
    or `key:…`."""
    before: int = FOR_EVER
    """The first second of `iat` (Unix epoch) that is good again."""


def of_session(session: str) -> Revocation:
    """Return what revokes the tokens of a session."""
    return Revocation(key=f"session:{session}")


def of_family(family: str) -> Revocation:
    """Return what revokes the tokens that one client got by one authorization."""
    return Revocation(key=f"grant:{family}")


def of_token(token_id: str) -> Revocation:
    """Return what revokes one token."""
    return Revocation(key=f"token:{token_id}")


def of_key(key: str) -> Revocation:
    """Return what revokes everything that a key has signed, or will have."""
    return Revocation(key=f"key:{key}")


def of_subject(subject: str, now: datetime) -> Revocation:
    """Return what revokes the tokens that somebody has by now; those that are signed later are good."""
    return Revocation(key=f"subject:{subject}", before=int(now.timestamp()) + 1)


def of_acting(organization: str, subject: str, now: datetime) -> Revocation:
    """Return what revokes the tokens by which somebody acts in one organization by now.

    What an organization changes of its members is no matter of the others that these act in: it must not be able to
    sign them out there.
    """
    return Revocation(key=f"acting:{organization}/{subject}", before=int(now.timestamp()) + 1)


def of_client(client: str, now: datetime) -> Revocation:
    """Return what revokes the tokens that a client has by now; those that are signed later are good."""
    return Revocation(key=f"client:{client}", before=int(now.timestamp()) + 1)


def of_organization(organization: str, now: datetime) -> Revocation:
    """Return what revokes all tokens by which somebody acts in an organization by now."""
    return Revocation(key=f"organization:{organization}", before=int(now.timestamp()) + 1)


class Revocations(Protocol):
    """Keeps revocations for as long as any token lives that they concern."""

    async def revoke(self, revocations: Iterable[Revocation]) -> None:
        """Keep them, within the transaction that is open."""

    async def living(self) -> Sequence[Revocation]:
        """Return all that are not forgotten yet."""

    async def prune(self, now: datetime) -> None:
        """Forget those whose tokens have all expired."""
