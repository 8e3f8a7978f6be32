"""How somebody who has signed in once acts in another of their organizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.accounts import find_home
from services.auth.domain.errors import OrganizationUnknown, RefreshTokenInvalid
from services.auth.domain.families import Request
from services.auth.domain.sign_in import CLIENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.auth.domain.accounts import Directory, Granter
    from services.auth.domain.families import Families, Opened
    from services.auth.domain.organizations import Organization, OrganizationStore
    from services.auth.domain.sessions import Sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class Switching:
    """Opens further families in a session, each for another organization."""

    directory: Directory
    """Finds people."""
    kept: OrganizationStore
    """Lists organizations."""
    sessions: Sessions
    """Finds the session."""
    families: Families
    """Gives tokens."""

    async def switch(self, granter: Granter, session: str, organization: str) -> Opened:
        """Return tokens for another organization, of the same session, which ends all of them with it.

        Raises:
            OrganizationUnknown: whoever asks does not act there.
            RefreshTokenInvalid: there is no session, or it has ended.
            StrongerSignInRequired: the organization asks for a second factor.
        """
        account = await self.directory.find_acting(organization, granter.subject)
        if account is None or account.disabled:
            raise OrganizationUnknown
        found = await self.sessions.kept.find(session) if session else None
        alive = found is not None and found.is_alive(self.sessions.clock(), self.sessions.lifetimes.idle)
        if found is None or not alive or found.user != account.name:
            raise RefreshTokenInvalid
        return await self.families.open(account, Request(client=CLIENT, session=found))

    async def list_mine(self, granter: Granter) -> Sequence[Organization]:
        """Return the organizations that whoever asks may act in: where they live, and those they are members of."""
        account = await find_home(self.directory, granter)
        return await self.kept.list_of(account.name, account.organization) if account else ()
