"""Where new recovery codes are shown, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import SecondFactorMissing
from services.auth.http.pages.paths import AUTHENTICATORS, RECOVERY_CODES

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.factors.setup import Setup
    from services.auth.http.pages.site import Site
    from services.auth.http.pages.visit import Visit


@dataclass(frozen=True, kw_only=True, slots=True)
class RecoveryCodesPage:
    """Makes recovery codes."""

    site: Site
    """What pages are built on."""
    setup: Setup
    """Makes them."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.site.page(RECOVERY_CODES, self.show, self.make, private=True),)

    async def show(self, visit: Visit) -> Response:
        """Go to where they are asked for: what was shown once is not shown again."""
        return visit.go(AUTHENTICATORS)

    async def make(self, visit: Visit) -> Response:
        """Make new ones and show them at once, since nothing keeps them that could show them after a redirect."""
        try:
            codes = await self.setup.regenerate_codes(visit.owner)
        except SecondFactorMissing:
            return visit.go(AUTHENTICATORS)
        return visit.render("recovery_codes", codes=codes)
