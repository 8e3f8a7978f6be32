"""GraphQL over HTTP: what a request's body says, and how an answer is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from google.rpc import code_pb2

from services.chassis.errors import FailedPrecondition, InvalidArgument, TenonError
from services.chassis.interceptors.errors import MESSAGE_LIMIT, METADATA_LIMIT
from services.graph.failures import RequestMalformed

if TYPE_CHECKING:
    from graphql import GraphQLError

JSON_TYPE = "application/json"
ANSWER_TYPE = "application/graphql-response+json"

VIOLATIONS = 100
"""Violations that one error lists."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphRequest:
    """One request."""

    query: str
    """The document."""
    variables: dict[str, Any]
    """The values of its variables."""
    operation: str
    """The operation to execute, or empty where there is but one."""


def read_request(content_type: str, data: bytes) -> GraphRequest:
    """Return what a body asks for; raises RequestMalformed.

    Only JSON is read: a form of somebody else's page cannot send that in a visitor's name.
    """
    if content_type.partition(";")[0].strip().lower() != JSON_TYPE:
        raise RequestMalformed(f"The content type is not {JSON_TYPE}.")
    try:
        body = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestMalformed("The body is no JSON.") from error
    if not isinstance(body, dict):
        raise RequestMalformed(
            "The body is no JSON object with a `query`; several requests in one body are not served."
        )
    query, variables, operation = body.get("query"), body.get("variables"), body.get("operationName")
    if not isinstance(query, str) or not query:
        raise RequestMalformed("The body has no `query`, or one that is no text.")
    if variables is not None and not isinstance(variables, dict):
        raise RequestMalformed("`variables` is no JSON object.")
    if operation is not None and not isinstance(operation, str):
        raise RequestMalformed("`operationName` is no text.")
    return GraphRequest(query=query, variables=variables or {}, operation=operation or "")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def write_answer(answer: dict[str, Any]) -> bytes:
    """Return an answer's bytes. Half a surrogate pair that a client sent is written as it came."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def answer_type(accept: str, answer: dict[str, Any]) -> str:
    """Return the content type of an answer.

    The newer type is taken where it is asked for and `data` is there: without it that type asks for another HTTP status
    than 200, which an answer of an RPC cannot have.
    """
    return ANSWER_TYPE if "data" in answer and ANSWER_TYPE in accept else JSON_TYPE


def describe(error: TenonError) -> dict[str, Any]:
    """Return the `extensions` of an error: what its `google.rpc.Status` would say."""
    said: dict[str, Any] = {
        "code": code_pb2.Code.Name(error.code),
        "reason": error.reason,
        "domain": error.domain,
        "metadata": {name: _cut(value, METADATA_LIMIT) for name, value in error.metadata.items()},
    }
    if isinstance(error, InvalidArgument | FailedPrecondition) and error.violations:
        said["violations"] = [
            {"field": _cut(each.field), "description": _cut(each.description), "reason": each.reason}
            for each in error.violations[:VIOLATIONS]
        ]
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        said["retryAfter"] = f"{retry_after:.3f}s"
    return said


def write_error(error: TenonError, located: GraphQLError | None = None) -> dict[str, Any]:
    """Return an error as answers have it, with its place where it has one."""
    written: dict[str, Any] = {"message": _cut(error.message)}
    if located is not None:
        if located.locations:
            written["locations"] = [{"line": each.line, "column": each.column} for each in located.locations]
        if located.path is not None:
            written["path"] = located.path
    written["extensions"] = describe(error)
    return written


def _cut(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return a text as long as statuses have it: a document may bring one value into the errors of many fields."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
