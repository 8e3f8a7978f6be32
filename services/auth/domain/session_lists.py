"""How people, and those who look after them, see sessions and end them (ASVS 5.0 7.5.2, 7.4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import find_held
from services.auth.domain.audit import AuditEntry
from services.auth.domain.errors import GrantExceedsOwn, SessionUnknown, UserUnknown
from services.auth.domain.permissions import find_excess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.auth.domain.accounts import Changes, Directory, Granter
    from services.auth.domain.audit import Audit
    from services.auth.domain.sessions import Session, Sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLists:
    """Lists and ends sessions."""

    sessions: Sessions
    """Ends them."""
    directory: Directory
    """Finds users."""
    changes: Changes
    """Makes ending and its entry one."""
    audit: Audit
    """Writes it down."""

    async def list_of(self, organization: str, user: str) -> Sequence[Session]:
        """Return a user's living sessions, the one that was used last first."""
        now, idle = self.sessions.clock(), self.sessions.lifetimes.idle
        found = await self.sessions.kept.list_living(organization, user, now=now)
        return [session for session in found if session.is_alive(now, idle)]

    async def end_one(self, organization: str, user: str, session: str) -> None:
        """End one of a user's own sessions. Raises `SessionUnknown`."""
        if session not in {one.id for one in await self.list_of(organization, user)}:
            raise SessionUnknown(f"sessions/{session}")
        async with self.changes.open(organization):
            await self.sessions.end(session)
            await self._write_down(organization, user, user, session)

    async def end_others(self, organization: str, user: str, *, keep: str) -> int:
        """End all of a user's own sessions but one, and return how many those were."""
        others = [one for one in await self.list_of(organization, user) if one.id != keep]
        async with self.changes.open(organization):
            await self.sessions.kept.end_all(organization, user, now=self.sessions.clock(), keep=keep)
            for one in others:
                await self._write_down(organization, user, user, one.id)
        return len(others)

    async def list_of_user(self, granter: Granter, user: str) -> Sequence[Session]:
        """Return the living sessions of somebody else. Raises `UserUnknown`."""
        await self._find(granter, user)
        return await self.list_of(granter.organization, user)

    async def end_of_user(self, granter: Granter, user: str) -> int:
        """End all sessions of somebody else, and return how many those were.

        Raises `UserUnknown`, `GrantExceedsOwn`.
        """
        organization = granter.organization
        async with self.changes.open(organization):
            if excess := find_excess(await self._find(granter, user), await find_held(self.directory, granter)):
                raise GrantExceedsOwn(excess)
            ended = await self.list_of(organization, user)
            await self.sessions.kept.end_all(organization, user, now=self.sessions.clock())
            for one in ended:
                await self._write_down(organization, granter.subject, user, one.id)
        return len(ended)

    async def _find(self, granter: Granter, user: str) -> frozenset[str]:
        """Return what a user of the granter's organization holds."""
        account = await self.directory.find_by_name(granter.organization, user)
        if account is None:
            raise UserUnknown(granter.organization)
        return account.permissions

    async def _write_down(self, organization: str, actor: str, user: str, session: str) -> None:
        await self.audit.record(
            AuditEntry(kind="session.ended", organization=organization, actor=actor, subject=user, session=session)
        )
