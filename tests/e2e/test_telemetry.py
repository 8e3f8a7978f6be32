"""One call is one trace, from the edge into the service, and every worker counts it for Prometheus."""

from __future__ import annotations

import queue
from concurrent import futures
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ARRIVAL_SECONDS = 20


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: queue.Queue[tuple[str, str, str]] = queue.Queue()
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.put((service, span.name, span.trace_id.hex()))
        return trace_service_pb2.ExportTraceServiceResponse()

    def await_services(self, trace: str, services: set[str]) -> None:
        """Wait until each of the services has sent a span of the trace."""
        missing = set(services)
        while missing:
            service, _, found = self.spans.get(timeout=ARRIVAL_SECONDS)
            if found == trace:
                missing.discard(service)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.server.stop(0).wait()


@pytest.fixture(scope="module")
def traced(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that sends its traces to the collector."""
    stack = Stack(
        home=tmp_path_factory.mktemp("traced") / "home",
        port=free_port(),
        options=("--no-demo",),
        environ={
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "TENON_METRICS_PORT": str(free_port()),
        },
    )
    stack.start()
    yield stack
    stack.stop()


def test_a_call_joins_its_callers_trace_at_the_edge_and_in_the_service(traced: Stack, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    with traced.client(traced.token()) as client:
        assert client.get("/flightops/v1/airports", headers=headers).status_code == 200
    collector.await_services(TRACE, {"edge", "data"})


def test_every_worker_counts_its_calls_by_method_and_status(traced: Stack) -> None:
    with traced.client(traced.token()) as client:
        client.get("/flightops/v1/airports/nowhere")
    page = "".join(metrics(traced, f"/data/{worker}/metrics") for worker in workers_of(traced, "data"))
    counted = [line for line in page.splitlines() if line.startswith("rpc_server_duration")]
    wanted = ("_count{", "GetAirport", '"NOT_FOUND"')
    assert any(all(part in line for part in wanted) for line in counted), counted


def test_the_edge_shows_its_metrics_beside_the_workers(traced: Stack) -> None:
    assert "envoy_http_downstream_rq_total" in metrics(traced, "/edge/metrics")


def workers_of(stack: Stack, service: str) -> range:
    """Return the numbers of a service's workers."""
    return range(sum(process["name"].startswith(f"{service}-") for process in stack.status()["processes"]))


def metrics(stack: Stack, path: str) -> str:
    """Return a page of the operators' port, as Prometheus reads it."""
    answer = httpx.get(f"http://127.0.0.1:{stack.environ['TENON_METRICS_PORT']}{path}", timeout=20)
    assert answer.status_code == 200
    return answer.text
