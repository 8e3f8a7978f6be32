"""Traces and metrics of a process: OpenTelemetry, sent where an endpoint is set, and always at /metrics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

    from services.chassis.logs import AccessLog

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of the histogram of durations, in seconds."""

METRICS_TYPE = CONTENT_TYPE_LATEST
"""Media type of what `render_metrics` returns."""


class Telemetry:
    """What the interceptor, the clients and a service's own code measure with."""

    def __init__(
        self,
        *,
        meters: MeterProvider,
        registry: CollectorRegistry,
        access: AccessLog,
        traces: TracerProvider | None = None,
    ) -> None:
        """Take the providers; without `traces` no span is ever made."""
        self.meter: Meter = meters.get_meter("tenon")
        self.tracer: Tracer | None = traces.get_tracer("tenon") if traces else None
        self.access = access
        self.duration: Histogram = self.meter.create_histogram(
            "rpc.server.duration",
            unit="s",
            description="How long calls took, by method and status.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._meters = meters
        self._traces = traces
        self._registry = registry

    def render_metrics(self) -> bytes:
        """Return all metrics in Prometheus's text form."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Send what waits. Blocks until it is sent or the exporters give up."""
        self.access.flush()
        self._meters.shutdown()
        if self._traces is not None:
            self._traces.shutdown()


def set_up_telemetry(*, service: str, worker: int, access: AccessLog, otlp: bool) -> Telemetry:
    """Return the telemetry of this process.

    With `otlp` spans and metrics are also sent to the endpoint of OpenTelemetry's own environment variables, which
    rule sampling too (`OTEL_TRACES_SAMPLER`).
    """
    resource = Resource(
        {
            "service.name": service,
            "service.namespace": "tenon",
            "service.instance.id": f"{service}-{worker}-{os.getpid()}",
        }
    )
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    readers: list[MetricReader] = [PrometheusMetricReader(scope_info_enabled=False, registry=registry)]
    traces = None
    if otlp:
        traces, reader = _set_up_otlp(resource)
        readers.append(reader)
    meters = MeterProvider(
        metric_readers=readers, resource=resource, exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False
    )
    return Telemetry(meters=meters, registry=registry, access=access, traces=traces)


def _set_up_otlp(resource: Resource) -> tuple[TracerProvider, MetricReader]:
    # Imported here: they take a tenth of a second and 8 MB, and most processes on a laptop send nothing.
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return traces, PeriodicExportingMetricReader(OTLPMetricExporter())
