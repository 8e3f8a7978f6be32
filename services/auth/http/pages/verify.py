"""Where somebody confirms that an address is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.http.pages.paths import VERIFY
from services.auth.http.pages.refusals import PageMissing

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.address_verification import AddressVerification
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyPage:
    """Takes the link of a mail back. It does nothing by being opened, since mail programs open links too."""

    site: Site
    """What pages are built on."""
    verification: AddressVerification
    """Takes links back."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(VERIFY, self.show, self.submit),)

    async def show(self, visit: Visit) -> Response:
        """Ask whether the address is theirs."""
        link = visit.query("link")
        if not link and not visit.query("done"):
            raise PageMissing
        return visit.render("verify", link=link)

    async def submit(self, visit: Visit) -> Response:
        """Confirm it."""
        await self.verification.confirm(visit.form.get("link", ""), visit.origin)
        return visit.go(VERIFY, done="verified")
