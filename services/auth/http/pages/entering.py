"""What the pages of a sign-in share: what it is for, which one is under way, and where it leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.authentication import reaches
from services.auth.http.cookies import ATTEMPT
from services.auth.http.pages.paths import CONTINUE, FACTOR, HOME, SIGN_IN

if TYPE_CHECKING:
    from starlette.responses import Response

    from services.auth.domain.oauth.flows import Flows, FlowView
    from services.auth.domain.sessions import Session
    from services.auth.domain.sign_in_flow import SignInFlow, SignInState
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class Purpose:
    """What somebody signs in for."""

    to: str = HOME
    """The page of ours to go to, where no client waits."""
    flow: str = ""
    """The authorization that waits, or empty."""
    view: FlowView | None = None
    """What is to be shown of it."""

    @property
    def carried(self) -> dict[str, str]:
        """What the pages of the sign-in carry along."""
        return {"flow": self.flow} if self.flow else {"to": self.to if self.to != HOME else ""}

    @property
    def client(self) -> str:
        """The name of the client that waits, or nothing."""
        return self.view.client_name if self.view else ""

    @property
    def level(self) -> str:
        """The level that has to be reached, or nothing."""
        return self.view.acr if self.view else ""

    @property
    def organization(self) -> str:
        """The one organization whose people the client serves, or nothing where anybody may choose theirs."""
        return self.view.organization if self.view else ""

    def is_renewed_by(self, session: Session) -> bool:
        """Whether the person has proven themselves since the authorization began."""
        return self.view is not None and session.authentication.time > self.view.created

    def is_out_of_reach(self, session: Session) -> bool:
        """Whether the session is not as strong as the authorization wants it."""
        return bool(self.level) and not reaches(session.authentication.level, self.level)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entering:
    """Leads people through a sign-in."""

    site: Site
    """What pages are built on."""
    steps: SignInFlow
    """The sign-in, step by step."""
    flows: Flows
    """The authorizations for which people sign in."""

    async def purpose(self, visit: Visit) -> Purpose:
        """Return what somebody signs in for; an authorization that has expired is told by its own page."""
        flow = visit.query("flow")
        return await self._described(visit, flow) if flow else Purpose(to=visit.onward)

    def attempt(self, visit: Visit) -> str:
        """Return the token of the sign-in that is under way in this browser, or nothing."""
        return self._kept(visit)[0]

    async def kept_purpose(self, visit: Visit) -> Purpose:
        """Return what the sign-in is for that is under way, where a mail has led back to it."""
        flow = self._kept(visit)[1]
        return await self._described(visit, flow) if flow else Purpose()

    async def _described(self, visit: Visit, flow: str) -> Purpose:
        view = await self.flows.describe(flow, visit.session)
        visit.targets = (view.redirect_uri,)
        return Purpose(flow=flow, view=view)

    def _kept(self, visit: Visit) -> tuple[str, str]:
        attempt, _, flow = self.site.cookie(ATTEMPT).read(visit.request).partition(".")
        return attempt, flow

    def onward(self, visit: Visit, purpose: Purpose) -> Response:
        """Go to what the sign-in was for."""
        return visit.go(CONTINUE, flow=purpose.flow) if purpose.flow else visit.go(purpose.to)

    async def advance(self, visit: Visit, state: SignInState, purpose: Purpose, **query: str) -> Response:
        """Finish a sign-in that is done, and else ask for what is missing."""
        if not state.done:
            response = visit.go(FACTOR, **purpose.carried, **query)
            self.site.cookie(ATTEMPT).set(response, f"{state.attempt}.{purpose.flow}")
            return response
        replaced = visit.session.id if visit.session and not state.session else ""
        opened = await self.steps.finish(state.attempt, visit.origin, replaces=replaced)
        return self.site.enter(visit, opened, self.onward(visit, purpose))

    def restart(self, visit: Visit, why: str) -> Response:
        """Begin again, for what it was for."""
        response = visit.go(SIGN_IN, flow=visit.query("flow"), to=visit.query("to"), done=why)
        self.site.cookie(ATTEMPT).clear(response)
        return response
