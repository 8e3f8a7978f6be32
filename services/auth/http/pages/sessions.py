"""Where somebody is signed in, and how they end that (ASVS 5.0 7.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.http.pages.paths import SESSIONS

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionsPage:
    """Lists and ends sessions."""

    site: Site
    """What pages are built on."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(SESSIONS, self.show, self.end, private=True),)

    async def show(self, visit: Visit) -> Response:
        """List the sessions that live."""
        session, account = visit.signed_in
        sessions = self.site.sessions
        found = await sessions.kept.list_living(account.organization, account.name, now=sessions.clock())
        others = [one for one in found if one.id != session.id]
        return visit.render("sessions", others=others)

    async def end(self, visit: Visit) -> Response:
        """End one other session, or all others."""
        session, account = visit.signed_in
        sessions, now = self.site.sessions, self.site.sessions.clock()
        if visit.form.get("which") == "others":
            await sessions.kept.end_all(account.organization, account.name, now=now, keep=session.id)
            return visit.go(SESSIONS, done="others")
        own = await sessions.kept.list_living(account.organization, account.name, now=now)
        if visit.form.get("session") in {one.id for one in own}:
            await sessions.end(visit.form["session"])
        return visit.go(SESSIONS, done="one")
