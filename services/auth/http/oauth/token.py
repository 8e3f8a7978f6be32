"""`/oauth2/token`: codes, refresh tokens and clients themselves for access tokens (RFC 6749 §3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from services.auth.domain.oauth.granting import Asked
from services.auth.http.oauth.answers import answer_json, guard
from services.auth.http.oauth.forms import read_form, read_presented

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.domain.oauth.granting import Granted
    from services.auth.http.oauth.provider import Provider

PATH = "/oauth2/token"


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return the endpoint."""

    async def grant(request: Request) -> Response:
        parameters = await read_form(request)
        parameters.check()
        presented = read_presented(request, parameters)
        client = await provider.authentication.authenticate(presented)
        asked = Asked(
            client=client,
            parameters=parameters,
            confirmation=await provider.holding.prove(request),
            origin=presented.origin,
        )
        granted = await provider.desk.serve(asked)
        return answer_json(render(granted, provider.flows.clock()))

    return (Route(PATH, guard(grant), methods=["POST"]),)


def render(granted: Granted, now: datetime) -> dict[str, Any]:
    """Return what a client reads (RFC 6749 §5.1)."""
    told: dict[str, Any] = {
        "access_token": granted.access.text,
        "token_type": "DPoP" if granted.confirmation else "Bearer",
        "expires_in": max(0, int((granted.access.expires - now).total_seconds())),
        "scope": granted.scope,
    }
    if granted.refresh is not None:
        told["refresh_token"] = granted.refresh.text
    if granted.id_token:
        told["id_token"] = granted.id_token
    return {**told, **granted.extra}
