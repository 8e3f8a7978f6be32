"""Reads the parameters of a request, and what a client has presented of itself."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus

from services.auth.domain.oauth.authenticating import ASSERTION_TYPE, Presented
from services.auth.domain.oauth.clients import BASIC, NO_AUTHENTICATION, POST, PRIVATE_KEY
from services.auth.domain.oauth.parameters import Parameters
from services.auth.domain.oauth.refusals import OAuthError, invalid_client, invalid_request
from services.auth.domain.sessions import Origin
from services.auth.servicer.caller import LONGEST_AGENT, address_in
from services.chassis.http_listener import peer_of

if TYPE_CHECKING:
    from starlette.requests import Request

FORM = "application/x-www-form-urlencoded"
LONGEST = 65_536
"""Bytes of the longest form: states and nonces may be long."""

LONGEST_KEPT = 16_384
"""Bytes of the longest request that is kept until a person has answered: anybody may send one."""

_MOST = 200


def read_query(request: Request, *, longest: int = LONGEST) -> Parameters:
    """Return the parameters of the query. Raises `OAuthError`."""
    if len(request.scope["query_string"]) > longest:
        raise OAuthError("invalid_request", "The request is too long.", status=414)
    return _parse(request.scope["query_string"])


async def read_form(request: Request, *, longest: int = LONGEST) -> Parameters:
    """Return the parameters of the body. Raises `OAuthError`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise invalid_request(f"Send the parameters as {FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            raise OAuthError("invalid_request", "The request is too long.", status=413)
    return _parse(bytes(body))


def read_presented(request: Request, parameters: Parameters) -> Presented:
    """Return what a client has presented of itself (RFC 6749 §2.3.1), of which there may be one thing.

    Raises:
        OAuthError: there is more than one, or what is there cannot be read.
    """
    client_id, path = parameters.get("client_id"), request.scope["path"]
    header = request.headers.get("authorization", "")
    secret, assertion = parameters.get("client_secret"), parameters.get("client_assertion")
    basic = header[:6].lower() == "basic "
    if basic + bool(secret) + bool(assertion) > 1:
        raise invalid_request("The client has to prove who it is in one way.")
    origin = origin_of(request)
    certificate = peer_of(request.scope)
    if basic:
        named, secret = _read_basic(header[6:])
        if client_id not in {"", named}:
            raise invalid_request("The client is named twice, and not alike.")
        return Presented(
            method=BASIC, client_id=named, secret=secret, certificate=certificate, endpoint=path, origin=origin
        )
    method = POST if secret else PRIVATE_KEY if assertion else NO_AUTHENTICATION
    if assertion and parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise invalid_client()
    return Presented(
        method=method,
        client_id=client_id,
        secret=secret,
        assertion=assertion,
        certificate=certificate,
        endpoint=path,
        origin=origin,
    )


def origin_of(request: Request) -> Origin:
    """Return where a request comes from, as far as the edge knows."""
    return Origin(address=address_in(request.headers), agent=request.headers.get("user-agent", "")[:LONGEST_AGENT])


def _read_basic(text: str) -> tuple[str, str]:
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise invalid_client() from error
    if not colon:
        raise invalid_client()
    return unquote_plus(name), unquote_plus(secret)


def _parse(raw: bytes) -> Parameters:
    # Bytes that are no UTF-8 stay what they are: a client may keep whatever it likes in `state`.
    text = raw.decode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST)
    except ValueError as error:
        raise invalid_request("There are too many parameters.") from error
    return Parameters.of(pairs)
