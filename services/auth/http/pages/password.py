"""Where somebody changes their own password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import CurrentPasswordWrong
from services.auth.domain.password_policy import MIN_ALONE, MIN_BESIDE
from services.auth.http.pages.paths import PASSWORD
from services.auth.http.pages.visit import Problem
from services.chassis.errors import InvalidArgument, TenonError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.passwords import Passwords
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordPage:
    """Changes a password."""

    site: Site
    """What pages are built on."""
    passwords: Passwords
    """Changes it."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(PASSWORD, self.show, self.submit, private=True),)

    async def show(self, visit: Visit, *, problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
        """Show the form."""
        _, account = visit.signed_in
        held = await self.passwords.holdings.of(account)
        return visit.render(
            "password", status=status, problems=problems, held=held, shortest=MIN_BESIDE if held.second else MIN_ALONE
        )

    async def submit(self, visit: Visit) -> Response:
        """Change it; all other sessions end."""
        session, account = visit.signed_in
        try:
            await self.passwords.change(
                account.organization,
                account.name,
                current=visit.form.get("current", ""),
                new=visit.form.get("new", ""),
                address=visit.origin.address,
                keep_session=session.id,
            )
        except (CurrentPasswordWrong, InvalidArgument) as error:
            return await self.show(visit, problems=(_problem(error),), status=400)
        return visit.go(PASSWORD, done="changed")


def _problem(error: TenonError) -> Problem:
    return Problem(message=error.message, field="current" if isinstance(error, CurrentPasswordWrong) else "new")
