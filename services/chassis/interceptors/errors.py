"""Turns whatever a call raises into one `google.rpc.Status` (AIP-193)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NoReturn

from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from services.chassis.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    ResourceExhausted,
    TenonError,
    Unavailable,
)
from services.chassis.transport.status import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call
    from services.chassis.transport.handlers import Handler, Stream, Unary

_LOG = logging.getLogger(__name__)

MESSAGE_LIMIT = 1024
"""Bytes of a status message: trailers that are too large make Envoy answer 502, and grpc clients fail, instead."""

METADATA_LIMIT = 256
"""Bytes of one value in `ErrorInfo.metadata`."""

VALIDATION_LIMIT = 100
"""Violations that one answer lists."""

DETAILS_LIMIT = 3 * 1024
"""Bytes of the encoded violations: all trailers have to fit into the 8 KiB that grpc clients take by default."""


class ErrorsInterceptor:
    """The outermost: nothing but a status leaves it, and a cancellation."""

    name = "errors"
    after: tuple[str, ...] = ()

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Map what a call raises."""
        del handler

        async def run(request: Any, call: Call) -> Any:
            try:
                return await proceed(request, call)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - this is where every error ends
                _raise_status(error, call)

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Map what a stream raises, at its start or in its midst."""
        del handler

        async def run(request: Any, call: Call) -> AsyncIterator[Any]:
            responses: Any = proceed(request, call)
            try:
                async for response in responses:
                    yield response
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - this is where every error ends
                _raise_status(error, call)
            finally:
                await responses.aclose()

        return run


def status_of(error: TenonError) -> StatusError:
    """Return the status that tells a caller of an error."""
    message = _cut(error.message)
    status = status_pb2.Status(code=error.code, message=message)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=error.domain, metadata=_metadata_of(error))
    status.details.add().Pack(info)
    if isinstance(error, InvalidArgument) and error.violations:
        status.details.add().Pack(_bad_request(error))
    if isinstance(error, FailedPrecondition) and error.violations:
        status.details.add().Pack(_precondition(error))
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        delay = Duration()
        delay.FromNanoseconds(round(retry_after * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    if isinstance(error, ResourceExhausted):
        failure = error_details_pb2.QuotaFailure()
        failure.violations.add(subject=error.metadata.get("subject", ""), description=message)
        status.details.add().Pack(failure)
    return StatusError(error.code, message, status.SerializeToString())


def _raise_status(error: BaseException, call: Call) -> NoReturn:
    if isinstance(error, StatusError):
        raise error
    if isinstance(error, TenonError):
        if error.code >= Internal.code and isinstance(error, Internal | Unavailable):
            _LOG.warning("%s answered %s: %s", call.method.path, error.reason, error.message, exc_info=error)
        if challenge := getattr(error, "challenge", ""):
            call.set_header("www-authenticate", challenge)
        raise status_of(error) from error
    if isinstance(error, asyncio.CancelledError):
        if not call.expired:
            raise error
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        limit = call.method.rule.timeout
        raise status_of(
            DeadlineExceeded(
                f"The call took longer than the {limit:g} s that it may.", metadata={"timeout": f"{limit:g}s"}
            )
        ) from error
    _LOG.error("%s failed unforeseen", call.method.path, exc_info=error)
    raise status_of(
        Internal(f"Internal error. Request id: {call.request_id}", metadata={"request_id": call.request_id})
    ) from error


def _bad_request(error: InvalidArgument) -> error_details_pb2.BadRequest:
    """Return the violations, as many as fit."""
    bad = error_details_pb2.BadRequest()
    size = 0
    for violation in error.violations[:VALIDATION_LIMIT]:
        one = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(violation.field), description=_cut(violation.description), reason=_cut(violation.reason)
        )
        size += one.ByteSize()
        if size > DETAILS_LIMIT:
            break
        bad.field_violations.append(one)
    return bad


def _precondition(error: FailedPrecondition) -> error_details_pb2.PreconditionFailure:
    """Return what stands in the way, as much as fits."""
    failure = error_details_pb2.PreconditionFailure()
    size = 0
    for violation in error.violations[:VALIDATION_LIMIT]:
        one = error_details_pb2.PreconditionFailure.Violation(
            type=_cut(violation.reason or error.reason),
            subject=_cut(violation.field),
            description=_cut(violation.description),
        )
        size += one.ByteSize()
        if size > DETAILS_LIMIT:
            break
        failure.violations.append(one)
    return failure


def _metadata_of(error: TenonError) -> dict[str, str]:
    return {name: _cut(value, METADATA_LIMIT) for name, value in error.metadata.items()}


def _cut(text: str, limit: int = MESSAGE_LIMIT) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= limit:
        return data.decode()
    return data[: limit - 3].decode("utf-8", "ignore") + "…"
