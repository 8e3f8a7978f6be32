"""Who may sign in, as the rest of the domain sees them, and the ports behind which they are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.permissions import EVERYTHING, intersect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta

DEFAULT_ORGANIZATION = "default"
"""The organization that signs in where none is named."""

SYSTEM_ORGANIZATION = "system"
"""The organization that owns global records. Nobody signs in to it; only the `tenon` command acts in it."""

ADMINISTRATOR_ROLE = "roles/administrator"
"""The role of the bootstrap administrator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A user, with what their roles grant and the hash of their password."""

    organization: str
    """The organization that the user lives in: their credentials, factors and sessions are there."""
    name: str
    """The user's name, such as `users/0198…`."""
    email: str = field(repr=False)
    """The address, in lower case."""
    disabled: bool = False
    """Whether the user may not sign in."""
    acting_in: str = ""
    """The organization that they act in as a member of it, where they live in another."""
    roles: tuple[str, ...] = ()
    """Names of the roles that they have themselves, where they act."""
    permissions: frozenset[str] = frozenset()
    """The patterns that their roles and those of their groups grant together, where they act."""
    password_hash: str = field(default="", repr=False)
    """The encoded argon2id hash, or empty where the user has no password."""
    valid_from: int = 0
    """The second (Unix epoch) before which no token of theirs was issued that is good."""
    needs_second_factor: bool = False
    """Whether the organization that they act in asks for two factors."""
    session_lifetime: timedelta | None = None
    """After this a session of theirs ends, where the organization says so."""
    session_idle: timedelta | None = None
    """After this a session of theirs ends that is not used, where the organization says so."""

    @property
    def acts_in(self) -> str:
        """The organization that they act in."""
        return self.acting_in or self.organization

    @property
    def is_administrator(self) -> bool:
        """Whether the user may sign in and do everything."""
        return not self.disabled and EVERYTHING in self.permissions


@dataclass(frozen=True, kw_only=True, slots=True)
class Granter:
    """Somebody who changes users, roles or another one's password."""

    organization: str
    """The organization that they act in."""
    subject: str
    """Who they are, such as `users/0198…`; something else for whoever is no user."""
    held: frozenset[str]
    """The patterns that their token grants."""


def is_machine(name: str) -> bool:
    """Whether a name is that of a service account."""
    return name.startswith("serviceAccounts/")


def home_of(organization: str) -> str:
    """Return the organization in which those live who act in one: nobody lives in the system's own."""
    return DEFAULT_ORGANIZATION if organization == SYSTEM_ORGANIZATION else organization


async def find_held(directory: Directory, granter: Granter) -> frozenset[str]:
    """Return what a granter holds by their token and by their roles as they are now.

    A token lives on for minutes after a role was taken away, and must not serve to take the role back.
    """
    if not granter.subject.startswith("users/") and not is_machine(granter.subject):
        return granter.held
    account = await find_self(directory, granter)
    if account is None or account.disabled:
        return frozenset()
    return intersect(granter.held, account.permissions)


async def find_self(directory: Directory, granter: Granter) -> Account | None:
    """Return whoever acts, with what they hold where they act."""
    account = await directory.find_acting(granter.organization, granter.subject)
    if account is None:
        # The bootstrap administrator acts in other organizations than their own. No two users share a name.
        account = await directory.find_by_name(DEFAULT_ORGANIZATION, granter.subject)
    return account


async def find_home(directory: Directory, granter: Granter) -> Account | None:
    """Return whoever acts, as they are where they live."""
    account = await find_self(directory, granter)
    if account is None or not account.acting_in:
        return account
    return await directory.find_by_name(account.organization, account.name)


def normalize_email(email: str) -> str:
    """Return the address as it is kept and looked up: nobody tells two people apart by its case."""
    return email.strip().lower()


class Directory(Protocol):
    """Reads users and roles. Within `Changes.open` it sees what was written there."""

    async def find_by_email(self, organization: str, email: str) -> Account | None:
        """Return whoever acts in the organization with that address (lower case): those who live there before members.

        It does the same work whether there is one or not.
        """

    async def find_by_name(self, organization: str, name: str) -> Account | None:
        """Return the user of that name who lives in the organization."""

    async def find_acting(self, organization: str, name: str) -> Account | None:
        """Return the user of that name who acts in the organization: who lives there, or is a member."""

    async def find_accounts(self, organization: str, names: Collection[str]) -> Collection[str]:
        """Return those of the names that act in the organization."""

    async def find_roles(self, organization: str, roles: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Return what each of the roles grants; roles that do not exist are left out."""

    async def is_role_in_use(self, organization: str, role: str) -> bool:
        """Whether anybody has the role: a user, a member, a group or an open invitation."""

    async def find_holders(self, organization: str, role: str) -> Sequence[str]:
        """Return the names of all who have the role, by themselves or by a group."""

    async def count_administrators(self, organization: str) -> int:
        """Return how many people act in the organization, are not disabled and hold `*`."""


class Credentials(Protocol):
    """Keeps the hashes of passwords."""

    async def set(self, organization: str, user: str, password_hash: str, *, short: bool = False) -> None:
        """Keep the hash in place of the user's former one; `short` is a password that is good beside a factor alone."""

    async def renew(self, organization: str, user: str, former: str, password_hash: str) -> None:
        """Keep another hash of the same password, unless the user's hash is another than the former one by now."""

    async def is_short(self, organization: str, user: str) -> bool:
        """Whether the user's password is good beside a second factor alone."""

    async def remove(self, organization: str, user: str) -> None:
        """Forget the user's hash, if there is one, and what else the user signs in by."""


class Changes(Protocol):
    """Makes several changes one: all or none, and one writer per organization at a time."""

    def open(self, organization: str) -> AbstractAsyncContextManager[None]:
        """Return a context that commits at its end, and undoes everything on an exception."""
