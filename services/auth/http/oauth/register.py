"""`/oauth2/register`: where clients register themselves, and change what they have said (RFC 7591, RFC 7592)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from services.auth.domain.oauth.metadata import invalid_metadata
from services.auth.domain.oauth.refusals import OAuthError
from services.auth.domain.oauth.self_registration import Registrar
from services.auth.domain.permissions import is_covered
from services.auth.http.oauth.answers import NO_STORE, answer_json, guard
from services.auth.http.oauth.forms import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from services.auth.domain.oauth.metadata import Terms
    from services.auth.domain.oauth.self_registration import Registration, SelfRegistration
    from services.auth.http.oauth.provider import Provider

PATH = "/oauth2/register"
PERMISSION = "auth.clients.create"
"""What an initial access token has to grant (RFC 7591 §1.2)."""

LONGEST = 65_536
"""Bytes of the longest document."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Who may register clients, and what these may ask for."""

    organization: str
    """The organization of a client that nobody answers for; empty where a token is needed."""
    unknown: Terms
    """What such a client may ask for."""
    vouched: Terms
    """What a client may ask for that somebody has registered by a token."""


def routes(provider: Provider, registration: SelfRegistration, policy: Policy) -> tuple[Route, ...]:
    """Return the endpoints."""

    async def register(request: Request) -> Response:
        registrar = await _find_registrar(provider, policy, request)
        terms = policy.vouched if registrar.subject else policy.unknown
        made = await registration.register(registrar, await _read(request), terms)
        return answer_json(_render(made, registration), status=201)

    async def manage(request: Request) -> Response:
        client, token, origin = request.path_params["client"], _bearer(request), origin_of(request)
        if request.method == "GET":
            return answer_json(_render(await registration.read(client, token), registration))
        if request.method == "DELETE":
            await registration.remove(client, token, origin)
            return Response(status_code=204, headers=NO_STORE)
        # Nobody vouches for a change: what somebody has allowed it may keep, and no more.
        changed = await registration.change(client, token, await _read(request), policy.unknown, origin)
        return answer_json(_render(changed, registration))

    return (
        Route(PATH, guard(register), methods=["POST"]),
        Route(f"{PATH}/{{client}}", guard(manage), methods=["GET", "PUT", "DELETE"]),
    )


async def _find_registrar(provider: Provider, policy: Policy, request: Request) -> Registrar:
    """Return who registers a client: the holder of an access token that allows it, or anybody where that is allowed."""
    origin, token = origin_of(request), _bearer(request)
    if not token and policy.organization:
        return Registrar(organization=policy.organization, origin=origin)
    claims = await provider.reading.read(token) if token else None
    audience = claims.get("aud") if claims else None
    meant = provider.audience in (audience if isinstance(audience, list) else [audience])
    if claims is None or not meant or claims.get("cnf"):
        challenge = 'Bearer error="invalid_token"' if token else "Bearer"
        headers = {"www-authenticate": challenge}
        raise OAuthError("invalid_token", "An access token is needed to register.", status=401, headers=headers)
    if not is_covered(PERMISSION, claims["permissions"]):
        headers = {"www-authenticate": f'Bearer error="insufficient_scope", scope="{PERMISSION}"'}
        raise OAuthError("insufficient_scope", f"The token does not grant {PERMISSION}.", status=403, headers=headers)
    return Registrar(organization=str(claims["org"]), subject=str(claims["sub"]), origin=origin)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _read(request: Request) -> Mapping[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise invalid_metadata("Send the metadata as application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST:
            raise OAuthError("invalid_client_metadata", "The document is too long.", status=413)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid_metadata("The document is no JSON.") from error
    if not isinstance(document, dict):
        raise invalid_metadata("The document is no object.")
    return document


def _render(made: Registration, registration: SelfRegistration) -> dict[str, Any]:
    """Return the answer of RFC 7591 §3.2.1 and RFC 7592 §3. A secret is told once, since only its digest is kept."""
    told: dict[str, Any] = {
        "client_id": made.client,
        "client_id_issued_at": int(made.created.timestamp()),
        **made.metadata.render(),
        "registration_client_uri": registration.address_of(made.client),
        "registration_access_token": made.token,
    }
    return {**told, "client_secret": made.secret, "client_secret_expires_at": 0} if made.secret else told
