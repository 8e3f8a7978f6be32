"""How the first administrator comes to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import ADMINISTRATOR_ROLE, DEFAULT_ORGANIZATION

if TYPE_CHECKING:
    from services.auth.domain.accounts import Changes, Credentials, Directory
    from services.auth.domain.passwords import Hasher


class Founding(Protocol):
    """Makes the first role and the first user."""

    async def create_role(self, organization: str, role: str) -> None:
        """Make a role that grants everything."""

    async def create_user(self, organization: str, email: str, role: str) -> str:
        """Make a user with the role, and return the user's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What there is after the bootstrap."""

    created: bool
    """Whether the administrator was made just now."""
    has_password: bool
    """Whether the administrator can sign in by a password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bootstrap:
    """Makes an administrator where there is none. Running it again, or twice at once, changes nothing."""

    directory: Directory
    """Says what there is."""
    credentials: Credentials
    """Keeps the password's hash."""
    hasher: Hasher
    """Hashes the password."""
    founding: Founding
    """Makes role and user."""
    changes: Changes
    """Lets one worker at a time do it, all or nothing."""
    email: str = field(repr=False)
    """Address of the administrator, in lower case."""

    async def run(self, password: str) -> Outcome:
        """Make role, user and password as far as they are missing; an empty password sets none."""
        async with self.changes.open(DEFAULT_ORGANIZATION):
            created = False
            if not await self.directory.count_administrators(DEFAULT_ORGANIZATION):
                created = await self._found()
            account = await self.directory.find_by_email(DEFAULT_ORGANIZATION, self.email)
            if account is None or account.password_hash or not password:
                return Outcome(created=created, has_password=account is None or bool(account.password_hash))
            password_hash = await self.hasher.hash(password)
            await self.credentials.set(DEFAULT_ORGANIZATION, account.name, password_hash)
            return Outcome(created=created, has_password=True)

    async def _found(self) -> bool:
        found = await self.directory.find_roles(DEFAULT_ORGANIZATION, [ADMINISTRATOR_ROLE])
        if ADMINISTRATOR_ROLE not in found:
            await self.founding.create_role(DEFAULT_ORGANIZATION, ADMINISTRATOR_ROLE)
        if await self.directory.find_by_email(DEFAULT_ORGANIZATION, self.email) is not None:
            # Somebody has disabled this user or taken the role away by hand: that is theirs to mend.
            return False
        await self.founding.create_user(DEFAULT_ORGANIZATION, self.email, ADMINISTRATOR_ROLE)
        return True
