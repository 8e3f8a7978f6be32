"""Where a sign-in begins: by address and password, by a passkey, or by a code that is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from services.auth.domain.accounts import DEFAULT_ORGANIZATION
from services.auth.domain.errors import HashingBusy, SignInFailed, SignInThrottled
from services.auth.domain.factors.kinds import Factor
from services.auth.domain.oauth.flows import Step
from services.auth.http.pages.paths import LINK, RESET, SIGN_IN
from services.auth.http.pages.site import STATUSES
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.federation.federating import Federating
    from services.auth.domain.sessions import Session
    from services.auth.http.pages.entering import Entering, Purpose
    from services.auth.http.pages.visit import Visit
    from services.chassis.errors import TenonError

_ANOTHER = "The application expects another account than the one that you have signed in to."


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInPage:
    """Asks who somebody is."""

    entering: Entering
    """Leads through the sign-in."""
    federating: Federating | None = None
    """Knows by which providers an organization's people sign in."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(SIGN_IN, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Show the form; whoever is signed in goes on, or proves once more that it is still them."""
        if link := visit.query("link"):
            return visit.go(LINK, link=link)
        purpose = await self.entering.purpose(visit)
        if visit.session is None or visit.query("switch"):
            return await self._form(visit, purpose)
        if purpose.view is None or Step.SIGN_IN not in purpose.view.steps:
            return self.entering.onward(visit, purpose)
        if not self._is_same_person(visit, purpose):
            return await self._form(visit, purpose)
        return await self._prove_again(visit, purpose, visit.session)

    async def submit(self, visit: Visit) -> Response:
        """Begin the sign-in with what was chosen."""
        purpose = await self.entering.purpose(visit)
        try:
            return await self._begin(visit, purpose)
        except (SignInFailed, SignInThrottled, HashingBusy) as error:
            return await self._form(visit, purpose, error)

    async def _prove_again(self, visit: Visit, purpose: Purpose, session: Session) -> Response:
        """Ask for a proof of whoever is signed in; where they have given it and it was not enough, say so."""
        if purpose.is_renewed_by(session) and not visit.query("again"):
            if purpose.is_out_of_reach(session):
                return visit.render("stronger", view=purpose.view, flow=purpose.flow)
            return await self._form(visit, purpose, problem=Problem(message=_ANOTHER))
        state = await self.entering.steps.begin_step_up(session, level=purpose.level)
        return await self.entering.advance(visit, state, purpose)

    async def _begin(self, visit: Visit, purpose: Purpose) -> Response:
        entering, form = self.entering, visit.form
        email, way = form.get("email", ""), form.get("way", "")
        organization = purpose.organization or form.get("organization", "").strip()
        if way == Factor.PASSKEY:
            state = await entering.steps.begin(organization, level=purpose.level)
            return await entering.advance(visit, state, purpose, way=Factor.PASSKEY)
        if not email.strip():
            return await self._form(visit, purpose, problem=Problem(message="Enter your email address.", field="email"))
        state = await entering.steps.begin(organization, email, level=purpose.level)
        if way == Factor.EMAIL_CODE:
            state = await entering.steps.send_code(state.attempt, visit.origin)
            return await entering.advance(visit, state, purpose, way=Factor.EMAIL_CODE, sent="1")
        state = await entering.steps.password(state.attempt, form.get("password", ""), visit.origin)
        return await entering.advance(visit, state, purpose)

    async def _form(
        self, visit: Visit, purpose: Purpose, error: TenonError | None = None, *, problem: Problem | None = None
    ) -> Response:
        view = purpose.view
        if error is not None:
            problem = Problem(message=error.message)
        status = STATUSES[error.code] if error else 400 if problem else 200
        organization = purpose.organization or visit.query("organization")
        response = visit.render(
            "sign_in",
            status=status,
            problems=(problem,) if problem else (),
            client=purpose.client,
            hidden=purpose.carried,
            email=visit.form.get("email") or (view.login_hint if view else ""),
            organization=organization,
            fixed=bool(purpose.organization),
            asks_organization=not purpose.organization
            and (bool(organization) or "organization" in visit.request.query_params),
            reset=RESET,
            providers=await self._providers(organization, purpose),
        )
        return self.entering.site.delay(response, error)

    async def _providers(self, organization: str, purpose: Purpose) -> list[dict[str, str]]:
        if self.federating is None:
            return []
        carried = urlencode({name: value for name, value in purpose.carried.items() if value})
        return [
            {"title": one.display_name, "path": f"/federation/{one.id}/start" + (f"?{carried}" if carried else "")}
            for one in await self.federating.list_of(organization or DEFAULT_ORGANIZATION)
        ]

    def _is_same_person(self, visit: Visit, purpose: Purpose) -> bool:
        """Whether the session may be good for it: if not, another account is asked for."""
        view, account = purpose.view, visit.account
        if view is None or account is None or "select_account" in view.prompt:
            return False
        return view.organization in {"", account.organization} and view.login_hint in {"", account.email}
