"""Where OpenID providers send the browser back to, each to an address of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.auth.domain.errors import FederatedSignInInvalid
from services.auth.domain.federation.providers import NAME, Kind
from services.auth.http.federation.starting import browser_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.http.federation.arriving import Arrival
    from services.auth.http.pages.visit import Visit

CALLBACK = "/federation/oidc/{provider}/callback"

_READ = ("code", "iss", "error")


@dataclass(frozen=True, kw_only=True, slots=True)
class OidcCallback:
    """Takes the answers of OpenID providers."""

    arrival: Arrival
    """Goes on from there."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.arrival.entering.site.page(CALLBACK, self.hear),)

    async def hear(self, visit: Visit) -> Response:
        """Take an answer."""
        arrival, parameters = self.arrival, visit.request.query_params
        if any(times > 1 for times in Counter(name for name, _ in parameters.multi_items()).values()):
            raise FederatedSignInInvalid("It says something twice.")
        provider = await arrival.federating.find(NAME + visit.request.path_params["provider"], Kind.OIDC)
        arrived = await arrival.federating.receive(
            provider.name,
            parameters.get("state", ""),
            {name: parameters[name] for name in _READ if name in parameters},
            browser=browser_of(arrival.entering, visit),
            origin=visit.origin,
        )
        return await arrival.enter(visit, arrived)
