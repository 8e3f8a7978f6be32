"""Traces and metrics of a process: OpenTelemetry, sent where an endpoint is set, and always at /metrics."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from services.chassis.durations import Durations, DurationsExporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

    from services.chassis.logs import AccessLog

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
        duration: Durations,
        traces: TracerProvider | None = None,
    ) -> None:
        """Take the providers; without `traces` no span is ever made."""
        self.meter: Meter = meters.get_meter("tenon")
        self.tracer: Tracer | None = traces.get_tracer("tenon") if traces else None
        self.access = access
        self.duration = duration
        # There is always something to send, and the durations go along with it.
        self.meter.create_observable_gauge("process.uptime", [_uptime_since(time.monotonic())], unit="s")
        self._meters = meters
        self._traces = traces
        self._registry = registry

    def observe(self, name: str, read: Callable[[], float | None], description: str, *, unit: str = "") -> None:
        """Show among the metrics what `read` returns whenever somebody looks; nothing where it is None."""

        def look(_: CallbackOptions) -> Iterable[Observation]:
            value = read()
            return () if value is None else (Observation(value),)

        self.meter.create_observable_gauge(name, [look], unit=unit, description=description)

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
    duration = Durations()
    registry.register(duration)
    readers: list[MetricReader] = [PrometheusMetricReader(scope_info_enabled=False, registry=registry)]
    traces = None
    if otlp:
        traces, reader = _set_up_otlp(resource, duration)
        readers.append(reader)
    meters = MeterProvider(
        metric_readers=readers, resource=resource, exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False
    )
    return Telemetry(meters=meters, registry=registry, access=access, duration=duration, traces=traces)


def _uptime_since(started: float) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(time.monotonic() - started)]


def _set_up_otlp(resource: Resource, duration: Durations) -> tuple[TracerProvider, MetricReader]:
    # Imported here: they take a tenth of a second and 8 MB, and most processes on a laptop send nothing.
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return traces, PeriodicExportingMetricReader(DurationsExporter(OTLPMetricExporter(), duration, resource))
