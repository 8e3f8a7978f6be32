"""What Envoy's own list for edges asks, as far as a client can see it."""

from __future__ import annotations

import json
import os
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from tests.integration.edge.rig import Edge, await_true, free_port, running_edge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def impatient(short_folder: Path) -> Iterator[Edge]:
    """Yield an edge whose patience with slow clients is short."""
    with running_edge(short_folder, headers_timeout=0.3, request_timeout=0.5, max_connections=6) as edge:
        yield edge


def test_administration_is_a_socket_of_its_owner(edge: Edge) -> None:
    mode = os.stat(edge.topology.admin).st_mode  # noqa: PTH116 - a socket
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    for path in ("/config_dump", "/stats", "/quitquitquit", "/ready"):
        assert edge.rest.get(path).status_code == 404


def test_headers_with_underscores_are_refused(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/greeting", headers={"x_user": "root"})
    assert answer.status_code == 400
    assert answer.json()["code"] == 3


def test_large_headers_are_refused(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/greeting", headers={"a": "x" * 100_000})
    assert answer.status_code == 431


def test_slow_headers_and_slow_bodies_are_given_up(impatient: Edge) -> None:
    for sent in (
        b"GET /toy/v1/greeting HTTP/1.1\r\nhost: x\r\n",
        b"POST /toy/v1/things HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nauthorization: "
        + impatient.bearer("*")["authorization"].encode()
        + b"\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", impatient.topology.port), timeout=10) as connection:
            connection.sendall(sent)
            assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_more_connections_than_allowed_are_cut(impatient: Edge) -> None:
    address = ("127.0.0.1", impatient.topology.port)
    connections = [socket.create_connection(address, timeout=10) for _ in range(10)]
    try:
        await_true(lambda: _overflow(impatient) > 0, "an overflow of connections")
    finally:
        for connection in connections:
            connection.close()


def _overflow(edge: Edge) -> int:
    stats = edge.stats()
    return sum(value for name, value in stats.items() if name.endswith(("cx_overflow", "cx_overload_reject")))


def test_a_client_that_resets_streams_in_a_burst_is_cut(edge: Edge) -> None:
    before = edge.stats()
    with socket.create_connection(("127.0.0.1", edge.topology.port), timeout=10) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b""))
        head = bytes([0x82, 0x86]) + b"\x04\x11/toy/v1/greeting/" + b"\x01\x01x"
        # In one piece: on a busy machine an answer could come between a stream's beginning and its end.
        burst = b"".join(
            _frame(1, 4 | 1, number, head) + _frame(3, 0, number, (8).to_bytes(4, "big"))
            for number in range(1, 2001, 2)
        )
        try:
            connection.sendall(burst)
            while connection.recv(65536):
                pass
        except (BrokenPipeError, ConnectionResetError):
            pass
    after = edge.stats()
    counted = [name for name in after if "too_many_premature_resets" in name or "goaway_sent" in name]
    assert any(after[name] > before.get(name, 0) for name in counted)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def test_metrics_of_edge_and_workers_are_at_the_operators_address(short_folder: Path) -> None:
    port = free_port()
    with running_edge(short_folder, ops_port=port) as edge:
        operators = edge.rest.build_request("GET", f"http://127.0.0.1:{port}/toy/0/metrics")
        assert edge.rest.send(operators).text == "toy_up 1\n"
        own = edge.rest.get(f"http://127.0.0.1:{port}/edge/metrics").text
        assert "envoy_http_downstream_rq_total" in own
        for path in ("/config_dump", "/stats", "/quitquitquit", "/edge/metrics/../../config_dump"):
            assert edge.rest.get(f"http://127.0.0.1:{port}{path}").status_code == 404


def test_the_log_is_json_that_names_the_method_and_the_subject(short_folder: Path) -> None:
    with running_edge(short_folder) as edge:
        edge.rest.get("/toy/v1/things/1?text=hidden", headers=edge.bearer("*"))
    lines = [json.loads(line) for line in edge.log.read_text().splitlines() if line.startswith("{")]
    line = next(line for line in lines if line.get("path") == "/toy/v1/things/1")
    assert line["rpc"] == "tenon.toy.v1.ToyService/Look"
    assert line["subject"] == "users/ann"
    assert line["status"] == 200
    assert "hidden" not in edge.log.read_text()
