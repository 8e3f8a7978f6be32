"""Metrics are always there to be read; exporters are made only where an endpoint is set."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from services.chassis.logs import AccessLog
from services.chassis.telemetry import set_up_telemetry
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    import pytest


def test_a_services_own_measurements_are_shown_too() -> None:
    telemetry = fake_telemetry()
    telemetry.meter.create_counter("outbox.published").add(3, {"package": "tenon.toy.v1"})
    metrics = telemetry.render_metrics().decode()
    assert 'outbox_published_total{package="tenon.toy.v1"} 3.0' in metrics
    assert "process_resident_memory_bytes" in metrics
    assert 'service_name="toy"' in metrics


def test_two_processes_of_one_test_do_not_share_metrics() -> None:
    first, second = fake_telemetry(), fake_telemetry()
    first.meter.create_counter("mine").add(1)
    assert "mine_total" in first.render_metrics().decode()
    assert "mine_total" not in second.render_metrics().decode()


def test_without_an_endpoint_there_is_no_tracer() -> None:
    assert fake_telemetry().tracer is None


def test_with_an_endpoint_traces_are_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
    telemetry = set_up_telemetry(service="toy", worker=0, access=AccessLog(service="toy", worker=0), otlp=True)
    assert telemetry.tracer is not None


def test_exporters_are_not_loaded_where_nothing_is_exported() -> None:
    code = "import sys, services.chassis.server; print([m for m in sys.modules if 'exporter.otlp' in m])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
