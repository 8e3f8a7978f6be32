"""Durations are counted once and told alike to Prometheus and to OpenTelemetry."""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.chassis.durations import BOUNDS, Durations, DurationsExporter


class FakeExporter(MetricExporter):
    """Keeps what it is to send."""

    def __init__(self) -> None:
        """Start with nothing sent."""
        super().__init__()
        self.sent: list[Any] = []
        self.is_shut_down = False

    def export(self, metrics_data: Any, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        self.sent.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self.is_shut_down = True


def read_samples(durations: Durations) -> dict[tuple[str, str, str], float]:
    """Return what Prometheus reads, by name, method and bound."""
    registry = CollectorRegistry()
    registry.register(durations)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, sample.labels["method"], sample.labels.get("le", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_prometheus_reads_buckets_that_include_those_below() -> None:
    durations = Durations()
    record = durations.bind({"method": "a"})
    for seconds in (0.0005, 0.001, 0.004, 99.0):
        record(seconds)
    durations.record(0.3, {"method": "b"})
    samples = read_samples(durations)
    name = "rpc_server_duration_seconds"
    buckets = {bound: value for (sample, method, bound), value in samples.items() if method == "a" and bound}
    assert buckets == dict.fromkeys(buckets, 3.0) | {"0.001": 2.0, "0.0025": 2.0, "+Inf": 4.0}
    assert len(buckets) == len(BOUNDS) + 1
    assert samples[f"{name}_count", "a", ""] == 4
    assert samples[f"{name}_sum", "a", ""] == 99.0055
    assert samples[f"{name}_count", "b", ""] == 1


def test_the_same_attributes_are_one_series_in_any_order() -> None:
    durations = Durations()
    durations.bind({"method": "a", "code": "OK"})(0.1)
    durations.bind({"code": "OK", "method": "a"})(0.1)
    assert read_samples(durations)["rpc_server_duration_seconds_count", "a", ""] == 2


def test_what_was_never_called_is_not_told() -> None:
    durations = Durations()
    durations.bind({"method": "a"})
    assert read_samples(durations) == {}


def test_opentelemetry_sends_them_beside_its_own_metrics() -> None:
    durations, exporter = Durations(), FakeExporter()
    resource = Resource({"service.name": "toy"})
    reader = PeriodicExportingMetricReader(DurationsExporter(exporter, durations, resource), 3_600_000)
    meters = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
    meters.get_meter("toy").create_counter("mine").add(1)
    durations.bind({"rpc.method": "Do"})(0.003)
    reader.collect()
    (data,) = exporter.sent
    metrics = {
        metric.name: metric for one in data.resource_metrics for scope in one.scope_metrics for metric in scope.metrics
    }
    (point,) = metrics["rpc.server.duration"].data.data_points
    assert set(metrics) == {"mine", "rpc.server.duration"}
    assert (point.count, point.sum, point.attributes) == (1, 0.003, {"rpc.method": "Do"})
    assert point.bucket_counts[BOUNDS.index(0.005)] == 1
    assert {one.resource for one in data.resource_metrics} == {resource}
    meters.shutdown()
    assert exporter.is_shut_down


def test_the_protocol_takes_what_is_sent() -> None:
    durations = Durations()
    durations.record(0.003, {"rpc.method": "Do"})
    scope = ScopeMetrics(scope=InstrumentationScope("x"), metrics=[durations.as_metric()], schema_url="")
    own = ResourceMetrics(resource=Resource({}), scope_metrics=[scope], schema_url="")
    encoded = encode_metrics(MetricsData(resource_metrics=[own]))
    (point,) = encoded.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points
    assert (point.count, list(point.explicit_bounds)) == (1, list(BOUNDS))
