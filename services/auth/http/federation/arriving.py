"""Where those go on who have come back from a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.factors.kinds import Factor
from services.auth.http.federation.starting import browser_of
from services.auth.http.pages.entering import Purpose
from services.auth.http.pages.paths import HOME, LINKED, LINKED_CONFIRM

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.federation.federating import Arrived, Federating
    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit

ARRIVAL = "/federation/arrival"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """Goes on with a sign-in whose first factor was shown elsewhere."""

    entering: Entering
    """Leads through the sign-in."""
    federating: Federating
    """Says whose account it is."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(ARRIVAL, self.resume),)

    async def resume(self, visit: Visit) -> Response:
        """Go on with an answer that came without a cookie."""
        token, browser = visit.query("token"), browser_of(self.entering, visit)
        return await self.enter(visit, await self.federating.resume(token, browser=browser, origin=visit.origin))

    async def enter(self, visit: Visit, arrived: Arrived) -> Response:
        """Sign in, ask for what is missing, or offer to link."""
        if arrived.offer:
            return visit.go(LINKED_CONFIRM, link=arrived.offer)
        if arrived.account is None:
            return visit.go(LINKED)
        purpose = await self._purpose(visit, arrived)
        said = arrived.assertion
        state = await self.entering.steps.resume(
            arrived.account, Factor.FEDERATED, said.methods, purpose.level, said.time
        )
        return await self.entering.advance(visit, state, purpose)

    async def _purpose(self, visit: Visit, arrived: Arrived) -> Purpose:
        if not arrived.purpose.flow:
            return Purpose(to=arrived.purpose.to or HOME)
        flow = arrived.purpose.flow
        return Purpose(flow=flow, view=await self.entering.flows.describe(flow, visit.session))
