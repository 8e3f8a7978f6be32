"""The first page of an account: who somebody is here, and what there is to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.http.pages.paths import HOME

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class OverviewPage:
    """Shows an account."""

    site: Site
    """What pages are built on."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(HOME, self.show, private=True),)

    async def show(self, visit: Visit) -> Response:
        """Show the account."""
        return visit.render("overview")
