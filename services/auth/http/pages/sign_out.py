"""Asks whether somebody wants to sign out, and does so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from services.auth.domain.errors import SessionUnknown
from services.auth.http.pages.paths import SIGN_IN, SIGN_OUT
from services.auth.http.pages.visit import SEE_OTHER

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.session_lists import SessionLists
    from services.auth.http.oauth.returning import ReturnAddresses
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOutPage:
    """Ends the session of this browser."""

    site: Site
    """What pages are built on."""
    lists: SessionLists
    """Ends sessions, and has it written down."""
    returns: ReturnAddresses | None = None
    """Reads where an application wants the person to go afterwards."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(SIGN_OUT, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Ask: whoever follows a link of another site is not signed out by it."""
        back = self._back(visit)
        visit.targets = (back,) if back else ()
        return visit.render("sign_out", back=visit.query("back") if back else "")

    async def submit(self, visit: Visit) -> Response:
        """End the session, if there is one."""
        if (session := visit.session) is not None:
            with suppress(SessionUnknown):  # it has ended meanwhile
                await self.lists.end_one(session.organization, session.user, session.id)
        back = self._back(visit)
        onward = RedirectResponse(back, status_code=SEE_OTHER) if back else visit.go(SIGN_IN, done="signed-out")
        return self.site.leave(visit, onward)

    def _back(self, visit: Visit) -> str:
        return self.returns.open(visit.query("back")) if self.returns else ""
