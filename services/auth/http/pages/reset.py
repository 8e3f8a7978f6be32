"""Where somebody who has forgotten their password asks for a link, and chooses another one by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import HashingBusy, MailedProofInvalid, PasswordUnsuitable, SignInThrottled
from services.auth.http.pages.paths import RESET, SIGN_IN
from services.auth.http.pages.site import STATUSES
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.password_recovery import PasswordRecovery
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit
    from services.chassis.errors import TenonError


@dataclass(frozen=True, kw_only=True, slots=True)
class ResetPage:
    """Replaces a password that was forgotten. It signs nobody in."""

    site: Site
    """What pages are built on."""
    recovery: PasswordRecovery
    """Sends links and takes them back."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(RESET, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Ask for the address; or, under a link that does something, for the new password."""
        link = visit.query("link")
        if not link:
            return self._ask(visit)
        if not await self.recovery.check(link):
            raise MailedProofInvalid
        return visit.render("new_password", link=link)

    async def submit(self, visit: Visit) -> Response:
        """Send a link, or use one."""
        return await (self._choose(visit) if visit.form.get("link") else self._request(visit))

    async def _request(self, visit: Visit) -> Response:
        form = visit.form
        if not form.get("email", "").strip():
            return self._ask(visit, Problem(message="Enter your email address.", field="email"))
        try:
            await self.recovery.request(form.get("organization", "").strip(), form["email"], visit.origin)
        except SignInThrottled as error:
            return self.site.delay(self._ask(visit, Problem(message=error.message), error), error)
        return visit.go(RESET, done="sent")

    async def _choose(self, visit: Visit) -> Response:
        link = visit.form["link"]
        try:
            await self.recovery.choose(link, visit.form.get("password", ""), visit.origin)
        except (PasswordUnsuitable, HashingBusy) as error:
            problem = Problem(message=error.message, field="password")
            return visit.render("new_password", status=STATUSES[error.code], problems=(problem,), link=link)
        return visit.go(SIGN_IN, done="reset")

    def _ask(self, visit: Visit, problem: Problem | None = None, error: TenonError | None = None) -> Response:
        organization = visit.query("organization")
        return visit.render(
            "reset",
            status=STATUSES[error.code] if error else 400 if problem else 200,
            problems=(problem,) if problem else (),
            email=visit.form.get("email", ""),
            organization=organization,
            asks_organization=bool(organization) or "organization" in visit.request.query_params,
        )
