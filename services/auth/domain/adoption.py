"""How users of another system are taken over, each with the password that they have there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import normalize_email
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import PasswordHashUnusable, UserExists
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.auth.domain.accounts import Changes, Credentials, Directory, Granter
    from services.auth.domain.audit import Audit
    from services.auth.domain.grants import Grants
    from services.auth.domain.organizations import AddressRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Newcomer:
    """Somebody who has used another system so far."""

    email: str = field(repr=False)
    """The address."""
    roles: tuple[str, ...] = ()
    """Names of the roles that they are to have."""
    disabled: bool = False
    """Whether they may not sign in."""
    profile: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What else the user's record says, by field: `display_name`, `given_name`, `locale` and so on."""
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What programs keep about them."""
    password_hash: str = field(default="", repr=False)
    """How the other system has hashed their password, or empty for none."""
    email_verified: bool = False
    """Whether they have shown there that the address is theirs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adopted:
    """What has become of one of them."""

    user: str = ""
    """The name of the user who was made, or empty."""
    error: TenonError | None = None
    """Why none was made, where none was."""


class Newcomers(Protocol):
    """Makes their records, within the transaction that is open."""

    async def add(self, organization: str, actor: str, newcomer: Newcomer) -> str:
        """Make a user and return the name. Raises a `TenonError` where the record breaks its contract."""

    async def verify(self, organization: str, user: str, email: str) -> bool:
        """Keep that the address is the user's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """Takes users over, each by themselves: one who cannot be taken over stops no other."""

    directory: Directory
    """Finds those who are there."""
    newcomers: Newcomers
    """Makes them."""
    credentials: Credentials
    """Keeps their hashes."""
    grants: Grants
    """Lets nobody give more than they hold."""
    addresses: AddressRules
    """Says which addresses the organization takes."""
    changes: Changes
    """Makes each of them whole or not at all."""
    audit: Audit
    """Writes down."""
    problem_of: Callable[[str], str]
    """Says why nobody could sign in by a hash, or nothing."""

    async def adopt(self, granter: Granter, newcomers: Sequence[Newcomer]) -> list[Adopted]:
        """Return what has become of each, in their order."""
        return [await self._try(granter, newcomer) for newcomer in newcomers]

    async def _try(self, granter: Granter, newcomer: Newcomer) -> Adopted:
        try:
            return Adopted(user=await self._adopt(granter, newcomer))
        except TenonError as error:
            return Adopted(error=error)

    async def _adopt(self, granter: Granter, newcomer: Newcomer) -> str:
        organization, email = granter.organization, normalize_email(newcomer.email)
        if newcomer.password_hash and (problem := self.problem_of(newcomer.password_hash)):
            raise PasswordHashUnusable(problem)
        await self.addresses.check(organization, email)
        async with self.changes.open(organization), self.grants.creating_user(granter, newcomer.roles):
            known = await self.directory.find_by_email(organization, email) if email else None
            if known is not None:
                raise UserExists(known.name)
            user = await self.newcomers.add(organization, granter.subject, newcomer)
            if newcomer.password_hash:
                await self.credentials.set(organization, user, newcomer.password_hash)
            if newcomer.email_verified:
                await self.newcomers.verify(organization, user, email)
            await self._record(granter, user, newcomer)
        return user

    async def _record(self, granter: Granter, user: str, newcomer: Newcomer) -> None:
        detail = {"password": "yes" if newcomer.password_hash else "no"}
        entry = AuditEntry(
            kind="user.adopted",
            organization=granter.organization,
            actor=granter.subject,
            subject=user,
            detail=detail,
        )
        await self.audit.record(entry)
