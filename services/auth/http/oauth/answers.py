"""How the endpoints answer: JSON that nobody keeps, refusals in the form of their standards, and redirects."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, Response

from services.auth.domain.oauth.refusals import OAuthError
from services.auth.http.pages.refusing import show_refusal
from services.chassis.errors import ResourceExhausted, TenonError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from services.auth.domain.oauth.flows import Answer

    Endpoint = Callable[[Request], Awaitable[Response]]

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_SUBMIT = "document.forms[0].submit()"
_SUBMIT_HASH = base64.b64encode(hashlib.sha256(_SUBMIT.encode()).digest()).decode()
PAGE = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""What goes with everything that a browser shows or follows: no frame (RFC 9700 §4.16), no trace of the address."""

_encode = json.JSONEncoder(separators=(",", ":")).encode
_log = logging.getLogger(__name__)


def answer_json(content: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that nobody keeps."""
    body = _encode(content).encode()
    return Response(body, status_code=status, media_type="application/json", headers={**NO_STORE, **(headers or {})})


def refuse(error: OAuthError, request: Request) -> Response:
    """Return a refusal as RFC 6749 §5.2 has it."""
    headers = dict(error.headers)
    if error.code == "invalid_client" and "authorization" in request.headers:
        headers["www-authenticate"] = 'Basic realm="tenon", charset="UTF-8"'
    told = {"error": error.code, "error_description": error.description}
    return answer_json(told, status=error.status, headers=headers)


def guard(endpoint: Endpoint) -> Endpoint:
    """Have an endpoint's refusals answered in JSON."""

    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as error:
            return refuse(error, request)
        except TenonError as error:
            return refuse(as_oauth(error), request)

    return guarded


def as_oauth(error: TenonError) -> OAuthError:
    """Return what a failure within is to a client."""
    if isinstance(error, Unavailable | ResourceExhausted):
        headers = {"retry-after": "1"}
        return OAuthError("temporarily_unavailable", "Try again in a moment.", status=503, headers=headers)
    _log.warning("a client could not be answered: %s", error.reason)
    return OAuthError("server_error", "The request could not be answered.", status=500)


def redirect(location: str) -> Response:
    """Send a browser elsewhere, by 303: what it has posted goes no further (RFC 9700 §4.12)."""
    return Response(status_code=303, headers={**PAGE, "location": location})


def send(answer: Answer, issuer: str) -> Response:
    """Send an answer to a client by way of the browser, with `iss` (RFC 9207)."""
    parameters = {**answer.parameters, "iss": issuer}
    if answer.response_mode == "form_post":
        return _post(answer.redirect_uri, parameters)
    joint = "&" if "?" in answer.redirect_uri else "?"
    return redirect(answer.redirect_uri + joint + urlencode(parameters, errors="surrogateescape"))


def show_error(message: str, *, status: int = 400) -> Response:
    """Show a refusal to the person, where nothing may be sent to the client."""
    return show_refusal(message, status=status)


def _post(uri: str, parameters: Mapping[str, str]) -> Response:
    """Return a page that posts itself (OAuth 2.0 Form Post Response Mode §2)."""
    fields = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in parameters.items()
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Going on</title></head><body>'
        f'<form method="post" action="{html.escape(uri)}">{fields}<noscript><button>Go on</button></noscript></form>'
        f"<script>{_SUBMIT}</script></body></html>"
    )
    policy = f"default-src 'none'; script-src 'sha256-{_SUBMIT_HASH}'; frame-ancestors 'none'; base-uri 'none'"
    headers = {**PAGE, "content-security-policy": policy}
    return HTMLResponse(page.encode("utf-8", "surrogateescape"), headers=headers)
