"""All that is kept of a person: shown to them, and erased with them (GDPR, articles 15, 17 and 20)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import LastAdministrator, UserUnknown
from services.auth.domain.revocations import of_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.auth.domain.accounts import Account, Changes, Credentials, Directory, Granter
    from services.auth.domain.revocations import Revocations
    from services.auth.domain.sessions import SessionStore

Rows = list[dict[str, object]]
"""What is kept in one place: values of JSON, never a secret."""


class PersonalData(Protocol):
    """Finds and erases what is kept of a person beside their user, within the transaction that is open."""

    async def collect(self, organization: str, user: str) -> Mapping[str, Rows]:
        """Return by topic what is kept, without secrets."""

    async def erase(self, organization: str, user: str) -> None:
        """Erase it, with memberships and places in groups. The audit stays: it knows people by their user's name."""

    async def list_organizations(self, user: str, home: str) -> Sequence[str]:
        """Return the organizations that somebody is a member of."""


class People(Protocol):
    """Changes users, as themselves."""

    async def remove(self, organization: str, user: str, *, actor: str) -> None:
        """Delete a user, within the transaction that is open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """Deletes whoever asks for it."""

    directory: Directory
    """Finds them."""
    people: People
    """Deletes their user."""
    personal: PersonalData
    """Erases what else is kept."""
    credentials: Credentials
    """Removes the password."""
    sessions: SessionStore
    """Ends sessions."""
    revocations: Revocations
    """Takes tokens back."""
    changes: Changes
    """Makes all of it one."""
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """Now, with its time zone."""

    async def leave(self, granter: Granter) -> Account:
        """Delete a person with all that is kept of them, and return who they were.

        Raises:
            UserUnknown: whoever asks is no user.
            LastAdministrator: nobody would be left in an organization who may do everything.
        """
        account = await find_home(self.directory, granter)
        if account is None:
            raise UserUnknown(granter.organization)
        home, user, now = account.organization, account.name, self.clock()
        async with self.changes.open(home):
            concerned = {home, *await self.personal.list_organizations(user, home)}
            had = {name for name in concerned if await self.directory.count_administrators(name)}
            await self.credentials.remove(home, user)
            await self.sessions.end_all(home, user, now=now)
            await self.personal.erase(home, user)
            await self.people.remove(home, user, actor=user)
            await self.revocations.revoke([of_subject(user, now)])
            for name in sorted(had):
                if not await self.directory.count_administrators(name):
                    raise LastAdministrator(name)
        return account
