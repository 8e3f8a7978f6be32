"""How a person ends their own session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.auth.domain.families import Families
    from services.auth.domain.sessions import Sessions


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningOut:
    """Ends sessions, and what clients hold by them."""

    sessions: Sessions
    """Ends sessions."""
    families: Families
    """Ends what a client holds outside of any session."""

    async def sign_out(self, *, organization: str, user: str, session: str, family: str, refresh_token: str) -> None:
        """End the session of the refresh token, or else the caller's own; somebody else's is left alone."""
        if refresh_token:
            found = await self.families.find(refresh_token)
            if found is None or (found.family.organization, found.family.user) != (organization, user):
                return
            session, family = found.family.session, found.family.id
        if session:
            await self.sessions.end(session)
        if family:
            await self.families.end(family)
