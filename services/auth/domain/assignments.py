"""What gives roles to accounts beside the roles that users have themselves: groups, memberships, invitations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """One record by which accounts hold roles."""

    roles: frozenset[str]
    """Names of the roles."""
    accounts: frozenset[str] = frozenset()
    """Names of those who hold them by it."""


class Assignments(Protocol):
    """Reads them. Within `Changes.open` it sees what was written there."""

    async def find(self, organization: str, name: str) -> Assignment | None:
        """Return what a record gives: `groups/…`, `memberships/…` or `invitations/…`; None where there is none."""


def affected_by(before: Assignment | None, after: Assignment | None) -> frozenset[str]:
    """Return the accounts that hold something else by it than before."""
    old, new = before or Assignment(roles=frozenset()), after or Assignment(roles=frozenset())
    return old.accounts | new.accounts if old.roles != new.roles else old.accounts ^ new.accounts
