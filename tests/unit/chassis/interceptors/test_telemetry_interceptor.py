"""Every call has an id, a place in the metrics and a line in the access log, and a span where its trace wants one."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span

from services.chassis.errors import NotFound, Unavailable
from services.chassis.interceptors.telemetry import TelemetryInterceptor
from services.chassis.logs import REQUEST_ID, TRACE_ID
from tests.fakes.chassis_frame import fake_call, fake_handler, fake_method, fake_telemetry

if TYPE_CHECKING:
    from services.chassis.telemetry import Telemetry

TRACE = "a" * 32
PARENT = f"00-{TRACE}-{'b' * 16}-01"
UNSAMPLED = f"00-{TRACE}-{'b' * 16}-00"


async def run(telemetry: Telemetry, function: Any, **metadata: str) -> Any:
    """Make a call through the interceptor, and return the call."""
    call = fake_call(fake_method(), metadata={name.replace("_", "-"): value for name, value in metadata.items()})
    bound = TelemetryInterceptor(telemetry).unary(fake_handler(function), function)
    try:
        await bound(None, call)
    finally:
        telemetry.access.flush()
    return call


async def nothing(request: Any, call: Any) -> Any:
    return None


def traced() -> tuple[Telemetry, InMemorySpanExporter]:
    telemetry, spans = fake_telemetry(), InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    telemetry.tracer = provider.get_tracer("test")
    return telemetry, spans


async def test_the_clients_request_id_is_kept() -> None:
    seen = []

    async def see(request: Any, call: Any) -> Any:
        seen.append((call.request_id, REQUEST_ID.get()))

    await run(fake_telemetry(), see, x_request_id="abc-123")
    assert seen == [("abc-123", "abc-123")]


@pytest.mark.parametrize("bad", ["", 'a"b', "a\nb", "x" * 129, "ä"])
async def test_a_request_id_that_could_forge_a_log_line_is_replaced(bad: str) -> None:
    call = await run(fake_telemetry(), nothing, x_request_id=bad)
    assert len(call.request_id) == 32
    assert call.request_id != bad


async def test_the_trace_of_the_caller_goes_on() -> None:
    call = await run(fake_telemetry(), nothing, traceparent=UNSAMPLED)
    assert call.traceparent == UNSAMPLED
    assert TRACE_ID.get() == TRACE


@pytest.mark.parametrize("bad", ["", "00-xyz", f"00-{'0' * 32}-{'b' * 16}-01", f"01-{TRACE}-{'b' * 16}-01", "a" * 9999])
async def test_a_malformed_trace_is_ignored(bad: str) -> None:
    assert (await run(fake_telemetry(), nothing, traceparent=bad)).traceparent == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("No."), "NOT_FOUND"), (ValueError("x"), "INTERNAL"), (asyncio.CancelledError(), "CANCELLED")],
)
async def test_calls_are_counted_by_method_and_status(error: BaseException, code: str) -> None:
    telemetry = fake_telemetry()

    async def fail(request: Any, call: Any) -> Any:
        raise error

    await run(telemetry, nothing)
    with pytest.raises(type(error)):
        await run(telemetry, fail)
    metrics = telemetry.render_metrics().decode()
    for expected in ("OK", code):
        labels = f'rpc_grpc_status_code="{expected}",rpc_method="Do",rpc_service="tenon.toy.v1.ToyService"'
        assert f"rpc_server_duration_seconds_count{{{labels}}} 1.0" in metrics


async def test_a_call_that_its_deadline_ended_is_counted_as_such() -> None:
    telemetry = fake_telemetry()

    async def fail(request: Any, call: Any) -> Any:
        call.expired = True
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run(telemetry, fail)
    assert 'rpc_grpc_status_code="DEADLINE_EXCEEDED"' in telemetry.render_metrics().decode()


async def test_the_access_log_has_a_json_line_per_call() -> None:
    stream = io.StringIO()
    await run(fake_telemetry(stream), nothing, x_request_id="abc", traceparent=UNSAMPLED)
    line = json.loads(stream.getvalue())
    assert line["method"] == "/tenon.toy.v1.ToyService/Do"
    assert (line["code"], line["request_id"], line["trace_id"]) == ("OK", "abc", TRACE)
    assert (line["subject"], line["organization"]) == ("users/admin", "default")
    assert line["ms"] >= 0
    assert line["time"].endswith("Z")


async def test_health_checks_are_not_logged() -> None:
    stream = io.StringIO()
    telemetry = fake_telemetry(stream)
    method = fake_method()
    probe = type(method)(
        **{name: getattr(method, name) for name in type(method).__slots__} | {"service": "grpc.health.v1.Health"}
    )
    bound = TelemetryInterceptor(telemetry).unary(fake_handler(nothing, probe), nothing)
    await bound(None, fake_call(probe))
    telemetry.access.flush()
    assert stream.getvalue() == ""


async def test_a_sampled_trace_gets_a_span_that_joins_it() -> None:
    telemetry, spans = traced()
    inside = []

    async def look(request: Any, call: Any) -> Any:
        inside.append(get_current_span().get_span_context().trace_id)

    call = await run(telemetry, look, traceparent=PARENT)
    [span] = spans.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b" * 16
    assert f"{span.context.trace_id:032x}" == TRACE
    assert inside == [span.context.trace_id]
    assert call.traceparent == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert get_current_span().get_span_context().trace_id == 0


async def test_a_trace_that_is_sampled_out_gets_no_span() -> None:
    telemetry, spans = traced()
    await run(telemetry, nothing, traceparent=UNSAMPLED)
    assert spans.get_finished_spans() == ()


async def test_only_the_servers_own_failures_mark_a_span() -> None:
    telemetry, spans = traced()
    for error in (NotFound("No."), Unavailable("Later.")):

        async def fail(request: Any, call: Any, error: Exception = error) -> Any:
            raise error

        with pytest.raises(type(error)):
            await run(telemetry, fail)
    assert [span.status.is_ok for span in spans.get_finished_spans()] == [True, False]


async def test_a_stream_is_measured_to_its_end() -> None:
    telemetry = fake_telemetry()

    async def two(request: Any, call: Any) -> Any:
        yield 1
        yield 2

    handler = fake_handler(two, fake_method(server_streaming=True))
    bound = TelemetryInterceptor(telemetry).stream(handler, two)
    assert [item async for item in bound(None, fake_call())] == [1, 2]
    assert 'rpc_grpc_status_code="OK"' in telemetry.render_metrics().decode()
