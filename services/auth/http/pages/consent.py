"""Asks whether a client may have what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.oauth.flows import Step
from services.auth.http.pages.paths import CONSENT, CONTINUE, SIGN_IN
from services.auth.http.pages.refusals import PageMissing

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentPage:
    """Takes somebody's consent."""

    entering: Entering
    """Knows what waits for it."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(CONSENT, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Say who asks for what."""
        purpose = await self.entering.purpose(visit)
        if purpose.view is None:
            raise PageMissing
        if visit.session is None or Step.SIGN_IN in purpose.view.steps:
            return visit.go(SIGN_IN, flow=purpose.flow)
        if Step.CONSENT not in purpose.view.steps:
            return visit.go(CONTINUE, flow=purpose.flow)
        return visit.render("consent", view=purpose.view, flow=purpose.flow)

    async def submit(self, visit: Visit) -> Response:
        """Keep the answer, and go on."""
        flow, decision = visit.form.get("flow", ""), visit.form.get("decision", "")
        if visit.session is None:
            return visit.go(SIGN_IN, flow=flow)
        if decision == "allow":
            await self.entering.flows.approve(flow, visit.session)
        elif decision == "deny":
            await self.entering.flows.deny(flow)
        return visit.go(CONTINUE, flow=flow)
