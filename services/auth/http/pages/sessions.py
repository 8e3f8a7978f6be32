"""Where somebody is signed in, and how they end that (ASVS 5.0 7.5.2)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import SessionUnknown
from services.auth.http.pages.paths import SESSIONS

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.session_lists import SessionLists
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionsPage:
    """Lists and ends sessions."""

    site: Site
    """What pages are built on."""
    lists: SessionLists
    """Lists and ends sessions."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(SESSIONS, self.show, self.end, private=True),)

    async def show(self, visit: Visit) -> Response:
        """List the sessions that live."""
        session, account = visit.signed_in
        found = await self.lists.list_of(account.organization, account.name)
        return visit.render("sessions", others=[one for one in found if one.id != session.id])

    async def end(self, visit: Visit) -> Response:
        """End one other session, or all others."""
        session, account = visit.signed_in
        if visit.form.get("which") == "others":
            await self.lists.end_others(account.organization, account.name, keep=session.id)
            return visit.go(SESSIONS, done="others")
        with suppress(SessionUnknown):  # it has ended by itself
            await self.lists.end_one(account.organization, account.name, visit.form.get("session", ""))
        return visit.go(SESSIONS, done="one")
