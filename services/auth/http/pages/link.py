"""Where the link of a mail leads that signs in: it does nothing by being opened, since mail programs open links too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import FactorNotOffered, SignInExpired, SignInFailed, SignInOvertaken
from services.auth.http.pages.paths import LINK

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkPage:
    """Signs in whoever has asked for the link in this browser."""

    entering: Entering
    """Leads through the sign-in."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(LINK, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Ask whether to sign in."""
        return visit.render("link", secret=visit.query("link"), here=bool(self.entering.attempt(visit)))

    async def submit(self, visit: Visit) -> Response:
        """Show the link's secret."""
        purpose = await self.entering.kept_purpose(visit)
        try:
            attempt = self.entering.attempt(visit)
            state = await self.entering.steps.link(attempt, visit.form.get("link", ""), visit.origin)
            return await self.entering.advance(visit, state, purpose)
        except (SignInFailed, SignInExpired, SignInOvertaken, FactorNotOffered):
            return self.entering.restart(visit, "link")
