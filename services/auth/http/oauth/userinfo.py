"""`/oauth2/userinfo`: what a client may know of the person who has signed in (OIDC Core §5.3)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from services.auth.domain.oauth.claims import userinfo_claims
from services.auth.domain.oauth.refusals import OAuthError, invalid_request
from services.auth.domain.scopes import OPENID, split_scope
from services.auth.http.oauth.answers import NO_STORE, answer_json, as_oauth
from services.auth.http.oauth.forms import FORM, read_form, read_query
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from services.auth.http.oauth.provider import Provider

PATH = "/oauth2/userinfo"


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return the endpoint."""

    async def userinfo(request: Request) -> Response:
        try:
            scheme, token = await _read_token(request)
            if not token:
                return Response(status_code=401, headers={**NO_STORE, "www-authenticate": "Bearer"})
            claims = await _check(provider, request, scheme, token)
            return await _answer(provider, claims)
        except OAuthError as error:
            return _refuse(error)
        except TenonError as error:
            return _refuse(as_oauth(error))

    return (Route(PATH, userinfo, methods=["GET", "POST"]),)


async def _read_token(request: Request) -> tuple[str, str]:
    """Return how the token was sent, in lower case, and the token, which may be sent once (RFC 6750 §2)."""
    if "access_token" in read_query(request).values:
        raise invalid_request("A token has no place in an address.")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    scheme = scheme.lower() if scheme.lower() in {"bearer", "dpop"} else ""
    if request.method == "POST" and request.headers.get("content-type", "").startswith(FORM):
        parameters = await read_form(request)
        parameters.check()
        if posted := parameters.get("access_token"):
            if scheme:
                raise invalid_request("The token is sent twice.")
            return "bearer", posted
    return scheme, token.strip() if scheme else ""


async def _check(provider: Provider, request: Request, scheme: str, token: str) -> Mapping[str, Any]:
    claims = await provider.reading.read(token)
    audience = claims.get("aud") if claims else None
    if claims is None or provider.audience not in (audience if isinstance(audience, list) else [audience]):
        raise OAuthError("invalid_token", "The token is unknown, expired, revoked, or not meant for this.", status=401)
    bound = claims.get("cnf", {}).get("jkt", "")
    if bound or scheme == "dpop":
        proven = await provider.holding.prove(request, token=token)
        if scheme != "dpop" or not bound or proven != bound:
            raise OAuthError("invalid_token", "The token is bound to a key that was not proven.", status=401)
    if OPENID not in split_scope(claims.get("scope", "")):
        raise OAuthError("insufficient_scope", "The token is not for the scope openid.", status=403)
    return claims


async def _answer(provider: Provider, claims: Mapping[str, Any]) -> Response:
    known = await provider.people.find_claims(claims["sub"])
    client = await provider.clients.find(claims["client_id"])
    if known is None or client is None:
        raise OAuthError("invalid_token", "The person or the client is gone.", status=401)
    kept = await provider.codes.find_asked(claims.get("grant", ""))
    asked = json.loads(kept) if kept else {}
    told = {"sub": claims["sub"], **userinfo_claims(known, split_scope(claims["scope"]), asked)}
    if not client.userinfo_algorithm:
        return answer_json(told)
    signed = await provider.signer.sign(
        {"iss": provider.issuer, "aud": client.id, **told}, algorithm=client.userinfo_algorithm
    )
    return Response(signed, media_type="application/jwt", headers=NO_STORE)


def _refuse(error: OAuthError) -> Response:
    """Refuse as RFC 6750 §3 has it."""
    challenge = f'Bearer error="{error.code}", error_description="{error.description}"'
    if error.code == "insufficient_scope":
        challenge += f', scope="{OPENID}"'
    told = {"error": error.code, "error_description": error.description}
    return answer_json(told, status=error.status, headers={"www-authenticate": challenge, **error.headers})
