"""`/oauth2/device_authorization`: where a device begins that has no browser (RFC 8628 §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.routing import Route

from services.auth.http.oauth.answers import answer_json, guard
from services.auth.http.oauth.forms import read_form, read_presented
from services.auth.http.pages.paths import DEVICE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.domain.oauth.devices import Devices
    from services.auth.http.oauth.provider import Provider

PATH = "/oauth2/device_authorization"


def routes(provider: Provider, devices: Devices) -> tuple[Route, ...]:
    """Return the endpoint."""

    async def begin(request: Request) -> Response:
        parameters = await read_form(request)
        parameters.check()
        client = await provider.authentication.authenticate(read_presented(request, parameters))
        codes = await devices.begin(client, parameters)
        page = provider.issuer + DEVICE
        told = {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': codes.user_code})}",
            "expires_in": codes.expires_in,
            "interval": codes.interval,
        }
        return answer_json(told)

    return (Route(PATH, guard(begin), methods=["POST"]),)
