"""The pages of the AuthZEN Authorization API 1.0: evaluation, evaluations, three searches, and metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.auth.http.authzen.entities import LARGEST_BODY, RequestMalformed, read_body
from services.auth.http.authzen.evaluating import evaluate, evaluate_all
from services.auth.http.authzen.searching import search_actions, search_resources, search_subjects
from services.chassis.contract import Permission
from services.chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    TenonError,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from services.auth.domain.access.catalogue import Catalogue
    from services.auth.domain.access.decisions import Decisions
    from services.auth.domain.access.listing import Listing
    from services.chassis.interceptors import Verifier
    from services.chassis.tokens import Claims
    from services.records.reading.pages import PageTokens

    Serve = Callable[["AuthzenDoor", str, Mapping[str, Any]], Awaitable[dict[str, Any]]]

CHECK = Permission(name="auth.access.check")
"""What callers have to hold."""

METADATA_PATH = "/.well-known/authzen-configuration"
"""Where the metadata is."""

_PATHS: Mapping[str, tuple[str, Serve]] = {
    "access_evaluation_endpoint": ("/access/v1/evaluation", evaluate),
    "access_evaluations_endpoint": ("/access/v1/evaluations", evaluate_all),
    "search_subject_endpoint": ("/access/v1/search/subject", search_subjects),
    "search_resource_endpoint": ("/access/v1/search/resource", search_resources),
    "search_action_endpoint": ("/access/v1/search/action", search_actions),
}
_STATUSES: tuple[tuple[type[TenonError], int], ...] = (
    (InvalidArgument, 400),
    (Unauthenticated, 401),
    (PermissionDenied, 403),
    (FailedPrecondition, 422),
    (ResourceExhausted, 429),
    (Unavailable, 503),
)
_REQUEST_ID = "x-request-id"


class ProofUnchecked(Unauthenticated):
    """The token is bound to a key, which nobody proves here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthzenDoor:
    """What the pages need."""

    decisions: Decisions
    """Answers questions."""
    listing: Listing
    """Lists objects and subjects."""
    catalogue: Catalogue
    """Knows the permissions of roles."""
    tokens: PageTokens
    """Makes the tokens of pages."""
    verifier: Verifier
    """Checks access tokens."""
    issuer: str
    """Where callers find us."""

    async def identify(self, request: Request) -> str:
        """Return the organization of a caller who may ask. Raises `Unauthenticated`, `PermissionDenied`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send an access token, as `authorization: Bearer …`.")
        claims: Claims = await self.verifier.verify(token.strip())
        if claims.confirmation:
            raise ProofUnchecked("The access token is bound to a key.")
        if claims.permissions.isdisjoint(CHECK.patterns):
            raise PermissionDenied(f"You need the permission {CHECK.name}.")
        return claims.organization

    def bind(self, kind: str, organization: str, said: Mapping[str, Any]) -> bytes:
        """Return what a page token is bound to: whose it is, and all of the request but the page itself."""
        rest = {name: value for name, value in said.items() if name != "page"}
        text = json.dumps([kind, organization, rest], sort_keys=True)
        return hashlib.sha256(text.encode()).digest()[:16]


def routes(door: AuthzenDoor) -> tuple[BaseRoute, ...]:
    """Return the pages."""

    async def metadata(request: Request) -> Response:
        base = door.issuer.rstrip("/")
        said = {"policy_decision_point": base} | {name: f"{base}{path}" for name, (path, _) in _PATHS.items()}
        return _echo(request, JSONResponse(said, headers={"cache-control": "public, max-age=300"}))

    pages = [Route(path, _page(door, serve), methods=["POST"]) for path, serve in _PATHS.values()]
    return (*pages, Route(METADATA_PATH, metadata, methods=["GET"]))


def _page(door: AuthzenDoor, serve: Serve) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            organization = await door.identify(request)
            said = read_body(await _read(request), request.headers.get("content-type", ""))
            response: Response = JSONResponse(await serve(door, organization, said))
        except TenonError as error:
            response = _refused(error)
        response.headers["cache-control"] = "no-store"
        return _echo(request, response)

    return answer


async def _read(request: Request) -> bytes:
    """Return the body, as far as it may go."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise RequestMalformed("body", f"It has more than {LARGEST_BODY} bytes.")
    return bytes(body)


def _refused(error: TenonError) -> Response:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    # What nobody foresaw is not for callers to read.
    message = error.message if status != 500 else "The decision could not be made."  # noqa: PLR2004 - HTTP's own number
    response = JSONResponse({"error": {"status": status, "message": message}}, status_code=status)
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        response.headers["www-authenticate"] = 'Bearer error="invalid_token"'
    if isinstance(error, Unavailable | ResourceExhausted) and error.retry_after:
        response.headers["retry-after"] = str(max(1, round(error.retry_after)))
    return response


def _echo(request: Request, response: Response) -> Response:
    given = request.headers.get(_REQUEST_ID)
    if given is not None:
        response.headers[_REQUEST_ID] = given
    return response
