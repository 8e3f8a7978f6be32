"""Where SAML providers have browsers bring their responses, and where our metadata are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.auth.domain.federation.providers import NAME, Kind
from services.auth.domain.sessions import Origin
from services.auth.http.federation.arriving import ARRIVAL
from services.auth.http.pages.forms import read_form
from services.auth.http.pages.headers import guard
from services.auth.http.pages.refusing import show_refusal
from services.auth.http.pages.site import STATUSES
from services.auth.http.pages.visit import SEE_OTHER
from services.auth.servicer.caller import LONGEST_AGENT, address_in
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from services.auth.domain.federation.federating import Federating
    from services.auth.domain.federation.providers import Provider

RECEIVER = "/federation/saml/{provider}/acs"
METADATA = "/federation/saml/{provider}/metadata"

LARGEST = 512 * 1024
"""Bytes of the largest form, as the edge has it."""


class Describing(Protocol):
    """Writes our metadata."""

    async def describe(self, provider: Provider) -> bytes:
        """Return our metadata for a provider, XML."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamlReceiver:
    """Takes the responses of SAML providers.

    They come by a form of the provider's site, so that no cookie of ours comes along, and no token of a form. What came
    is checked, kept, and goes on where the browser shows its cookie.
    """

    federating: Federating
    """Checks and keeps."""
    describing: Describing
    """Writes our metadata."""
    secure: bool
    """Whether pages go over TLS."""

    def routes(self) -> tuple[BaseRoute, ...]:
        """Return where it is."""
        return (
            Route(RECEIVER, self.receive, methods=["POST"]),
            Route(METADATA, self.describe, methods=["GET"]),
        )

    async def receive(self, request: Request) -> Response:
        """Take a response."""
        headers = request.headers
        origin = Origin(address=address_in(headers), agent=headers.get("user-agent", "")[:LONGEST_AGENT])
        response: Response
        try:
            provider = await self._find(request)
            form = await read_form(request, LARGEST)
            answer = {"SAMLResponse": form.get("SAMLResponse", "")}
            token = await self.federating.receive_form(provider.name, form.get("RelayState", ""), answer, origin=origin)
        except TenonError as error:
            response = show_refusal(error.message, status=STATUSES.get(error.code, 500))
        else:
            response = RedirectResponse(f"{ARRIVAL}?{urlencode({'token': token})}", status_code=SEE_OTHER)
        guard(response, secure=self.secure)
        return response

    async def describe(self, request: Request) -> Response:
        """Return our metadata."""
        try:
            written = await self.describing.describe(await self._find(request))
        except TenonError as error:
            return show_refusal(error.message, status=STATUSES.get(error.code, 500))
        response = Response(written, media_type="application/samlmetadata+xml")
        response.headers["x-content-type-options"] = "nosniff"
        return response

    async def _find(self, request: Request) -> Provider:
        return await self.federating.find(NAME + request.path_params["provider"], Kind.SAML)
