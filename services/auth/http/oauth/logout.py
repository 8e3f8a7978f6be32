"""`/oauth2/logout`: where clients send people to sign out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.routing import Route

from services.auth.domain.oauth.refusals import OAuthError
from services.auth.http.oauth.answers import redirect, show_error
from services.auth.http.oauth.forms import read_form, read_query
from services.auth.http.pages.paths import SIGN_IN, SIGN_OUT
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.domain.oauth.logout import Leaving
    from services.auth.http.oauth.provider import Provider
    from services.auth.http.oauth.returning import ReturnAddresses

PATH = "/oauth2/logout"


def routes(provider: Provider, leaving: Leaving, returns: ReturnAddresses) -> tuple[Route, ...]:
    """Return the endpoint."""

    async def logout(request: Request) -> Response:
        try:
            return await _logout(provider, leaving, returns, request)
        except OAuthError as error:
            return show_error(error.description, status=error.status)
        except TenonError as error:
            return show_error(error.message, status=503)

    return (Route(PATH, logout, methods=["GET", "POST"]),)


async def _logout(provider: Provider, leaving: Leaving, returns: ReturnAddresses, request: Request) -> Response:
    posted = request.method == "POST"
    parameters = await read_form(request) if posted else read_query(request)
    cookie = provider.cookie.read(request)
    leave = await leaving.judge(parameters)
    if posted and not cookie:
        # With a form of another site no browser sends the cookie (SameSite=Lax); with what follows a redirect it does.
        return redirect(f"{PATH}?{urlencode(parameters.values, errors='surrogateescape')}")
    session = await provider.sessions.find_by_cookie(cookie)
    if session is not None and leave.needs_asking(session):
        back = f"?{urlencode({'back': returns.seal(leave.onward)})}" if leave.onward else ""
        return redirect(SIGN_OUT + back)
    await leaving.leave(leave, session)
    response = redirect(leave.onward or f"{SIGN_IN}?{urlencode({'done': 'signed-out'})}")
    provider.cookie.clear(response)
    return response
