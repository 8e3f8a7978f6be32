"""Where a passkey is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import AuthenticatorExists, EnrolmentInvalid
from services.auth.http.pages.authenticators import LONGEST_NAME
from services.auth.http.pages.paths import AUTHENTICATORS, PASSKEY_SETUP
from services.auth.http.pages.visit import Problem
from services.auth.http.pages.wording import describe_agent

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.factors.setup import Setup
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class PasskeySetupPage:
    """Asks the browser for a passkey, and takes it."""

    site: Site
    """What pages are built on."""
    setup: Setup
    """Sets it up."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(PASSKEY_SETUP, self.show, self.confirm, private=True),)

    async def show(self, visit: Visit, problem: Problem | None = None) -> Response:
        """Begin, anew after each answer: a challenge is answered once."""
        begun = await self.setup.begin_passkey(visit.owner)
        return visit.render(
            "passkey_setup",
            status=400 if problem else 200,
            problems=(problem,) if problem else (),
            enrolment=begun.enrolment,
            options=begun.options,
            name=describe_agent(visit.origin.agent),
        )

    async def confirm(self, visit: Visit) -> Response:
        """Keep the passkey under the name that its owner has given."""
        form, owner = visit.form, visit.owner
        try:
            made = await self.setup.confirm_passkey(owner, form.get("enrolment", ""), form.get("credential", ""))
        except (EnrolmentInvalid, AuthenticatorExists) as error:
            return await self.show(visit, Problem(message=error.message))
        if name := form.get("display_name", "").strip()[:LONGEST_NAME]:
            await self.setup.rename(owner, made.id, name)
        return visit.go(AUTHENTICATORS, done="passkey")
