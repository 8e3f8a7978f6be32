"""The errors of the edge and of the services behind it: one `google.rpc.Status` as JSON for each HTTP status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.contract import Public

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.chassis.contract import Binding, Contract, Method
    from services.meshgen.openapi.shapes import Node

_TYPE = "type.googleapis.com/google.rpc."


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One HTTP status that a call may fail with."""

    http: str
    """The HTTP status, or `default`."""
    name: str
    """The name of its component."""
    code: int
    """The `google.rpc.Code` of its example."""
    reason: str
    """The reason in its example."""
    message: str
    """The message in its example."""
    description: str
    """When it comes."""
    headers: tuple[str, ...] = ()
    """Names of the header components that it carries, beside the request's id."""


FAILURES = {
    failure.http: failure
    for failure in (
        Failure(
            http="400",
            name="BadRequest",
            code=3,
            reason="INVALID_ARGUMENT",
            message="The request is invalid. title: Is required and missing.",
            description="The request can never work (INVALID_ARGUMENT, OUT_OF_RANGE), or the state does not allow it "
            "(FAILED_PRECONDITION). An unknown query parameter is refused too.",
        ),
        Failure(
            http="401",
            name="Unauthenticated",
            code=16,
            reason="UNAUTHENTICATED",
            message="A valid token is needed. Jwt is missing",
            description="There is no token, or none that is valid (UNAUTHENTICATED).",
            headers=("www-authenticate",),
        ),
        Failure(
            http="403",
            name="PermissionDenied",
            code=7,
            reason="PERMISSION_DENIED",
            message="The caller may not do this.",
            description="The token lacks the permission, or what is named is not the caller's (PERMISSION_DENIED).",
        ),
        Failure(
            http="404",
            name="NotFound",
            code=5,
            reason="NOT_FOUND",
            message="Nothing is served here.",
            description="What is named does not exist, or not for this caller (NOT_FOUND).",
        ),
        Failure(
            http="409",
            name="Conflict",
            code=6,
            reason="ALREADY_EXISTS",
            message="It exists already.",
            description="It exists (ALREADY_EXISTS), or somebody else was first (ABORTED): read again, and retry.",
        ),
        Failure(
            http="413",
            name="TooLarge",
            code=3,
            reason="INVALID_ARGUMENT",
            message="The request's body is too large.",
            description="The body is larger than the edge takes (INVALID_ARGUMENT).",
        ),
        Failure(
            http="429",
            name="TooManyRequests",
            code=8,
            reason="RESOURCE_EXHAUSTED",
            message="Too many requests. Retry after a while.",
            description="A limit is reached (RESOURCE_EXHAUSTED). `retry-after`, or a `RetryInfo`, says when to retry.",
            headers=("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
        ),
        Failure(
            http="431",
            name="HeadersTooLarge",
            code=3,
            reason="INVALID_ARGUMENT",
            message="The request has too many or too large headers.",
            description="Path, query and headers are larger than the edge takes (INVALID_ARGUMENT).",
        ),
        Failure(
            http="500",
            name="Internal",
            code=13,
            reason="INTERNAL",
            message="Internal error. Request id: 4e0c5f7a",
            description="Something nobody foresaw (INTERNAL). Its cause is in the log, under the request's id.",
        ),
        Failure(
            http="503",
            name="Unavailable",
            code=14,
            reason="UNAVAILABLE",
            message="The service does not answer just now.",
            description="Something that is needed does not answer just now (UNAVAILABLE). Retrying may help.",
        ),
        Failure(
            http="504",
            name="DeadlineExceeded",
            code=4,
            reason="DEADLINE_EXCEEDED",
            message="The call took longer than it may.",
            description="The call took longer than it may (DEADLINE_EXCEEDED).",
        ),
        Failure(
            http="default",
            name="OtherError",
            code=4,
            reason="DEADLINE_EXCEEDED",
            message="The request took too long to arrive.",
            description="What the edge says of requests that are no proper HTTP: 408, 415, 426, 501, 502.",
        ),
    )
}
"""All failures, by HTTP status."""


def failures_of(method: Method, binding: Binding, *, has_query: bool) -> tuple[Failure, ...]:
    """Return what a call of this operation may fail with."""
    public = isinstance(method.rule.access, Public)
    statuses = {"400", "403", "404", "500", "503", "504", "default"}
    if not (public and method.standard is not None):
        # A method of its own may ask for credentials in its request: signing in is public.
        statuses.add("401")
    if binding.verb != "GET":
        statuses.add("409")
    if binding.body:
        statuses.add("413")
    if has_query:
        statuses.add("431")
    if method.rule.limit is not None or method.standard is None:
        statuses.add("429")
    return tuple(failure for http, failure in FAILURES.items() if http in statuses)


def error_responses() -> dict[str, Node]:
    """Return the components of all failures."""
    return {failure.name: _response(failure) for failure in FAILURES.values()}


def reasons_of(contract: Contract) -> list[tuple[str, str]]:
    """Return full name and value of every reason that the contract's `ErrorReason` enums list."""
    found = []
    for file in contract.descriptors.file:
        for enum in file.enum_type:
            if enum.name == "ErrorReason":
                found += [(f"{file.package}.ErrorReason", value.name) for value in enum.value if value.number]
    return found


def status_schemas(reasons: Iterable[tuple[str, str]], comments: Mapping[str, str]) -> dict[str, Node]:
    """Return the components of an error's body."""
    info = {"type": "object", "required": ["@type", "reason"], "properties": {"@type": {"const": f"{_TYPE}ErrorInfo"}}}
    status: Node = {
        "type": "object",
        "description": "What went wrong. Programs read the `reason` of its `ErrorInfo`; people read the message.",
        "required": ["code", "message", "details"],
        "properties": {
            "code": {"type": "integer", "format": "int32", "description": "The `google.rpc.Code`."},
            "message": {"type": "string", "description": "One or two sentences for people. They may change."},
            "details": {
                "type": "array",
                "description": "Exactly one `ErrorInfo`, and others where they fit.",
                "items": {"$ref": "#/components/schemas/google.rpc.Detail"},
                "contains": info,
                "minContains": 1,
                "maxContains": 1,
            },
        },
    }
    kinds = _details(_reason_text(reasons, comments))
    union: Node = {
        "anyOf": [{"$ref": f"#/components/schemas/google.rpc.{name}"} for name in kinds],
        "discriminator": {
            "propertyName": "@type",
            "mapping": {f"{_TYPE}{name}": f"#/components/schemas/google.rpc.{name}" for name in kinds},
        },
    }
    named = {f"google.rpc.{name}": _detail(name, *parts) for name, parts in kinds.items()}
    return {"google.rpc.Status": status, "google.rpc.Detail": union, **named}


def _reason_text(reasons: Iterable[tuple[str, str]], comments: Mapping[str, str]) -> str:
    lines = [
        f"- `{name.removeprefix('ERROR_REASON_')}`: {_without_example(comments.get(f'{enum}.{name}', ''))}"
        for enum, name in reasons
    ]
    return "\n\n".join(["What happened, for programs. New ones may come.", *(["\n".join(lines)] if lines else [])])


def _without_example(comment: str) -> str:
    """Return what a reason means, without the `ErrorInfo` that shows it."""
    return " ".join(comment.split()).partition(' {"reason"')[0]


def _details(reason: str) -> dict[str, tuple[str, Node]]:
    """Return what each kind of detail is for, and its members."""
    text = {"type": "string"}
    violation = {"type": "object", "properties": {"field": text, "description": text, "reason": text}}
    quota = {"type": "object", "properties": {"subject": text, "description": text}}
    request_id = {"type": ["string", "null"], "description": "Null where the request was refused before it had one."}
    state = {"type": "object", "properties": {"type": text, "subject": text, "description": text}}
    return {
        "ErrorInfo": (
            "Says what happened, for programs.",
            {
                "reason": {"type": "string", "description": reason, "examples": ["INVALID_ARGUMENT"]},
                "domain": {"type": "string", "description": "Whose reason it is.", "examples": ["tenon"]},
                "metadata": {"type": "object", "additionalProperties": text},
            },
        ),
        "BadRequest": ("Names the fields that are wrong.", {"fieldViolations": {"type": "array", "items": violation}}),
        "PreconditionFailure": (
            "Says what the state would have to be.",
            {"violations": {"type": "array", "items": state}},
        ),
        "RetryInfo": ("Says when to retry.", {"retryDelay": {"type": "string", "examples": ["1.5s"]}}),
        "QuotaFailure": ("Names the limit that is reached.", {"violations": {"type": "array", "items": quota}}),
        "RequestInfo": ("Carries the request's id, as logs have it.", {"requestId": request_id}),
    }


def _detail(name: str, description: str, members: Node) -> Node:
    properties = {"@type": {"const": f"{_TYPE}{name}"}, **members}
    return {"type": "object", "description": description, "required": ["@type"], "properties": properties}


def _response(failure: Failure) -> Node:
    names = ("x-request-id", *failure.headers)
    detail = {"@type": f"{_TYPE}ErrorInfo", "reason": failure.reason, "domain": "tenon", "metadata": {}}
    example = {"code": failure.code, "message": failure.message, "details": [detail]}
    return {
        "description": failure.description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/google.rpc.Status"}, "example": example}
        },
    }


def headers() -> dict[str, Node]:
    """Return the components of the headers that answers carry."""
    number: Node = {"type": "integer"}
    return {
        "x-request-id": {
            "description": "Names this call in logs and traces.",
            "schema": {"type": "string", "format": "uuid"},
        },
        "www-authenticate": {"description": "What is wrong with the token.", "schema": {"type": "string"}},
        "retry-after": {"description": "Seconds after which to retry.", "schema": number},
        "x-ratelimit-limit": {"description": "Calls that may come at once.", "schema": {"type": "string"}},
        "x-ratelimit-remaining": {"description": "Calls that may still come at once.", "schema": number},
        "x-ratelimit-reset": {"description": "Seconds until more calls may come.", "schema": number},
    }
