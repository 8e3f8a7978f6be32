"""Serves the public keys that tokens are verified with (RFC 7517)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from services.chassis.jwks import JWKS_PATH

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.auth.storage.signing_keys import KeySource

MAX_AGE = 300
"""Seconds for which a client may keep the document: half of what the lead of a new key allows for."""

_PUBLIC = ("kty", "crv", "x", "y", "n", "e", "kid", "use", "alg")


async def render_jwks(keys: KeySource) -> bytes:
    """Return the JWKS document, made of public members by allow-list."""
    published = [{name: key.public[name] for name in _PUBLIC if name in key.public} for key in await keys.list()]
    return json.dumps({"keys": published}, separators=(",", ":")).encode()


def routes(keys: KeySource) -> tuple[Route, ...]:
    """Return the page of the keys."""

    async def jwks(request: Request) -> Response:
        del request
        headers = {"cache-control": f"public, max-age={MAX_AGE}"}
        return Response(await render_jwks(keys), media_type="application/jwk-set+json", headers=headers)

    return (Route(JWKS_PATH, jwks, methods=["GET"]),)
