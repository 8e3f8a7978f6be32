"""How long calls took, counted in place: OpenTelemetry's own histogram costs more than the rest of the telemetry."""

from __future__ import annotations

import time
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.sdk.metrics.export import MetricExportResult
    from opentelemetry.sdk.resources import Resource

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets, in seconds."""

NAME = "rpc.server.duration"
"""OpenTelemetry's name of the metric."""

DESCRIPTION = "How long calls took, by method and status."
"""What people read beside it."""

_SCOPE = InstrumentationScope("tenon")


class Series:
    """The durations that share their attributes. One event loop writes it; who reads it may be one count behind."""

    __slots__ = ("_counts", "_sum", "attributes", "started")

    def __init__(self, attributes: Mapping[str, str]) -> None:
        """Start at nothing."""
        self.attributes = dict(attributes)
        self.started = time.time_ns()
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def record(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def read(self) -> tuple[list[int], float]:
        """Return how many fell into each bucket, the last of which has no bound, and the sum of all."""
        return self._counts.copy(), self._sum


class Durations(Collector):
    """A histogram of seconds, read by Prometheus as a collector and sent to OpenTelemetry as a metric."""

    def __init__(self) -> None:
        """Start with no series."""
        self._series: dict[tuple[tuple[str, str], ...], Series] = {}

    def bind(self, attributes: Mapping[str, str]) -> Callable[[float], None]:
        """Return what records durations with these attributes, to be asked for once and called often."""
        key = tuple(sorted(attributes.items()))
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(attributes)
        return series.record

    def record(self, seconds: float, attributes: Mapping[str, str]) -> None:
        """Record one duration, where the attributes are not known before."""
        self.bind(attributes)(seconds)

    def collect(self) -> Iterable[Family]:
        """Return the metric as Prometheus knows histograms (its registry's interface)."""
        name = f"{NAME.replace('.', '_')}_seconds"
        family = Family(name, DESCRIPTION, "histogram")
        for series, counts, total in self._read():
            labels = {key.replace(".", "_"): value for key, value in series.attributes.items()}
            bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
            for bound, below in zip(bounds, accumulate(counts), strict=True):
                family.add_sample(f"{name}_bucket", {**labels, "le": bound}, below)
            family.add_sample(f"{name}_count", labels, sum(counts))
            family.add_sample(f"{name}_sum", labels, total)
        yield family

    def as_metric(self) -> Metric:
        """Return the metric as OpenTelemetry sends it."""
        now = time.time_ns()
        points = [
            HistogramDataPoint(
                attributes=series.attributes,
                start_time_unix_nano=series.started,
                time_unix_nano=now,
                count=sum(counts),
                sum=total,
                bucket_counts=counts,
                explicit_bounds=BOUNDS,
                min=None,  # type: ignore[arg-type]  # not known, and optional in the protocol
                max=None,  # type: ignore[arg-type]  # the same
            )
            for series, counts, total in self._read()
        ]
        data = Histogram(data_points=points, aggregation_temporality=AggregationTemporality.CUMULATIVE)
        return Metric(name=NAME, description=DESCRIPTION, unit="s", data=data)

    def _read(self) -> list[tuple[Series, list[int], float]]:
        read = [(series, *series.read()) for series in list(self._series.values())]
        return [entry for entry in read if any(entry[1])]


class DurationsExporter(MetricExporter):
    """Sends durations along with what OpenTelemetry itself has measured."""

    def __init__(self, exporter: MetricExporter, durations: Durations, resource: Resource) -> None:
        """Take what sends, and what it is to send besides."""
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)  # noqa: SLF001 - there is no public way
        self._exporter, self._durations, self._resource = exporter, durations, resource

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Send all of it."""
        scope = ScopeMetrics(scope=_SCOPE, metrics=[self._durations.as_metric()], schema_url="")
        own = ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")
        together = MetricsData(resource_metrics=[*metrics_data.resource_metrics, own])
        return self._exporter.export(together, timeout_millis=timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Send what waits."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """End the exporter."""
        self._exporter.shutdown(timeout_millis, **kwargs)
