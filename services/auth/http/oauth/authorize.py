"""`/oauth2/authorize` and `/oauth2/continue`: what a client asks of a person (OAuth 2.1 §4.1; OIDC Core §3.1.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.routing import Route

from services.auth.domain.errors import FlowUnknown
from services.auth.domain.oauth.flows import Answer, Step
from services.auth.domain.oauth.parameters import STATE, Parameters
from services.auth.domain.oauth.refusals import OAuthError, invalid_request
from services.auth.domain.oauth.requests import find_mode, find_redirect, read_request
from services.auth.http.oauth.answers import as_oauth, redirect, send, show_error
from services.auth.http.oauth.forms import LONGEST_KEPT, read_form, read_query
from services.chassis.errors import TenonError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.domain.oauth.clients import Client
    from services.auth.domain.oauth.flows import Next
    from services.auth.domain.sessions import Session
    from services.auth.http.oauth.provider import Provider

PATH = "/oauth2/authorize"
CONTINUE = "/oauth2/continue"
PAGES = {Step.SIGN_IN: "/account/sign-in", Step.CONSENT: "/account/consent"}
"""The pages of the steps; each takes the parameter `flow`."""

PUSHED = "urn:ietf:params:oauth:request_uri:"
"""What the `request_uri` of a pushed request begins with (RFC 9126 §2.2)."""


def routes(provider: Provider) -> tuple[Route, ...]:
    """Return the two endpoints."""

    async def authorize(request: Request) -> Response:
        try:
            client, parameters, pushed = await _find_client(provider, await _read(request))
            redirect_uri = find_redirect(client, parameters)
        except OAuthError as error:
            # Nothing may be sent to an address that nobody has proven (RFC 6749 §4.1.2.1).
            return show_error(error.description, status=error.status)
        except TenonError as error:
            return show_error(error.message, status=503)
        return await _answer(provider, request, client, redirect_uri, parameters=parameters, pushed=pushed)

    async def go_on(request: Request) -> Response:
        try:
            coming = await provider.flows.resume(read_query(request).get("flow"), await _session(provider, request))
        except FlowUnknown as error:
            return show_error(error.message)
        except OAuthError as error:
            return show_error(error.description, status=error.status)
        except TenonError as error:
            return show_error(error.message, status=503)
        return _present(provider, coming)

    found = Route(PATH, authorize, methods=["GET", "POST"]), Route(CONTINUE, go_on, methods=["GET"])
    for route in found:
        # Whoever only looks must not use anything up.
        (route.methods or set()).discard("HEAD")
    return found


async def _read(request: Request) -> Parameters:
    if request.method == "GET":
        return read_query(request, longest=LONGEST_KEPT)
    return await read_form(request, longest=LONGEST_KEPT)


async def _find_client(provider: Provider, parameters: Parameters) -> tuple[Client, Parameters, str]:
    """Return the client, and the parameters that count: those that were pushed, where some were."""
    if "client_id" in parameters.repeated:
        raise invalid_request("The parameter client_id is there more than once.")
    client = await provider.clients.find(parameters.require("client_id"))
    if client is None:
        raise invalid_request("There is no such client.")
    uri = parameters.get("request_uri")
    if not uri.startswith(PUSHED) or parameters.get("request"):
        return client, parameters, ""
    kept = await provider.flows.kept.find_pushed(uri, client.id, now=provider.flows.clock())
    if kept is None:
        raise invalid_request("The request_uri is unknown, used or expired.")
    return client, Parameters.load(kept), uri


async def _answer(
    provider: Provider, request: Request, client: Client, redirect_uri: str, *, parameters: Parameters, pushed: str
) -> Response:
    try:
        if client.require_pushed and not pushed:
            raise invalid_request("The client has to push its requests (RFC 9126).")
        asked = replace(read_request(client, redirect_uri, parameters), pushed=pushed)
        return _present(provider, await provider.flows.start(client, asked, await _session(provider, request)))
    except FlowUnknown as error:
        # A pushed request that was used up just now goes nowhere, as one that was used before.
        return show_error(error.message)
    except (OAuthError, TenonError) as error:
        refusal = error if isinstance(error, OAuthError) else as_oauth(error)
        told = {"error": refusal.code, "error_description": refusal.description}
        if (state := parameters.get(STATE)) and STATE not in parameters.repeated:
            told[STATE] = state
        answer = Answer(redirect_uri=redirect_uri, response_mode=find_mode(parameters), parameters=told)
        return send(answer, provider.issuer)


def _present(provider: Provider, coming: Next) -> Response:
    if coming.answer is not None:
        return send(coming.answer, provider.issuer)
    return redirect(f"{PAGES[coming.step]}?{urlencode({'flow': coming.flow})}")


async def _session(provider: Provider, request: Request) -> Session | None:
    return await provider.sessions.find_by_cookie(provider.cookie.read(request))
