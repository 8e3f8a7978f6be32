"""How the errors that Envoy makes itself look: `google.rpc.Status` as JSON for REST, a rich status for gRPC."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from services.meshgen.envoy.exchange import API_KEY, KIND, NOTED, PROVEN

if TYPE_CHECKING:
    from services.meshgen.envoy.render import Node

DOMAIN = "tenon"
"""The domain of every `ErrorInfo` that the edge makes."""


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
    return {"mappers": [mapper for reply in (*REFUSALS, *REPLIES) for mapper in (_rest(reply), _grpc(reply))]}


def _rest(reply: Reply) -> Node:
    # A transcoded request already has gRPC's content type here, but only it has a path from before transcoding
    # (the early header mutation has removed what a client may have sent under that name).
    is_rest = {
        "or_filter": {
            "filters": [
                {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}},
                {
                    "header_filter": {
                        "header": {
                            "name": "content-type",
                            "string_match": {"prefix": "application/grpc"},
                            "invert_match": True,
                            "treat_missing_header_as_empty": True,
                        }
                    }
                },
            ]
        }
    }
    details: list[Node] = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reply.reason, "domain": reply.domain},
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "%REQ(X-REQUEST-ID)%"},
    ]
    message = f"{reply.message} %LOCAL_REPLY_BODY%" if reply.explained else reply.message
    return {
        "filter": {"and_filter": {"filters": [*_fits(reply), is_rest]}},
        "body_format_override": {
            "json_format": {"code": reply.code, "message": message, "details": details},
            "content_type": "application/json",
        },
    }


def _grpc(reply: Reply) -> Node:
    """Return the mapper of a reply that has headers alone, which gRPC and gRPC-Web both read as the end of a call.

    With a body or another content type the gRPC-Web filter would make a status of its own from that of HTTP. A call of
    plain gRPC gets its own content type, whatever is said here.
    """
    values = {"grpc-status": str(reply.code), "grpc-message": reply.message, "grpc-status-details-bin": _details(reply)}
    return {
        "filter": {"and_filter": {"filters": _fits(reply)}} if reply.credential else _status_is(reply.http),
        "status_code": 200,
        "body_format_override": {
            "text_format_source": {"inline_string": ""},
            "content_type": "application/grpc-web+proto",
        },
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in values.items()
        ],
    }


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
