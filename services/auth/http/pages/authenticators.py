"""What somebody has set up to sign in with, beside the password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import AuthenticatorUnknown, PasswordTooShortAlone
from services.auth.domain.factors.authenticators import PASSKEY, TOTP
from services.auth.http.pages.paths import AUTHENTICATORS
from services.auth.http.pages.visit import Problem

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.factors.setup import Setup
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit

LONGEST_NAME = 100
"""Characters of the name of an authenticator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticatorsPage:
    """Lists, renames and removes authenticators."""

    site: Site
    """What pages are built on."""
    setup: Setup
    """Changes them."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(AUTHENTICATORS, self.show, self.change, private=True),)

    async def show(self, visit: Visit, problem: Problem | None = None) -> Response:
        """List them."""
        _, account = visit.signed_in
        present = await self.setup.list_of(account)
        return visit.render(
            "authenticators",
            status=400 if problem else 200,
            problems=(problem,) if problem else (),
            passkeys=[one for one in present if one.kind == PASSKEY],
            apps=[one for one in present if one.kind == TOTP],
            codes=await self.setup.count_codes(account),
        )

    async def change(self, visit: Visit) -> Response:
        """Rename or remove one."""
        form, owner = visit.form, visit.owner
        name = form.get("display_name", "").strip()[:LONGEST_NAME]
        try:
            if form.get("do") == "rename" and name:
                await self.setup.rename(owner, form.get("authenticator", ""), name)
                return visit.go(AUTHENTICATORS, done="renamed")
            if form.get("do") == "remove":
                await self.setup.remove(owner, form.get("authenticator", ""))
                return visit.go(AUTHENTICATORS, done="removed")
        except AuthenticatorUnknown:
            return visit.go(AUTHENTICATORS)
        except PasswordTooShortAlone as error:
            return await self.show(visit, Problem(message=error.message))
        return visit.go(AUTHENTICATORS)
