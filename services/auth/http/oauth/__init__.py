"""The endpoints of OAuth 2.1 and OpenID Connect, one module for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.http.oauth import authorize, introspect, metadata, pushing, token, userinfo

if TYPE_CHECKING:
    from starlette.routing import Route

    from services.auth.http.oauth.provider import Provider


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return all endpoints."""
    # Routes are tried in turn, so the busiest come first.
    modules = (token, introspect, userinfo, authorize, pushing, metadata)
    return tuple(route for module in modules for route in module.routes(provider))
