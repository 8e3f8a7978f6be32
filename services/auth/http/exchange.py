"""Answers the edge, which asks before a call goes on whose credential is an API key or a token bound to a key.

The edge sends the call's headers, and the call's path behind ours; it takes from a 200 the header `authorization` in
place of the client's, and hands any other answer on to the client.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from services.auth.domain.errors import ApiKeyInvalid, ApiKeysThrottled, DpopNonceNeeded, DpopProofInvalid
from services.auth.domain.oauth.dpop import ALGORITHMS
from services.auth.domain.sessions import Origin
from services.auth.servicer.caller import LONGEST_AGENT, address_in
from services.chassis.errors import TenonError, Unauthenticated

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

    from services.auth.domain.exchanging import Exchanged, KeyExchange, ProofExchange

EXCHANGE_PATH = "/internal/exchange"
"""Where the edge asks, and nobody else can: it has no route to here."""

KEY_HEADER = "x-api-key"
_KEY_CHALLENGE = 'Bearer realm="tenon", error="invalid_token"'
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(keys: KeyExchange, proofs: ProofExchange, issuer: str) -> tuple[Route, ...]:
    """Return the page of the exchange. `issuer` is the address that clients know the edge by."""

    async def exchange(request: Request) -> Response:
        try:
            token = await _exchange(request, keys, proofs, issuer)
        except Unauthenticated as error:
            return _refusal(error)
        except ApiKeysThrottled as error:
            wait = {"retry-after": str(math.ceil(error.retry_after or 1.0))}
            return Response(error.message, status_code=429, headers=wait, media_type="text/plain")
        except TenonError as error:
            # The edge denies whatever is answered with an error of ours (ASVS 5.0 §16.5.3).
            return Response(error.message, status_code=503, media_type="text/plain")
        drop = f"{KEY_HEADER},dpop"
        headers = {"authorization": f"Bearer {token.text}", "x-envoy-auth-headers-to-remove": drop}
        return Response(status_code=200, headers={**headers, "cache-control": "no-store"})

    return (Route(f"{EXCHANGE_PATH}/{{path:path}}", exchange, methods=_METHODS),)


async def _exchange(request: Request, keys: KeyExchange, proofs: ProofExchange, issuer: str) -> Exchanged:
    """Return the plain token for the one credential of a call."""
    headers = request.headers
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "dpop":
        if KEY_HEADER in headers or len(headers.getlist("dpop")) != 1:
            raise DpopProofInvalid("Beside the token there has to be one proof in the header `DPoP`, and nothing else.")
        method, path = _called(request, headers)
        return await proofs.exchange(value.strip(), headers["dpop"], method=method, url=f"{issuer.rstrip('/')}{path}")
    found = [key for key in (headers.get(KEY_HEADER), value.strip() or None) if key is not None]
    if len(found) != 1:
        # Of two credentials each reader would take another.
        raise ApiKeyInvalid
    origin = Origin(address=address_in(headers), agent=headers.get("user-agent", "")[:LONGEST_AGENT])
    return await keys.exchange(found[0], origin)


def _called(request: Request, headers: Headers) -> tuple[str, str]:
    """Return method and path of the call as the client made it; the edge has removed what a client says of these."""
    method = headers.get("x-envoy-original-method", request.method)
    return method, headers.get("x-envoy-original-path", f"/{request.path_params['path']}")


def _refusal(error: Unauthenticated) -> Response:
    headers = {"www-authenticate": _KEY_CHALLENGE, "cache-control": "no-store"}
    if isinstance(error, (DpopProofInvalid, DpopNonceNeeded)):
        problem = "use_dpop_nonce" if isinstance(error, DpopNonceNeeded) else "invalid_dpop_proof"
        headers["www-authenticate"] = f'DPoP realm="tenon", error="{problem}", algs="{" ".join(ALGORITHMS)}"'
    if isinstance(error, DpopNonceNeeded):
        headers["dpop-nonce"] = error.nonce
    return Response(error.message, status_code=401, headers=headers, media_type="text/plain")
