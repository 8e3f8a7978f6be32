"""Where somebody proves once more that it is still them, before a change that matters (ASVS 5.0 7.5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.http.pages.paths import CONFIRM

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmPage:
    """Begins to strengthen the session that there is."""

    entering: Entering
    """Leads through the sign-in."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(CONFIRM, self.show, private=True),)

    async def show(self, visit: Visit) -> Response:
        """Begin, and ask for a factor."""
        session, _ = visit.signed_in
        state = await self.entering.steps.begin_step_up(session)
        return await self.entering.advance(visit, state, await self.entering.purpose(visit))
