"""Who may change organizations, how they come to be, and what ends with them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import (
    ADMINISTRATOR_ROLE,
    DEFAULT_ORGANIZATION,
    SYSTEM_ORGANIZATION,
    find_home,
    normalize_email,
)
from services.auth.domain.errors import (
    EmailDomainNotAllowed,
    OrganizationForbidden,
    OrganizationIdTaken,
    OrganizationProtected,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from services.auth.domain.accounts import Changes, Directory, Granter
    from services.auth.domain.bootstrap import Founding
    from services.auth.domain.invitations import Inviting, Joining


@dataclass(frozen=True, kw_only=True, slots=True)
class Organization:
    """A tenant, as far as the rules need it."""

    id: str
    """Its id, as in `org`."""
    display_name: str = ""
    """The name that is shown to people."""
    disabled: bool = False
    """Whether nobody acts in it."""
    allowed_domains: tuple[str, ...] = ()
    """The domains of its people's addresses; any where empty."""

    @property
    def shown(self) -> str:
        """The name that is shown to people, or else the id."""
        return self.display_name or self.id

    @property
    def _allowed(self) -> set[tuple[str, str]]:
        return {("@", domain) for domain in self.allowed_domains}

    def check_email(self, email: str) -> None:
        """Refuse an address that its people may not have. Raises `EmailDomainNotAllowed`."""
        if self.allowed_domains and normalize_email(email).rpartition("@")[1:] not in self._allowed:
            raise EmailDomainNotAllowed(self.id)


class OrganizationStore(Protocol):
    """Reads organizations and ends what is in them. Within `Changes.open` it sees what was written there."""

    async def find(self, organization: str) -> Organization | None:
        """Return an organization that has a record."""

    async def is_retired(self, organization: str) -> bool:
        """Whether there was an organization of that id that was deleted."""

    async def retire(self, organization: str, *, now: datetime) -> None:
        """Keep for ever that the id is used up."""

    async def end_access(self, organization: str, *, now: datetime) -> None:
        """End all sessions and families in it, and take back all its access tokens."""

    async def list_of(self, user: str, home: str) -> Sequence[Organization]:
        """Return the organizations that are open to a user: where they live, and those they are members of."""


async def is_closed(kept: OrganizationStore, organization: str) -> bool:
    """Whether nobody acts in an organization: it is disabled, or was deleted."""
    found = await kept.find(organization)
    return (found is not None and found.disabled) or await kept.is_retired(organization)


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressRules:
    """Holds addresses of people to what their organization takes."""

    kept: OrganizationStore
    """Reads organizations."""
    directory: Directory
    """Reads accounts."""

    async def check(self, organization: str, email: str) -> None:
        """Refuse an address. Raises `EmailDomainNotAllowed`."""
        (await self.kept.find(organization) or Organization(id=organization)).check_email(email)

    @asynccontextmanager
    async def changing(self, organization: str, user: str) -> AsyncIterator[None]:
        """Guard a change of a user, within the transaction that is open. Raises `EmailDomainNotAllowed`."""
        before = await self.directory.find_by_name(organization, user)
        yield
        after = await self.directory.find_by_name(organization, user)
        if before is not None and after is not None and before.email != after.email:
            await self.check(organization, after.email)


async def found_default(kept: OrganizationStore, founding: OrganizationFounding, changes: Changes) -> None:
    """Make the record of `default` where there is none yet."""
    async with changes.open(SYSTEM_ORGANIZATION):
        if await kept.find(DEFAULT_ORGANIZATION) is None:
            await founding.create_organization(DEFAULT_ORGANIZATION)


class OrganizationFounding(Protocol):
    """Makes the records of organizations."""

    async def create_organization(self, organization: str) -> None:
        """Make the record of an organization."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Organizations:
    """Guards changes of organizations.

    Each method is a context around the change, as those of `Grants` are. An organization without a record, from before
    there were any or by a token that was minted for it, is open and has no rules of its own.
    """

    kept: OrganizationStore
    """Reads organizations."""
    directory: Directory
    """Reads accounts."""
    founding: Founding
    """Makes the first role."""
    joining: Joining
    """Makes the first administrator a member."""
    inviting: Inviting
    """Invites the first administrator."""
    changes: Changes
    """Makes all of it one."""
    default_email: str = field(repr=False)
    """Address of the bootstrap administrator, in lower case."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def sees_all(self, granter: Granter) -> bool:
        """Whether somebody acts in `system`, or is the bootstrap administrator at home."""
        if granter.organization == SYSTEM_ORGANIZATION:
            return True
        if granter.organization != DEFAULT_ORGANIZATION:
            return False
        account = await self.directory.find_by_name(DEFAULT_ORGANIZATION, granter.subject)
        return account is not None and account.is_administrator and account.email == self.default_email

    @asynccontextmanager
    async def creating(self, granter: Granter, organization: str, administrator: str) -> AsyncIterator[None]:
        """Guard the creation of an organization, and make its first administrator: an address, or the granter.

        Raises:
            OrganizationForbidden: the granter does not see all organizations.
            OrganizationIdTaken: the id is reserved, or was used before.
        """
        if not await self.sees_all(granter):
            raise OrganizationForbidden
        async with self.changes.open(SYSTEM_ORGANIZATION):
            if organization == SYSTEM_ORGANIZATION or await self.kept.is_retired(organization):
                raise OrganizationIdTaken(organization)
            existed = await self.kept.find(organization) is not None
            yield
            if not existed:
                await self._found(granter, organization, administrator)

    @asynccontextmanager
    async def changing(self, granter: Granter, organization: str) -> AsyncIterator[None]:
        """Guard a change of an organization, and end what ends where it is disabled thereby.

        Raises:
            OrganizationForbidden: somebody would open or close their own.
            OrganizationProtected: it would close `default`.
        """
        async with self.changes.open(SYSTEM_ORGANIZATION):
            before = await self.kept.find(organization)
            # Asked before: whoever disables their own organization holds nothing any more.
            sees_all = await self.sees_all(granter)
            yield
            after = await self.kept.find(organization)
            if before is None or after is None or before.disabled == after.disabled:
                return
            if not sees_all:
                raise OrganizationForbidden
            if after.disabled:
                self._check_unprotected(organization)
                await self.kept.end_access(organization, now=self.clock())

    @asynccontextmanager
    async def deleting(self, granter: Granter, organization: str) -> AsyncIterator[None]:
        """Guard the deletion of an organization, and end what ends with it. Raises as `changing` does."""
        if not await self.sees_all(granter):
            raise OrganizationForbidden
        self._check_unprotected(organization)
        async with self.changes.open(SYSTEM_ORGANIZATION):
            yield
            now = self.clock()
            await self.kept.retire(organization, now=now)
            await self.kept.end_access(organization, now=now)

    def _check_unprotected(self, organization: str) -> None:
        if organization == DEFAULT_ORGANIZATION:
            raise OrganizationProtected(organization)

    async def _found(self, granter: Granter, organization: str, administrator: str) -> None:
        if ADMINISTRATOR_ROLE not in await self.directory.find_roles(organization, [ADMINISTRATOR_ROLE]):
            await self.founding.create_role(organization, ADMINISTRATOR_ROLE)
        if administrator:
            await self.inviting.invite(organization, normalize_email(administrator), (ADMINISTRATOR_ROLE,), inviter="")
            return
        if await self.directory.count_administrators(organization):
            return
        account = await find_home(self.directory, granter)
        if account is not None:
            await self.joining.add_member(
                organization,
                granter.subject,
                user=account.name,
                home=account.organization,
                roles=(ADMINISTRATOR_ROLE,),
            )
