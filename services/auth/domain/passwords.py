"""How passwords are checked, made, changed and reset."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import find_held
from services.auth.domain.errors import CurrentPasswordWrong, GrantExceedsOwn, UserDisabled, UserUnknown
from services.auth.domain.permissions import find_excess
from services.auth.domain.throttle import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.accounts import Account, Changes, Credentials, Directory, Granter
    from services.auth.domain.sessions import SessionStore
    from services.auth.domain.throttle import Throttle

MIN_PASSWORD = 15
"""Characters of the shortest password that is the only factor (NIST SP 800-63B-4 §3.1.1.2)."""

MAX_PASSWORD = 128
"""Characters of the longest password, as the contract says too."""

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
            await self._replace(account, password_hash)
        return password

    async def change(
        self, organization: str, user: str, *, current: str, new: str, address: str, keep_session: str = ""
    ) -> None:
        """Set the user's own password, who must know the current one; `keep_session` lives on.

        Raises `CurrentPasswordWrong`, `SignInThrottled`, `HashingBusy`, `UserDisabled`, `UserUnknown`.
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
        password_hash = await self.hasher.hash(new)
        async with self.changes.open(organization):
            await self._replace(account, password_hash, keep_session=keep_session)
        await self.throttle.forgive(attempt)

    async def _replace(self, account: Account, password_hash: str, *, keep_session: str = "") -> None:
        await self.credentials.set(account.organization, account.name, password_hash)
        await self.sessions.end_all(account.organization, account.name, now=self.clock(), keep=keep_session)
