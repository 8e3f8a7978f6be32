"""`/oauth2/introspect` and `/oauth2/revoke`: whether a token is good, and its end (RFC 7662; RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from services.auth.http.oauth.answers import NO_STORE, answer_json, guard
from services.auth.http.oauth.forms import read_form, read_presented

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.auth.http.oauth.provider import Provider

INTROSPECTION, REVOCATION = "/oauth2/introspect", "/oauth2/revoke"


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return the two endpoints."""

    async def introspect(request: Request) -> Response:
        parameters = await read_form(request)
        parameters.check()
        client = await provider.authentication.authenticate(read_presented(request, parameters), public=False)
        return answer_json(await provider.introspection.introspect(client, parameters.require("token")))

    async def revoke(request: Request) -> Response:
        parameters = await read_form(request)
        parameters.check()
        client = await provider.authentication.authenticate(read_presented(request, parameters))
        await provider.revoking.revoke(client, parameters.require("token"))
        return Response(status_code=200, headers=NO_STORE)

    return Route(INTROSPECTION, guard(introspect), methods=["POST"]), Route(REVOCATION, guard(revoke), methods=["POST"])
