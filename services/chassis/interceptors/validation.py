"""Refuses requests that break the contract's checks, with everything that is wrong in one answer.

Three kinds of check meet here: `buf.validate` (protovalidate), `google.api.field_behavior`, and ours: no NUL in any
string, since Postgres cannot keep one, and no time outside of what its type promises. Nesting is bound by the decoder,
at 100 levels.

On an update this leaves out what the mask leaves out: a field that is not written is not judged, and whether a required
field may be emptied is the record engine's matter, which alone sees the row that results.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.chassis.contract import Internal, StandardKind
from services.chassis.errors import InvalidArgument, Violation
from services.chassis.interceptors.fields import plan_of, walk
from services.chassis.transport.handlers import Undecodable
from services.chassis.validators import validator_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from google.protobuf.descriptor import Descriptor

    from services.chassis.call import Call
    from services.chassis.contract import Method
    from services.chassis.transport.handlers import Handler, Stream, Unary

VIOLATION_LIMIT = 100
"""Violations after which nobody looks for more: a batch could bring thousands."""

NAMED_LIMIT = 3
"""Violations that the message itself spells out."""

_READ_ON_UPDATE = frozenset({"name", "etag"})
"""Fields of a resource that an update reads, whatever its mask says."""


class RequestInvalid(InvalidArgument):
    """The request breaks checks of its contract; `violations` has them all."""


class RequestUndecodable(InvalidArgument):
    """The bytes are no message of the request's type, or nest deeper than 100 levels."""

    reason = "REQUEST_UNDECODABLE"


class ValidationInterceptor:
    """The innermost: what reaches a servicer is as its contract promises."""

    name = "validation"
    after = ("errors", "telemetry", "caller", "rule")

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Check the request, or each request of a stream as it is read."""
        check = bind_check(handler)
        if handler.method.client_streaming:

            async def run_stream(requests: Any, call: Call) -> Any:
                return await proceed(_checked(requests, check), call)

            return run_stream

        async def run(request: Any, call: Call) -> Any:
            check(request)
            return await proceed(request, call)

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Check the request, or each request of a stream as it is read."""
        check = bind_check(handler)

        async def run(request: Any, call: Call) -> AsyncIterator[Any]:
            if handler.method.client_streaming:
                request = _checked(request, check)
            else:
                check(request)
            responses: Any = proceed(request, call)
            try:
                async for response in responses:
                    yield response
            finally:
                await responses.aclose()

        return run


async def _checked(requests: Any, check: Callable[[Any], None]) -> AsyncIterator[Any]:
    async for request in requests:
        check(request)
        yield request


def bind_check(handler: Handler) -> Callable[[Any], None]:
    """Return what raises `RequestInvalid` for a bad request of this handler, doing only what its type needs."""
    method = handler.method
    # What comes from inside the mesh may carry whole resources, fields of the server's included.
    descriptor: Any = handler.request_type.DESCRIPTOR
    plan = plan_of(descriptor, clears_output=not isinstance(method.rule.access, Internal))
    kind = method.standard.kind if method.standard is not None else None
    is_update = kind is StandardKind.UPDATE
    resource = _resource_field(descriptor, method) if is_update else ""
    # Each request of a batch is an update of its own.
    requests = descriptor.fields_by_name.get("requests") if kind is StandardKind.BATCH_UPDATE else None
    within = _resource_field(requests.message_type, method) if requests is not None else ""
    walks = plan.is_needed
    validates = plan.has_rules
    validator = validator_of(descriptor)

    def check(request: Any) -> None:
        if request.__class__ is Undecodable:
            raise RequestUndecodable(f"The request cannot be decoded as {method.input}: {request.cause}")
        violations: list[Violation] = []
        if walks:
            walk(request, plan, violations, optional=resource, limit=VIOLATION_LIMIT)
        if validates and (found := validator.collect_violations(request)):
            violations.extend(_read_violations(found, violations))
        if violations:
            if is_update:
                violations = _written_only(request, resource, violations)
            elif within:
                violations = _written_in_batch(request, within, violations)
            if violations:
                raise RequestInvalid(_message_of(violations), violations=violations[:VIOLATION_LIMIT])

    return check


def path_of(elements: Any) -> str:
    """Return a `buf.validate.FieldPath` in the way that we write paths: `book.authors[2].name`, `labels["a"]`."""
    path = ""
    for element in elements:
        path = f"{path}.{element.field_name}" if path else element.field_name
        key = element.subscript
        if key is not None:
            value = key.value
            path += f'["{value}"]' if isinstance(value, str) else f"[{str(value).lower()}]"
    return path


def _read_violations(found: Any, known: list[Violation]) -> list[Violation]:
    """Return protovalidate's findings, but for fields of which the walk has said that they are missing."""
    missing = {violation.field for violation in known}
    read = []
    for item in found:
        violation = item.proto
        path = path_of(violation.field.elements) if violation.has_field("field") else ""
        if path not in missing:
            read.append(Violation(field=path, description=_sentence(violation.message), reason=violation.rule_id))
    return read


def _sentence(text: str) -> str:
    text = text or "breaks a rule of the contract"
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _message_of(violations: list[Violation]) -> str:
    named = "; ".join(
        f"{v.field}: {v.description.rstrip('.')}" if v.field else v.description.rstrip(".")
        for v in violations[:NAMED_LIMIT]
    )
    more = len(violations) - NAMED_LIMIT
    return f"The request is invalid. {named}{f'; and {more} more' if more > 0 else ''}."


def _resource_field(request: Descriptor, method: Method) -> str:
    """Return the name of the field that holds the resource of an update."""
    record = method.standard.record if method.standard else ""
    for field in request.fields:
        if field.message_type is not None and field.message_type.full_name == record:
            return str(field.name)
    return ""


def _written_in_batch(request: Any, resource: str, violations: list[Violation]) -> list[Violation]:
    """Return the violations without those of what the updates of a batch leave alone (AIP-234)."""
    shared = list(request.update_mask.paths) if "update_mask" in request.DESCRIPTOR.fields_by_name else []
    left: list[Violation] = []
    for violation in violations:
        place, _, below = violation.field.partition("].")
        head, _, index = place.partition("[")
        if head != "requests" or not index.isdigit() or not below:
            left.append(violation)
            continue
        item = request.requests[int(index)]
        if _written_only(item, resource, [replace(violation, field=below)], shared):
            left.append(violation)
    return left


def _written_only(
    request: Any, resource: str, violations: list[Violation], shared: Sequence[str] = ()
) -> list[Violation]:
    """Return the violations without those of the resource's fields that the update leaves alone (AIP-134).

    `shared` is the mask of the batch that the update is of, where it has none itself.
    """
    paths = list(request.update_mask.paths) or list(shared)
    if "*" in paths or not resource:
        return violations
    message = getattr(request, resource)
    written = {path.partition(".")[0] for path in paths} or {field.name for field, _ in message.ListFields()}
    written |= _READ_ON_UPDATE
    return [violation for violation in violations if _is_written(violation, resource, written)]


def _is_written(violation: Violation, resource: str, written: set[str]) -> bool:
    if violation.reason == "NO_NUL":
        return True
    if violation.field == resource:
        # A rule over the whole resource cannot be judged by a part of it; that there is one at all can.
        return violation.reason == "REQUIRED"
    head, dot, rest = violation.field.partition(".")
    return head != resource or not dot or rest.partition(".")[0].partition("[")[0] in written
