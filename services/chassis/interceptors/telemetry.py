"""Gives every call its request id, its trace, its place in the metrics and its line in the access log."""

from __future__ import annotations

import asyncio
import os
import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from google.rpc import code_pb2

from services.chassis.errors import DeadlineExceeded, Internal, TenonError
from services.chassis.interceptors.span import open_span
from services.chassis.logs import REQUEST_ID, TRACE_ID, quote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.chassis.call import Call, Caller
    from services.chassis.telemetry import Telemetry
    from services.chassis.transport.handlers import Handler, Stream, Unary

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})").fullmatch
_SAMPLED = 1
_CANCELLED = 1
_NAMES = tuple(code_pb2.Code.Name(number) for number in range(17))
_BUILT_IN = "grpc."


class TelemetryInterceptor:
    """Measures each call. Where its trace is sampled out, or goes nowhere, no span is made at all."""

    name = "telemetry"
    after = ("errors",)

    def __init__(self, telemetry: Telemetry) -> None:
        """Take what to measure with."""
        self._telemetry = telemetry

    def unary(self, handler: Handler, proceed: Unary) -> Unary:
        """Measure a call."""
        finish = self._bind(handler)
        tracer = self._telemetry.tracer

        async def run(request: Any, call: Call) -> Any:
            started = time.perf_counter()
            span = open_span(tracer, call) if _begin(call) and tracer is not None else None
            code = 0
            try:
                return await proceed(request, call)
            except BaseException as error:
                code = code_of(error, call)
                raise
            finally:
                finish(call, started, code)
                if span is not None:
                    span.close(code)

        return run

    def stream(self, handler: Handler, proceed: Stream) -> Stream:
        """Measure a stream from its start to its end."""
        finish = self._bind(handler)
        tracer = self._telemetry.tracer

        async def run(request: Any, call: Call) -> AsyncIterator[Any]:
            started = time.perf_counter()
            span = open_span(tracer, call) if _begin(call) and tracer is not None else None
            code = 0
            responses: Any = proceed(request, call)
            try:
                async for response in responses:
                    yield response
            except BaseException as error:
                code = code_of(error, call)
                raise
            finally:
                await responses.aclose()
                finish(call, started, code)
                if span is not None:
                    span.close(code)

        return run

    def _bind(self, handler: Handler) -> Callable[[Call, float, int], None]:
        """Return what measures a call's end, with all prepared that does not differ between calls."""
        method = handler.method
        bind, access = self._telemetry.duration.bind, self._telemetry.access
        attributes = {"rpc.service": method.service, "rpc.method": method.name}
        record = [bind({**attributes, "rpc.grpc.status_code": name}) for name in _NAMES]
        heads = [f'"method":{quote(method.path)},"code":"{name}","ms":' for name in _NAMES]
        logged = access.enabled and not method.service.startswith(_BUILT_IN)

        def finish(call: Call, started: float, code: int) -> None:
            seconds = time.perf_counter() - started
            record[code](seconds)
            if logged:
                # What the line says is taken now, and put into words when lines are written: the call is gone by then.
                said = (heads[code], seconds, call.request_id, call.caller, call.traceparent)
                access.write(time.time(), partial(_line, *said), asyncio.get_running_loop())

        return finish


def code_of(error: BaseException, call: Call) -> int:
    """Return the `google.rpc.Code` that an error ends with."""
    if isinstance(error, TenonError):
        return error.code
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return DeadlineExceeded.code if call.expired or call.remaining() == 0 else _CANCELLED
    return Internal.code


def _begin(call: Call) -> bool:
    """Give the call its request id and trace, and return whether the trace wants a span."""
    metadata = call.metadata
    request_id = metadata.get("x-request-id", "")
    if not _REQUEST_ID(request_id):
        request_id = os.urandom(16).hex()
    call.request_id = request_id
    REQUEST_ID.set(request_id)
    traceparent = metadata.get("traceparent")
    if traceparent is None:
        return True
    match = _TRACEPARENT(traceparent)
    if match is None:
        return True
    call.traceparent = traceparent
    TRACE_ID.set(match[1])
    return bool(int(match[2], 16) & _SAMPLED)


def _line(head: str, seconds: float, request_id: str, caller: Caller, traceparent: str) -> str:
    line = f'{head}{seconds * 1000:.3f},"request_id":"{request_id}"'
    if caller.subject:
        line = f'{line},"subject":{quote(caller.subject)},"organization":{quote(caller.organization)}'
    if caller.workload:
        line = f'{line},"workload":{quote(caller.workload)}'
    if traceparent:
        line = f'{line},"trace_id":"{traceparent[3:35]}"'
    return line
