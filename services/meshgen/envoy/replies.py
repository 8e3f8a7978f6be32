"""How the errors that Envoy makes itself look: `google.rpc.Status` as JSON for REST, a rich status for gRPC."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from services.chassis.step_up import REASON as STEP_UP_REASON
from services.meshgen.envoy.exchange import API_KEY, KIND, NOTED, PROVEN
from services.meshgen.envoy.policy import DOMAIN, STEP_UP, STEP_UP_DENIED, STEP_UP_MESSAGE
from services.meshgen.envoy.render import Node, extension


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What one HTTP status of the edge says."""

    http: int
    """The HTTP status that Envoy chose."""
    code: int
    """The `google.rpc.Code` that it means."""
    reason: str
    """The constant reason of its `ErrorInfo`."""
    message: str
    """The sentence that every client reads."""
    explained: bool = False
    """Whether REST clients also read Envoy's own text; never where it tells of the inside of the mesh."""
    domain: str = DOMAIN
    """The domain of its `ErrorInfo`."""
    credential: str = ""
    """The kind of credential that auth has refused, as a regular expression; empty for all else."""


REFUSALS = (
    Reply(
        http=401,
        code=16,
        reason="API_KEY_INVALID",
        message="The API key is unknown, misspelt, expired or revoked, or its owner may not act.",
        domain="auth.tenon",
        credential=API_KEY,
    ),
    Reply(
        http=401,
        code=16,
        reason="DPOP_PROOF_INVALID",
        message="The token is not good, or the proof of its key does not fit this call (RFC 9449).",
        domain="auth.tenon",
        credential=PROVEN,
    ),
)
"""The replies to credentials that auth does not exchange: one for each kind, since whoever guesses learns from more."""

_FORBIDDEN = 403
_UNAUTHENTICATED = 16

REPLIES = (
    Reply(http=400, code=3, reason="INVALID_ARGUMENT", message="The request is malformed.", explained=True),
    Reply(http=401, code=16, reason="UNAUTHENTICATED", message="A valid token is needed.", explained=True),
    Reply(http=403, code=7, reason="PERMISSION_DENIED", message="The caller may not do this.", explained=True),
    Reply(http=404, code=5, reason="NOT_FOUND", message="Nothing is served here.", explained=True),
    Reply(http=405, code=12, reason="UNIMPLEMENTED", message="The path does not serve this HTTP method."),
    Reply(http=408, code=4, reason="DEADLINE_EXCEEDED", message="The request took too long to arrive."),
    Reply(http=413, code=3, reason="INVALID_ARGUMENT", message="The request's body is too large."),
    Reply(http=415, code=3, reason="INVALID_ARGUMENT", message="The content type is not served here."),
    Reply(http=426, code=9, reason="FAILED_PRECONDITION", message="This version of HTTP is not served here."),
    Reply(http=429, code=8, reason="RESOURCE_EXHAUSTED", message="Too many requests. Retry after a while."),
    Reply(http=431, code=3, reason="INVALID_ARGUMENT", message="The request has too many or too large headers."),
    Reply(http=500, code=13, reason="INTERNAL", message="Something went wrong at the edge."),
    Reply(http=501, code=12, reason="UNIMPLEMENTED", message="This is not served here."),
    Reply(http=502, code=14, reason="UNAVAILABLE", message="The service gave an answer that cannot be passed on."),
    Reply(http=503, code=14, reason="UNAVAILABLE", message="The service does not answer just now."),
    Reply(http=504, code=4, reason="DEADLINE_EXCEEDED", message="The call took longer than it may."),
)
"""The replies of the edge, by HTTP status."""


def local_replies() -> Node:
    """Return `LocalReplyConfig`: for each status one mapper for REST clients and one for gRPC clients."""
    plain = [mapper for reply in (*REFUSALS, *REPLIES) for mapper in (_rest(reply), _grpc(reply))]
    return {"mappers": [*_step_up(), *plain]}


def _step_up() -> list[Node]:
    """Return the replies to who has not signed in strongly enough: a 403 of the filter's becomes a 401 that says so.

    What is asked for stands in the metadata of the route (RFC 9470 §3).
    """
    # What the filter itself notes, in dynamic metadata, comes when the answer is on its way.
    is_denied = {
        "extension_filter": extension(
            "envoy.access_loggers.extension_filters.cel",
            "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            expression=f"response.code_details == 'rbac_access_denied_matched_policy[{STEP_UP_DENIED}]'",
        )
    }
    told = f"%METADATA(ROUTE:{STEP_UP}:{{}})%"
    info = _info(STEP_UP_REASON, DOMAIN) | {"metadata": told.format("metadata")}
    challenge = {"www-authenticate": told.format("challenge")}
    rest = {
        "filter": _all(_status_is(_FORBIDDEN), is_denied, _is_rest()),
        "status_code": 401,
        "headers_to_add": _headers(challenge),
        "body_format_override": _json(_UNAUTHENTICATED, STEP_UP_MESSAGE, info),
    }
    values = {
        "grpc-status": str(_UNAUTHENTICATED),
        "grpc-message": STEP_UP_MESSAGE,
        "grpc-status-details-bin": told.format("details"),
        **challenge,
    }
    return [rest, _trailers(_all(_status_is(_FORBIDDEN), is_denied), values)]


def _rest(reply: Reply) -> Node:
    message = f"{reply.message} %LOCAL_REPLY_BODY%" if reply.explained else reply.message
    return {
        "filter": _all(*_fits(reply), _is_rest()),
        "body_format_override": _json(reply.code, message, _info(reply.reason, reply.domain)),
    }


def _is_rest() -> Node:
    # A transcoded request already has gRPC's content type here, but only it has a path from before transcoding
    # (the early header mutation has removed what a client may have sent under that name).
    is_grpc = {"name": "content-type", "string_match": {"prefix": "application/grpc"}}
    not_grpc = {**is_grpc, "invert_match": True, "treat_missing_header_as_empty": True}
    from_rest = {"name": "x-envoy-original-path", "present_match": True}
    return {"or_filter": {"filters": [{"header_filter": {"header": header}} for header in (from_rest, not_grpc)]}}


def _all(*filters: Node) -> Node:
    return {"and_filter": {"filters": list(filters)}} if len(filters) > 1 else filters[0]


def _info(reason: str, domain: str) -> Node:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain}


def _json(code: int, message: str, info: Node) -> Node:
    request = {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "%REQ(X-REQUEST-ID)%"}
    return {
        "json_format": {"code": code, "message": message, "details": [info, request]},
        "content_type": "application/json",
    }


def _grpc(reply: Reply) -> Node:
    values = {"grpc-status": str(reply.code), "grpc-message": reply.message, "grpc-status-details-bin": _details(reply)}
    return _trailers(_all(*_fits(reply)), values)


def _trailers(chosen: Node, values: dict[str, str]) -> Node:
    """Return the mapper of a reply that has headers alone, which gRPC and gRPC-Web both read as the end of a call.

    With a body or another content type the gRPC-Web filter would make a status of its own from that of HTTP. A call of
    plain gRPC gets its own content type, whatever is said here.
    """
    return {
        "filter": chosen,
        "status_code": 200,
        "body_format_override": {
            "text_format_source": {"inline_string": ""},
            "content_type": "application/grpc-web+proto",
        },
        "headers_to_add": _headers(values),
    }


def _headers(values: dict[str, str]) -> list[Node]:
    return [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in values.items()
    ]


def _details(reply: Reply) -> str:
    """Return the trailer that carries the whole status, as gRPC encodes binary metadata."""
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reply.reason, domain=reply.domain))
    status = status_pb2.Status(code=reply.code, message=reply.message, details=[info])
    return base64.b64encode(status.SerializeToString(deterministic=True)).decode().rstrip("=")


def _fits(reply: Reply) -> list[Node]:
    """Return the filters that tell the reply, all of which must hold."""
    if not reply.credential:
        return [_status_is(reply.http)]
    kind = {
        "filter": NOTED,
        "path": [{"key": KIND}],
        "value": {"string_match": {"safe_regex": {"regex": reply.credential}}},
    }
    return [
        _status_is(reply.http),
        {"response_flag_filter": {"flags": ["UAEX"]}},
        {"metadata_filter": {"matcher": kind, "match_if_key_not_found": False}},
    ]


def _status_is(status: int) -> Node:
    # The runtime key is a must of the API; nobody sets it.
    value = {"default_value": status, "runtime_key": f"edge.reply.{status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
