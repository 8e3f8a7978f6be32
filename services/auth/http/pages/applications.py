"""Which applications somebody has let in, and how they take that back (ASVS 5.0 10.7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.http.pages.paths import APPLICATIONS

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.oauth.consents import Consents
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplicationsPage:
    """Lists and revokes consents."""

    site: Site
    """What pages are built on."""
    consents: Consents
    """Where they are kept."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(APPLICATIONS, self.show, self.revoke, private=True),)

    async def show(self, visit: Visit) -> Response:
        """List the consents."""
        _, account = visit.signed_in
        return visit.render("applications", consents=await self.consents.list(account.organization, account.name))

    async def revoke(self, visit: Visit) -> Response:
        """Take one back, with all that the application holds."""
        _, account = visit.signed_in
        client, now = visit.form.get("client", ""), self.site.sessions.clock()
        await self.consents.revoke(account.organization, account.name, client, now=now)
        return visit.go(APPLICATIONS, done="revoked")
