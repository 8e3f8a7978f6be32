"""`/oauth2/par`: requests that clients push, so that no browser sees or changes them (RFC 9126)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.routing import Route

from services.auth.domain.oauth.refusals import OAuthError, invalid_request
from services.auth.domain.oauth.requests import find_redirect, read_request
from services.auth.http.oauth.answers import answer_json, guard
from services.auth.http.oauth.authorize import PUSHED
from services.auth.http.oauth.forms import LONGEST_KEPT, read_form, read_presented

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.http.oauth.provider import Provider

PATH = "/oauth2/par"
LIFETIME = timedelta(seconds=90)
"""How long a client has to send the person here (RFC 9126 §2.2: 5 to 600 seconds)."""


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return the endpoint."""

    async def push(request: Request) -> Response:
        parameters = await read_form(request, longest=LONGEST_KEPT)
        parameters.check()
        client = await provider.authentication.authenticate(read_presented(request, parameters))
        if parameters.get("request_uri"):
            raise invalid_request("A request that is pushed has no request_uri.")
        confirmation = await provider.holding.prove(request)
        if confirmation and parameters.get("dpop_jkt") not in {"", confirmation}:
            raise OAuthError("invalid_dpop_proof", "The parameter dpop_jkt is of another key than the proof.")
        read_request(client, find_redirect(client, parameters), parameters)
        if confirmation:
            parameters = replace(parameters, values={**parameters.values, "dpop_jkt": confirmation})
        uri = PUSHED + secrets.token_urlsafe(32)
        expires = provider.flows.clock() + LIFETIME
        await provider.flows.kept.push(uri, client.id, parameters.dump(), expires)
        return answer_json({"request_uri": uri, "expires_in": int(LIFETIME.total_seconds())}, status=201)

    return (Route(PATH, guard(push), methods=["POST"]),)
