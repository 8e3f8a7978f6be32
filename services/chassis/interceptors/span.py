"""One server span around a call, joined to the trace that the caller began."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as otel_context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from services.chassis.logs import TRACE_ID

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from services.chassis.call import Call

# What the caller did wrong is no error of the server (OpenTelemetry's convention for gRPC servers).
_SERVER_ERRORS = frozenset({2, 4, 12, 13, 14, 15})


class CallSpan:
    """An open span that is the current one until it is closed."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span, token: Token[Context]) -> None:
        """Take the span and what restores the context before it."""
        self._span = span
        self._token = token

    def close(self, code: int) -> None:
        """End the span with the call's status."""
        self._span.set_attribute("rpc.grpc.status_code", code)
        if code in _SERVER_ERRORS:
            self._span.set_status(Status(StatusCode.ERROR))
        otel_context.detach(self._token)
        self._span.end()


def open_span(tracer: Tracer, call: Call) -> CallSpan | None:
    """Open a span for a call, or return None where the sampler leaves it out.

    `call.traceparent` then names the span, so that calls made on behalf of this one join it.
    """
    method = call.method
    span = tracer.start_span(
        method.path[1:],
        context=_parent_of(call.traceparent),
        kind=SpanKind.SERVER,
        attributes={
            "rpc.system": "grpc",
            "rpc.service": method.service,
            "rpc.method": method.name,
            "tenon.request_id": call.request_id,
        },
    )
    found = span.get_span_context()
    call.traceparent = f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"
    TRACE_ID.set(f"{found.trace_id:032x}")
    if not span.is_recording():
        return None
    return CallSpan(span, otel_context.attach(set_span_in_context(span)))


def _parent_of(traceparent: str) -> Context | None:
    if not traceparent:
        return None
    _, trace, parent, flags = traceparent.split("-")
    remote = SpanContext(int(trace, 16), int(parent, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(remote))
