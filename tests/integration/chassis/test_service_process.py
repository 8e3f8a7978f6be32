"""A whole service process: it starts, serves, drains, and says what is wrong when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Self

import grpc
import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc as _health_pb2_grpc

from tests.fakes.chassis_conformance import CODECS, PATH, text

health_pb2_grpc: Any = _health_pb2_grpc  # its published types know no asynchronous stubs
SLOW = "/tenon.toy.v1.ToyService/Slow"


class Toy:
    """One process of the toy service."""

    def __init__(self, folder: Path, **environ: str) -> None:
        contract = folder / "contract.binpb"
        contract.write_bytes(FileDescriptorSet().SerializeToString())
        self.endpoint = f"unix:{folder / 'toy.sock'}"
        self.http = str(folder / "toy.http.sock")
        self._environ = {
            "PATH": os.environ["PATH"],
            "TENON_CONTRACT": str(contract),
            "TENON_LISTEN": self.endpoint,
            "TENON_HTTP_LISTEN": f"unix:{self.http}",
            "TENON_INSECURE": "1",
            **environ,
        }
        self.lines: list[dict[str, Any]] = []
        self.process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.integration.chassis.toy_service",
            env=self._environ,
            cwd=Path(__file__).parents[3],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def logged(self, message: str) -> dict[str, Any]:
        """Wait for a log line and return it."""
        assert self.process.stderr is not None
        async with asyncio.timeout(20):
            while line := await self.process.stderr.readline():
                fields: dict[str, Any] = json.loads(line)
                self.lines.append(fields)
                if fields.get("message") == message:
                    return fields
        raise AssertionError(f"{message!r} was never logged: {self.lines}")

    async def printed(self, message: str) -> None:
        """Wait for a line of the service's own."""
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            while line := await self.process.stdout.readline():
                if line.decode().strip() == message:
                    return
        raise AssertionError(f"{message!r} was never printed")

    async def end(self) -> int:
        """Wait for the end and return the exit code."""
        async with asyncio.timeout(20):
            _, errors = await self.process.communicate()
        self.errors = errors.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    async def get(self, path: str) -> httpx.Response:
        """Read a page."""
        transport = httpx.AsyncHTTPTransport(uds=self.http)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            return await client.get(f"http://toy{path}")


async def test_a_process_serves_calls_pages_metrics_and_health(tmp_path: Path) -> None:
    async with Toy(tmp_path) as toy:
        ready = await toy.logged("ready")
        assert (ready["service"], ready["worker"], ready["listen"]) == ("toy", 0, toy.endpoint)
        async with grpc.aio.insecure_channel(toy.endpoint) as channel:
            assert (await channel.unary_unary(PATH, *CODECS)(text("a"))).value == "a!"
            health = health_pb2_grpc.HealthStub(channel)
            for name in ("", "tenon.toy.v1.ToyService"):
                answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert (await toy.get("/page")).text == "a page"
        assert (await toy.get("/healthz")).status_code == 200
        metrics = (await toy.get("/metrics")).text
        assert 'rpc_server_duration_seconds_count{rpc_grpc_status_code="OK",rpc_method="Do"' in metrics
        toy.process.send_signal(signal.SIGTERM)
        assert await toy.end() == 0
        assert '"method":"/tenon.toy.v1.ToyService/Do","code":"OK"' in toy.errors


async def test_sigterm_lets_calls_under_way_end_and_takes_no_more(tmp_path: Path) -> None:
    async with Toy(tmp_path) as toy:
        await toy.logged("ready")
        async with grpc.aio.insecure_channel(toy.endpoint) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            states = aiter(watch)
            assert (await anext(states)).status == health_pb2.HealthCheckResponse.SERVING
            slow = asyncio.ensure_future(channel.unary_unary(SLOW, *CODECS)(text("0.5")))
            await toy.printed("slow call began")
            toy.process.send_signal(signal.SIGTERM)
            assert (await anext(states)).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert (await slow).value == "done"
        await toy.printed("taken down")
        assert await toy.end() == 0
        assert not os.path.exists(toy.http)  # noqa: PTH110 - one look at a local folder


async def test_a_call_that_outlasts_the_drain_is_cut(tmp_path: Path) -> None:
    async with Toy(tmp_path, TENON_DRAIN_SECONDS="0.2") as toy:
        await toy.logged("ready")
        async with grpc.aio.insecure_channel(toy.endpoint) as channel:
            slow = channel.unary_unary(SLOW, *CODECS)(text("60"))
            await toy.printed("slow call began")
            toy.process.send_signal(signal.SIGTERM)
            assert await slow.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert await toy.end() == 0


async def test_a_start_that_is_under_way_is_broken_off(tmp_path: Path) -> None:
    async with Toy(tmp_path, TOY_TASK="wait") as toy:
        await toy.printed("waiting")
        toy.process.send_signal(signal.SIGTERM)
        assert await toy.end() == 0
        assert "Traceback" not in toy.errors


async def test_a_start_that_fails_is_logged_and_ends_the_process(tmp_path: Path) -> None:
    async with Toy(tmp_path, TOY_TASK="fail") as toy:
        line = await toy.logged("toy ends")
        assert "no database" in line["exception"]
        assert await toy.end() == 1


async def test_a_crashed_background_loop_ends_the_process(tmp_path: Path) -> None:
    async with Toy(tmp_path, TOY_TASK="crash") as toy:
        line = await toy.logged("the background task _crash crashed; this process ends")
        assert "the loop fell over" in line["exception"]
        assert await toy.end() == 1


async def test_a_background_loop_may_end(tmp_path: Path) -> None:
    async with Toy(tmp_path, TOY_TASK="end") as toy:
        await toy.logged("ready")
        assert (await toy.get("/healthz")).status_code == 200


async def test_the_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        async with Toy(tmp_path) as toy:
            await toy.logged("ready")
            toy.process.kill()
            await toy.process.wait()
    async with Toy(tmp_path) as toy:
        await toy.logged("ready")
        async with grpc.aio.insecure_channel(toy.endpoint) as channel:
            assert (await channel.unary_unary(PATH, *CODECS)(text("a"))).value == "a!"


async def test_a_second_process_does_not_take_the_endpoint_of_a_living_one(tmp_path: Path) -> None:
    async with Toy(tmp_path) as first:
        await first.logged("ready")
        async with Toy(tmp_path) as second:
            assert await second.end() == 78
            assert "Mend: stop that process" in second.errors
        assert (await first.get("/healthz")).status_code == 200


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        async with Toy(tmp_path, TENON_LISTEN=endpoint) as toy:
            assert await toy.end() == 78
            assert endpoint in toy.errors


@pytest.mark.parametrize("variable", ["TENON_CONTRACT", "TENON_CERTS"])
async def test_a_missing_file_is_named_without_a_traceback(tmp_path: Path, variable: str) -> None:
    async with Toy(tmp_path, **{variable: str(tmp_path / "absent")}) as toy:
        assert await toy.end() == 78
        assert "absent" in toy.errors
        assert "Traceback" not in toy.errors


async def test_settings_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    async with Toy(tmp_path, TENON_LISTEN="nowhere", TENON_LOG_FORMAT="xml", TENON_INSECURE="") as toy:
        assert await toy.end() == 78
        for variable in ("TENON_LISTEN", "TENON_LOG_FORMAT", "TENON_CERTS"):
            assert variable in toy.errors


async def test_a_published_contract_is_served_without_a_failed_call(tmp_path: Path) -> None:
    async with Toy(tmp_path, TOY_TASK="publish") as toy:
        await toy.logged("ready")
        async with grpc.aio.insecure_channel(toy.endpoint) as channel:
            old, new = channel.unary_unary(PATH, *CODECS), channel.unary_unary(f"{PATH}New", *CODECS)
            async with asyncio.timeout(20):
                while await new(text("a")).code() is not grpc.StatusCode.OK:
                    assert (await old(text("a"))).value == "a!"
            assert (await old(text("a"))).value == "a!"
