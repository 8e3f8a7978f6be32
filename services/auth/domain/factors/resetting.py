"""How an administrator helps somebody who has lost everything that they prove themselves by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.auth.domain.accounts import find_held
from services.auth.domain.errors import GrantExceedsOwn, PasswordTooShortAlone, UserUnknown
from services.auth.domain.notices import Change
from services.auth.domain.permissions import find_excess

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.auth.domain.accounts import Changes, Credentials, Directory, Granter
    from services.auth.domain.factors.authenticators import Authenticators
    from services.auth.domain.notices import Notices
    from services.auth.domain.sessions import Origin, SessionStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Resetting:
    """Takes somebody's authenticators away."""

    directory: Directory
    """Finds users."""
    kept: Authenticators
    """Where authenticators and recovery codes are kept."""
    credentials: Credentials
    """Says whether a password is good beside a second factor alone."""
    sessions: SessionStore
    """Where the user's sessions are ended."""
    changes: Changes
    """Makes it one change."""
    notices: Notices
    """Tells the user."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Now, with its time zone."""

    async def reset(self, granter: Granter, user: str, origin: Origin) -> None:
        """Forget a user's authenticators and recovery codes, and end all sessions. The password stays.

        Raises:
            UserUnknown: there is no such user.
            GrantExceedsOwn: the user holds more than the granter does.
            PasswordTooShortAlone: the user's password has to be reset first.
        """
        organization = granter.organization
        async with self.changes.open(organization):
            account = await self.directory.find_by_name(organization, user)
            if account is None:
                raise UserUnknown(organization)
            if excess := find_excess(account.permissions, await find_held(self.directory, granter)):
                raise GrantExceedsOwn(excess)
            if await self.credentials.is_short(organization, user):
                raise PasswordTooShortAlone
            await self.kept.forget(organization, user)
            await self.sessions.end_all(organization, user, now=self.clock())
            change = Change(kind="factor.reset", sentence=_SENTENCE, actor=granter.subject)
            await self.notices.tell(account, change, origin)


_SENTENCE = "an administrator has removed all your authenticators, and ended your sessions"
