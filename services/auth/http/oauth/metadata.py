"""What clients have to know of the provider, at both places where they look (RFC 8414 §3; OIDC Discovery §4)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from services.auth.domain.authentication import LEVELS
from services.auth.domain.oauth.claims import CLAIMS as PERSONAL
from services.auth.domain.oauth.clients import CERTIFICATE, NO_AUTHENTICATION
from services.auth.domain.oauth.id_tokens import ALGORITHMS
from services.auth.domain.oauth.pkce import METHOD
from services.auth.domain.oauth.requests import PROMPTS, RESPONSE_MODES
from services.auth.domain.scopes import ADDRESS
from services.auth.domain.scopes import CLAIMS as SCOPES
from services.auth.http.oauth import authorize, introspect, pushing, token, userinfo
from services.chassis.jwks import JWKS_PATH

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.auth.http.oauth.provider import Provider

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
MAX_AGE = 300
"""Seconds for which a client may keep the document."""

_ALWAYS = ("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "sid")


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return the document at both places."""
    document = json.dumps(describe(provider), separators=(",", ":")).encode()

    async def metadata(request: Request) -> Response:
        del request
        headers = {"cache-control": f"public, max-age={MAX_AGE}"}
        return Response(document, media_type="application/json", headers=headers)

    return tuple(Route(path, metadata, methods=["GET"]) for path in PATHS)


def describe(provider: Provider) -> dict[str, Any]:
    """Return the metadata."""
    # Certificates are taken within the mesh alone, and not at these addresses.
    issuer, methods = provider.issuer, sorted({*provider.authentication.authenticators} - {CERTIFICATE})
    confidential = [method for method in methods if method != NO_AUTHENTICATION]
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + authorize.PATH,
        "token_endpoint": issuer + token.PATH,
        "userinfo_endpoint": issuer + userinfo.PATH,
        "jwks_uri": issuer + JWKS_PATH,
        "pushed_authorization_request_endpoint": issuer + pushing.PATH,
        "introspection_endpoint": issuer + introspect.INTROSPECTION,
        "revocation_endpoint": issuer + introspect.REVOCATION,
        "scopes_supported": [scope for scope in SCOPES if scope != ADDRESS],
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(provider.desk.grants),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(ALGORITHMS),
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": confidential,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": [METHOD],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": list(PROMPTS),
        "acr_values_supported": list(LEVELS),
        "claims_supported": [*_ALWAYS, *PERSONAL],
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        **provider.metadata,
    }
