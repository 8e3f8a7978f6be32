"""Where browsers go to identity providers and come back: `/federation/…`.

A provider's answer is good in the browser alone that has asked, which a cookie tells. An OpenID provider sends the
browser back by a link, with which the cookie goes; a SAML provider by a form of its own site, with which none goes, so
that its answer is kept until the browser has followed one more link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.http.federation.arriving import Arrival
from services.auth.http.federation.oidc import OidcCallback
from services.auth.http.federation.saml import SamlReceiver
from services.auth.http.federation.starting import Start

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from services.auth.domain.federation.federating import Federating
    from services.auth.http.federation.saml import Describing
    from services.auth.http.pages.entering import Entering


def routes(entering: Entering, federating: Federating, describing: Describing) -> tuple[BaseRoute, ...]:
    """Return all of them."""
    arrival = Arrival(entering=entering, federating=federating)
    receiver = SamlReceiver(federating=federating, describing=describing, secure=entering.site.secure)
    pages = (Start(entering=entering, federating=federating), OidcCallback(arrival=arrival), receiver, arrival)
    return tuple(route for page in pages for route in page.routes())
