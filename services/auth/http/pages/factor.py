"""Where a sign-in goes on: asks for what is missing, one factor at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import (
    FactorNotOffered,
    HashingBusy,
    SignInExpired,
    SignInFailed,
    SignInOvertaken,
    SignInThrottled,
)
from services.auth.domain.factors.kinds import MAIL, Factor
from services.auth.http.pages.paths import FACTOR
from services.auth.http.pages.site import STATUSES
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.sign_in_flow import SignInState
    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit
    from services.chassis.errors import TenonError

_WRONG = {
    Factor.TOTP: "That code is not right, or was used already. Wait for the next one and try again.",
    Factor.RECOVERY_CODE: "That recovery code is not right, or was used already.",
    Factor.EMAIL_CODE: "That code is not right, or has expired. Check it, or ask for another one.",
    Factor.PASSWORD: "That password is not right.",
    Factor.PASSKEY: "That passkey was not accepted. Try again, or choose another way.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FactorPage:
    """Asks for one more factor."""

    entering: Entering
    """Leads through the sign-in."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(FACTOR, self.show, self.submit),)

    async def show(self, visit: Visit, error: TenonError | None = None) -> Response:
        """Ask for the factor that was chosen, or for the first that is offered."""
        purpose = await self.entering.purpose(visit)
        try:
            state = await self.entering.steps.look(self.entering.attempt(visit))
            way = _chosen(visit, state)
            options = ""
            if way is Factor.PASSKEY:
                state, options = await self.entering.steps.passkey_options(state.attempt)
        except SignInExpired:
            return self.entering.restart(visit, "expired")
        problems = (_problem(error, way),) if error else ()
        response = visit.render(
            "factor",
            status=STATUSES[error.code] if error else 200,
            problems=problems,
            client=purpose.client,
            hidden=purpose.carried,
            state=state,
            way=way,
            others=[one for one in state.offered if one is not way],
            options=options,
            sent=visit.query("sent"),
        )
        return self.entering.site.delay(response, error)

    async def submit(self, visit: Visit) -> Response:
        """Check what was shown, or send what was asked for."""
        purpose = await self.entering.purpose(visit)
        try:
            state = await self.entering.steps.look(self.entering.attempt(visit))
            way = _chosen(visit, state)
            if way in MAIL and "send" in visit.form:
                state = await self.entering.steps.send(state.attempt, way, visit.origin)
                return await self.entering.advance(visit, state, purpose, way=way, sent="1")
            if way is not None:
                state = await self._check(visit, state, way)
            return await self.entering.advance(visit, state, purpose)
        except (SignInFailed, SignInThrottled, HashingBusy) as error:
            return await self.show(visit, error)
        except (SignInExpired, SignInOvertaken, FactorNotOffered):
            return self.entering.restart(visit, "expired")

    async def _check(self, visit: Visit, state: SignInState, way: Factor) -> SignInState:
        steps, form, origin = self.entering.steps, visit.form, visit.origin
        if way is Factor.PASSKEY:
            return await steps.passkey(state.attempt, form.get("credential", ""), origin)
        if way is Factor.PASSWORD:
            return await steps.password(state.attempt, form.get("password", ""), origin)
        check = {
            Factor.TOTP: steps.totp,
            Factor.RECOVERY_CODE: steps.recovery_code,
            Factor.EMAIL_CODE: steps.code,
        }.get(way)
        if check is None:
            raise SignInExpired
        return await check(state.attempt, form.get("code", ""), origin)


def _chosen(visit: Visit, state: SignInState) -> Factor | None:
    asked = visit.query("way")
    return next((one for one in state.offered if one == asked), state.offered[0] if state.offered else None)


def _problem(error: TenonError, way: Factor | None) -> Problem:
    if not isinstance(error, SignInFailed) or way is None:
        return Problem(message=error.message)
    field = {Factor.PASSWORD: "password", Factor.PASSKEY: ""}.get(way, "code")
    return Problem(message=_WRONG.get(way, error.message), field=field)
