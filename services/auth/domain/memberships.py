"""Who may be made a member of an organization, or put into a group, and what a membership's end ends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.errors import MemberUnknown
from services.auth.domain.organizations import Organization
from services.auth.domain.permissions import is_covered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable

    from services.auth.domain.accounts import Directory, Granter
    from services.auth.domain.assignments import Assignment, Assignments
    from services.auth.domain.grants import Grants
    from services.auth.domain.organizations import Organizations, OrganizationStore
    from services.auth.domain.sessions import SessionStore

SEE_USERS = "auth.users.get"
"""The permission that shows who lives in an organization."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memberships:
    """Guards memberships, as `Grants` guards users."""

    directory: Directory
    """Finds users."""
    assignments: Assignments
    """Reads memberships."""
    grants: Grants
    """Holds granters to what they hold."""
    organizations: Organizations
    """Says who sees all organizations."""
    kept: OrganizationStore
    """Says which addresses an organization takes."""
    sessions: SessionStore
    """Ends what a member holds."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    @asynccontextmanager
    async def creating(self, granter: Granter, *, user: str, home: str, roles: Iterable[str]) -> AsyncIterator[None]:
        """Guard the making of a membership.

        Nobody learns who lives in another organization by it: a user whom the granter may not see there is as one who
        does not exist.

        Raises:
            MemberUnknown: the granter sees no such user there, or the user lives here.
            EmailDomainNotAllowed: the organization does not take the user's address.
            GrantExceedsOwn, RoleUnknown: as `Grants` does.
        """
        organization = granter.organization
        account = await self.directory.find_by_name(home, user)
        if home == organization or not await self._sees(granter, home) or account is None:
            raise MemberUnknown([user])
        (await self.kept.find(organization) or Organization(id=organization)).check_email(account.email)
        async with self.grants.giving(granter, roles):
            yield

    @asynccontextmanager
    async def changing(self, granter: Granter, name: str) -> AsyncIterator[None]:
        """Guard a change or the end of a membership. Raises as `Grants.changing_assignment` does."""

        async def find() -> Assignment | None:
            return await self.assignments.find(granter.organization, name)

        async with self.grants.changing_assignment(granter, find):
            before = await find()
            yield
            after = await find()
            gone = (before.accounts if before else frozenset()) - (after.accounts if after else frozenset())
            for user in gone:
                await self.sessions.end_all(granter.organization, user, now=self.clock())

    async def _sees(self, granter: Granter, home: str) -> bool:
        if await self.organizations.sees_all(granter):
            return True
        own = await self.directory.find_by_name(home, granter.subject)
        return own is not None and not own.disabled and is_covered(SEE_USERS, own.permissions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """Guards groups, as `Grants` guards users."""

    directory: Directory
    """Says who acts in the organization."""
    assignments: Assignments
    """Reads groups."""
    grants: Grants
    """Holds granters to what they hold."""

    @asynccontextmanager
    async def creating(
        self, granter: Granter, *, members: Collection[str], roles: Iterable[str]
    ) -> AsyncIterator[None]:
        """Guard the making of a group. Raises `MemberUnknown`, `GrantExceedsOwn`, `RoleUnknown`."""
        async with self.grants.giving(granter, roles):
            await self._check(granter.organization, frozenset(members))
            yield

    @asynccontextmanager
    async def changing(self, granter: Granter, name: str) -> AsyncIterator[None]:
        """Guard a change or the deletion of a group. Raises `MemberUnknown`, and as `Grants` does."""

        async def find() -> Assignment | None:
            return await self.assignments.find(granter.organization, name)

        async with self.grants.changing_assignment(granter, find):
            before = await find()
            yield
            after = await find()
            if after is not None:
                await self._check(granter.organization, after.accounts - (before.accounts if before else frozenset()))

    async def _check(self, organization: str, added: frozenset[str]) -> None:
        if added and (unknown := added - set(await self.directory.find_accounts(organization, added))):
            raise MemberUnknown(unknown)
