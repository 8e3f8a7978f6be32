"""Where the way to a provider begins."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from services.auth.domain.errors import IdentityProviderUnknown
from services.auth.domain.federation.assertions import Wish
from services.auth.domain.federation.providers import NAME
from services.auth.domain.federation.waiting import LIFETIME, Purpose
from services.auth.http.cookies import FEDERATION
from services.auth.http.pages.visit import SEE_OTHER

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from services.auth.domain.federation.federating import Federating
    from services.auth.http.pages.entering import Entering
    from services.auth.http.pages.visit import Visit

START = "/federation/{provider}/start"

_COOKIE_BYTES = 32
_LONGEST = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Sends a browser to a provider."""

    entering: Entering
    """Knows what waits for the sign-in."""
    federating: Federating
    """Asks the provider."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (self.entering.site.page(START, self.go),)

    async def go(self, visit: Visit) -> Response:
        """Ask the provider, whose answer this browser alone can bring back."""
        provider = await self.federating.find(NAME + visit.request.path_params["provider"])
        purpose = await self.entering.purpose(visit)
        if purpose.organization not in {"", provider.organization}:
            raise IdentityProviderUnknown(provider.name)
        user = ""
        if visit.query("link"):
            _, account = visit.signed_in
            if account.organization != provider.organization:
                raise IdentityProviderUnknown(provider.name)
            user = account.name
        view = purpose.view
        wish = Wish(
            login_hint=view.login_hint if view else "",
            fresh=view is not None and "login" in view.prompt,
            max_age=view.max_age if view else None,
        )
        browser = browser_of(self.entering, visit) or secrets.token_urlsafe(_COOKIE_BYTES)
        wanted = Purpose(flow=purpose.flow, to="" if purpose.flow else purpose.to, user=user)
        begun = await self.federating.begin(provider, browser, wanted, wish)
        response = RedirectResponse(begun.url, status_code=SEE_OTHER)
        self.entering.site.cookie(FEDERATION).set(response, browser, seconds=int(LIFETIME.total_seconds()))
        return response


def browser_of(entering: Entering, visit: Visit) -> str:
    """Return what tells this browser from all others, or nothing where it has been to no provider."""
    value = entering.site.cookie(FEDERATION).read(visit.request)
    return value if len(value) <= _LONGEST else ""
