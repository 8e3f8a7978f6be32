"""What everything is measured against: the no-op behind our chain, through an edge of ours, and on grpcio alone."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.chassis.contract import PROTO_ROOT, write_contract
from services.cli.stack.contract import topology_of
from services.cli.stack.edge import binary
from services.cli.stack.workers import service_environ
from services.meshgen.envoy import BOOTSTRAP_FILE, generate, write
from tests.load.launch import free_port
from tests.load.worker import PLAIN_CONTRACT, PROFILE, bench_contract

if TYPE_CHECKING:
    from pathlib import Path

    from tests.load.launch import Launcher
    from tests.load.stack import Stack

ENVOY_OPTIONS = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warning")
"""As `tenon up` starts its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The processes of the no-op."""

    worker: Path
    """The socket of a worker of data that also serves the no-op."""
    edge: str
    """`host:port` of an edge of ours before it."""
    bare: Path
    """The socket of grpcio alone."""
    pids: dict[str, int]
    """`worker`, `edge` and `bare`."""
    profile: Path
    """Where the worker writes its profile."""


async def run_floor(stack: Stack, launcher: Launcher) -> Floor:
    """Start the processes of the no-op; the launcher stops them."""
    settings, folder = stack.settings, launcher.folder
    worker, bare, profile = settings.run / "bench.sock", settings.run / "bench-bare.sock", folder / "profile.json"
    contract = bench_contract(PROTO_ROOT)
    write_contract(contract, folder / "bench.binpb")
    environ = {
        **service_environ(settings, "data", 0),
        "TENON_CONTRACT": str(folder / "bench.binpb"),
        "TENON_LISTEN": f"unix:{worker}",
        "TENON_HTTP_LISTEN": f"unix:{settings.run / 'bench.http.sock'}",
        PLAIN_CONTRACT: str(settings.contract),
        PROFILE: str(profile),
    }
    topology = topology_of(settings)
    topology = replace(
        topology,
        folder=str(folder / "envoy"),
        port=free_port(),
        admin=str(settings.run / "bench-admin.sock"),
        grpc={**topology.grpc, "data": (f"unix:{worker}",)},
    )
    (folder / "envoy").mkdir()
    write(folder / "envoy", generate(contract, topology))
    python, certificates = sys.executable, settings.certificates("cli")
    pids = {
        "worker": launcher.start("worker", [python, "-P", "-m", "tests.load.worker"], environ),
        "bare": launcher.start(
            "bare-grpc",
            [python, "-m", "tests.load.bare_grpc", f"unix:{bare}", str(settings.certificates("data"))],
        ),
        "edge": launcher.start("edge", [str(binary()), "-c", str(folder / "envoy" / BOOTSTRAP_FILE), *ENVOY_OPTIONS]),
    }
    for socket in (worker, bare):
        await launcher.wait_for_grpc(socket, certificates=certificates, name="data")
    edge = f"127.0.0.1:{topology.port}"
    await launcher.wait_for_http(f"http://{edge}/data/v1/pass", await stack.token())
    return Floor(worker=worker, edge=edge, bare=bare, pids=pids, profile=profile)
