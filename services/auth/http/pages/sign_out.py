"""Asks whether somebody wants to sign out, and does so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import SessionUnknown
from services.auth.http.pages.paths import SIGN_IN, SIGN_OUT

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.session_lists import SessionLists
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOutPage:
    """Ends the session of this browser."""

    site: Site
    """What pages are built on."""
    lists: SessionLists
    """Ends sessions, and has it written down."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(SIGN_OUT, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Ask: whoever follows a link of another site is not signed out by it."""
        return visit.render("sign_out")

    async def submit(self, visit: Visit) -> Response:
        """End the session, if there is one."""
        if (session := visit.session) is not None:
            with suppress(SessionUnknown):  # it has ended meanwhile
                await self.lists.end_one(session.organization, session.user, session.id)
        return self.site.leave(visit, visit.go(SIGN_IN, done="signed-out"))
