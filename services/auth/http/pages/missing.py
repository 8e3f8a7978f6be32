"""What is answered where there is no page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.http.pages.refusals import PageMissing

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingPage:
    """Stands behind all others."""

    site: Site
    """What pages are built on."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is: wherever nothing else is."""
        return (self.site.page("/account/{rest:path}", self.show),)

    async def show(self, visit: Visit) -> Response:
        """Say that there is none."""
        del visit
        raise PageMissing
