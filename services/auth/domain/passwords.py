"""How passwords are checked, made, changed and reset."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import find_held
from services.auth.domain.errors import CurrentPasswordWrong, GrantExceedsOwn, UserDisabled, UserUnknown
from services.auth.domain.notices import Change
from services.auth.domain.password_policy import MAX_PASSWORD, MIN_ALONE, PasswordPolicy, normalize_password
from services.auth.domain.permissions import find_excess
from services.auth.domain.sessions import Origin
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.accounts import Account, Changes, Credentials, Directory, Granter
    from services.auth.domain.factors.holdings import Holdings
    from services.auth.domain.notices import Notices
    from services.auth.domain.sessions import SessionStore
    from services.auth.domain.throttle import Throttle

MIN_PASSWORD = MIN_ALONE
"""Characters of the shortest password that is the only factor."""

__all__ = ["MAX_PASSWORD", "MIN_PASSWORD", "Hasher", "Passwords", "generate_password"]

_RESET = "an administrator has given you a new password"
_CHANGED = "your password was changed, and your other sessions were ended"
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GENERATED_LENGTH = 24


class Hasher(Protocol):
    """Hashes passwords slowly on purpose, without blocking the event loop."""

    async def hash(self, password: str) -> str:
        """Return an encoded hash with a salt of its own. Raises `HashingBusy`."""

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed. An empty hash costs the same and fails.

        Raises:
            HashingBusy: more passwords wait than may.
        """

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made elsewhere, or with other parameters than today: replaced at the next sign-in."""


def generate_password() -> str:
    """Return a random password of 138 bits, without characters that are easily mistaken for one another."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED_LENGTH))


@dataclass(frozen=True, kw_only=True, slots=True)
class Passwords:
    """Changes and resets passwords, and ends the sessions that the old one opened."""

    directory: Directory
    """Finds users."""
    credentials: Credentials
    """Keeps hashes."""
    hasher: Hasher
    """Makes and checks hashes."""
    throttle: Throttle
    """Bounds how often a wrong password may be tried."""
    sessions: SessionStore
    """Where a user's sessions are ended."""
    changes: Changes
    """Makes hash and sessions change together."""
    policy: PasswordPolicy
    """Says which passwords may be chosen."""
    holdings: Holdings
    """Says whether a second factor is asked for too."""
    notices: Notices
    """Tells the user."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def reset(self, granter: Granter, user: str) -> str:
        """Give the user a random password and return it.

        Nobody chooses another one's password (ASVS 5.0 6.4.6), and nobody gets at an account that may do more than
        they may. Raises `UserUnknown`, `GrantExceedsOwn`, `HashingBusy`.
        """
        password = generate_password()
        password_hash = await self.hasher.hash(password)
        async with self.changes.open(granter.organization):
            account = await self.directory.find_by_name(granter.organization, user)
            if account is None:
                raise UserUnknown(granter.organization)
            if excess := find_excess(account.permissions, await find_held(self.directory, granter)):
                raise GrantExceedsOwn(excess)
            change = Change(kind="password.reset", sentence=_RESET, actor=granter.subject, factor="password")
            await self.replace(account, password_hash, change, Origin())
        return password

    async def change(
        self, organization: str, user: str, *, current: str, new: str, address: str, keep_session: str = ""
    ) -> None:
        """Set the user's own password, who must know the current one; `keep_session` lives on.

        Raises `CurrentPasswordWrong`, `PasswordUnsuitable`, `SignInThrottled`, `HashingBusy`, `UserDisabled`,
        `UserUnknown`.
        """
        account = await self.directory.find_by_name(organization, user)
        if account is None:
            raise UserUnknown(organization)
        if account.disabled:
            raise UserDisabled(user)
        attempt = Attempt(organization=organization, email=account.email, address=address)
        await self.throttle.admit(attempt)
        if not await self.hasher.verify(account.password_hash, current):
            raise CurrentPasswordWrong
        await self.throttle.forgive(attempt)
        short = await self.check(account, new)
        password_hash = await self.hasher.hash(new)
        change = Change(kind="password.changed", sentence=_CHANGED, factor="password", session=keep_session)
        async with self.changes.open(organization):
            await self.replace(account, password_hash, change, Origin(address=address), keep=keep_session, short=short)

    async def check(self, account: Account, password: str) -> bool:
        """Refuse a password that would be guessed; return whether it is good beside a second factor alone.

        Raises:
            PasswordUnsuitable: with the reason.
        """
        held = await self.holdings.of(account)
        self.policy.check(password, account=account, second=held.second)
        return len(normalize_password(password)) < MIN_ALONE

    async def replace(
        self,
        account: Account,
        password_hash: str,
        change: Change,
        origin: Origin,
        *,
        keep: str = "",
        short: bool = False,
    ) -> None:
        """Keep another hash, end the sessions that the old one opened but `keep`, and tell the user of it."""
        await self.credentials.set(account.organization, account.name, password_hash, short=short)
        await self.sessions.end_all(account.organization, account.name, now=self.clock(), keep=keep)
        await self.notices.tell(account, change, origin)
