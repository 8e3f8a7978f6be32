"""That nobody gains more than they hold by changing users and roles, and that no organization locks itself out."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, find_held
from services.auth.domain.assignments import affected_by
from services.auth.domain.errors import GrantExceedsOwn, LastAdministrator, RoleInUse, RoleUnknown
from services.auth.domain.permissions import find_excess
from services.auth.domain.revocations import of_acting, of_subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable

    from services.auth.domain.accounts import Account, Changes, Credentials, Directory, Granter
    from services.auth.domain.assignments import Assignment
    from services.auth.domain.personal_data import PersonalData
    from services.auth.domain.revocations import Revocation, Revocations
    from services.auth.domain.sessions import SessionStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Grants:
    """Holds changes of users and roles to what the granter holds.

    Each method is a context around the change: it looks at what is, lets the change happen, looks at what has come of
    it, and undoes it where that must not be. So it does not matter how the change was asked for, by which mask or body.
    """

    directory: Directory
    """Reads users and roles."""
    credentials: Credentials
    """Where the hash of a deleted user is removed."""
    sessions: SessionStore
    """Where the sessions of a deleted or disabled user are ended."""
    revocations: Revocations
    """Takes back the tokens of those who hold less than before."""
    changes: Changes
    """Makes the looking and the change one transaction, with one writer per organization."""
    personal: PersonalData | None = None
    """Where what is kept of a deleted user is erased."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    @asynccontextmanager
    async def changing_user(self, granter: Granter, user: str) -> AsyncIterator[None]:
        """Guard a change or the deletion of a user, whose name is given, and end what a deletion or a disabling ends.

        Raises:
            GrantExceedsOwn: the user holds, or would hold, what the granter does not.
            RoleUnknown: the user would have a role that does not exist.
            LastAdministrator: nobody would be left who may do everything.
        """
        organization = granter.organization
        async with self._open(granter) as held:
            before = await self.directory.find_by_name(organization, user)
            await self._check_user(organization, before, held)
            yield
            after = await self.directory.find_by_name(organization, user)
            await self._check_user(organization, after, held)
            await self._end_access(organization, user, before, after)

    @asynccontextmanager
    async def creating_user(self, granter: Granter, roles: Iterable[str]) -> AsyncIterator[None]:
        """Guard the creation of a user with those roles. Raises `GrantExceedsOwn`, `RoleUnknown`."""
        async with self._open(granter) as held:
            await self._check_roles(granter.organization, list(roles), held)
            yield

    @asynccontextmanager
    async def changing_assignment(
        self, granter: Granter, find: Callable[[], Awaitable[Assignment | None]]
    ) -> AsyncIterator[None]:
        """Guard a change or the deletion of what gives roles to accounts, and take back what it gave to them.

        Raises:
            GrantExceedsOwn: it gives, or would give, what the granter does not hold.
            RoleUnknown: it would give a role that does not exist.
            LastAdministrator: nobody would be left who may do everything.
        """
        organization = granter.organization
        async with self._open(granter) as held:
            before = await find()
            if before is not None:
                await self._check_roles(organization, before.roles, held)
            yield
            after = await find()
            if after is not None:
                await self._check_roles(organization, after.roles, held)
            now = self.clock()
            affected = sorted(affected_by(before, after))
            await self.revocations.revoke([_of_holder(organization, name, now) for name in affected])

    @asynccontextmanager
    async def giving(self, granter: Granter, roles: Iterable[str]) -> AsyncIterator[None]:
        """Guard the making of what gives those roles to accounts. Raises `GrantExceedsOwn`, `RoleUnknown`."""
        async with self.creating_user(granter, roles):
            yield

    @asynccontextmanager
    async def changing_role(self, granter: Granter, role: str) -> AsyncIterator[None]:
        """Guard a change of a role. Raises `GrantExceedsOwn`, `LastAdministrator`."""
        async with self._open(granter) as held:
            organization = granter.organization
            await self._check_granted(organization, role, held)
            before = await self.directory.find_roles(organization, [role])
            yield
            await self._check_granted(organization, role, held)
            if await self.directory.find_roles(organization, [role]) != before:
                holders, now = await self.directory.find_holders(organization, role), self.clock()
                await self.revocations.revoke([_of_holder(organization, holder, now) for holder in holders])

    @asynccontextmanager
    async def creating_role(self, granter: Granter, permissions: Iterable[str]) -> AsyncIterator[None]:
        """Guard the creation of a role with those permissions. Raises `GrantExceedsOwn`."""
        async with self._open(granter) as held:
            if excess := find_excess(permissions, held):
                raise GrantExceedsOwn(excess)
            yield

    @asynccontextmanager
    async def deleting_role(self, granter: Granter, role: str) -> AsyncIterator[None]:
        """Guard the deletion of a role. Raises `GrantExceedsOwn`, `RoleInUse`."""
        async with self._open(granter) as held:
            await self._check_granted(granter.organization, role, held)
            if await self.directory.is_role_in_use(granter.organization, role):
                raise RoleInUse(role)
            yield

    @asynccontextmanager
    async def _open(self, granter: Granter) -> AsyncIterator[frozenset[str]]:
        """Open the transaction, say what the granter holds, and keep the last administrator one."""
        organization = granter.organization
        async with self.changes.open(organization):
            before = await self.directory.count_administrators(organization)
            yield await find_held(self.directory, granter)
            if before and not await self.directory.count_administrators(organization):
                raise LastAdministrator(organization)

    async def _end_access(self, organization: str, user: str, before: Account | None, after: Account | None) -> None:
        now = self.clock()
        if after is None:
            await self.credentials.remove(organization, user)
        if after is None or after.disabled:
            await self.sessions.end_all(organization, user, now=now)
        if before is not None and after is None and self.personal is not None:
            await self.personal.erase(organization, user)
        if before is not None and (after is None or after.disabled or after.permissions != before.permissions):
            await self.revocations.revoke([of_subject(user, now)])

    async def _check_user(self, organization: str, account: Account | None, held: Collection[str]) -> None:
        if account is None:
            return
        # What the user holds already is checked too, by groups as well, or a granter could edit a mightier user and
        # sign in as them.
        await self._check_roles(organization, account.roles, held)
        if excess := find_excess(account.permissions, held):
            raise GrantExceedsOwn(excess)

    async def _check_roles(self, organization: str, roles: Collection[str], held: Collection[str]) -> None:
        found = await self.directory.find_roles(organization, list(roles))
        if unknown := set(roles) - found.keys():
            raise RoleUnknown(unknown)
        if excess := find_excess(frozenset().union(*found.values()), held):
            raise GrantExceedsOwn(excess)

    async def _check_granted(self, organization: str, role: str, held: Collection[str]) -> None:
        found = await self.directory.find_roles(organization, [role])
        if excess := find_excess(found.get(role, ()), held):
            raise GrantExceedsOwn(excess)


def _of_holder(organization: str, name: str, now: datetime) -> Revocation:
    """Return what revokes the tokens of somebody who holds something else in an organization than before."""
    if organization == DEFAULT_ORGANIZATION:
        # What the bootstrap administrator holds there, they hold in all organizations.
        return of_subject(name, now)
    return of_acting(organization, name, now)
