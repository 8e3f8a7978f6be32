"""The processes that the bench measures: a stack of ours with one worker each, and the rivals on the same Postgres."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx

from services.chassis.contract import read_contract
from services.cli.contract import topology_of
from services.cli.control import ask_status
from services.cli.edge import binary
from services.cli.settings import read_settings
from services.cli.token import mint_token
from tests.load.cpu import children_of
from tests.load.rival.edge import configure
from tests.load.rival.table import copy_statements

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from services.cli.settings import Settings

SOURCE = "tenon_flightops_v1.flights"
"""The table that ours keeps flights in."""

PATIENCE = 15.0
"""Seconds in which a rival must answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack of ours that runs."""

    settings: Settings
    """Where it is."""
    pids: dict[str, int]
    """Its processes by their names."""

    async def token(self) -> str:
        """Return a token of the administrator."""
        return await mint_token(self.settings)

    async def connect(self) -> Any:
        """Return a connection to its Postgres, as the superuser."""
        return await asyncpg.connect(host=str(self.settings.run), user="tenon", database="tenon")

    def cpu_of(self, name: str) -> frozenset[int]:
        """Return the process ids behind a name; those of Postgres are many, one for each connection."""
        return children_of(self.pids[name])


@contextmanager
def run_stack(home: Path) -> Iterator[Stack]:
    """Run a stack of ours with all flights in a state folder that is kept for the next time."""
    environ = {
        **os.environ,
        "TENON_HOME": str(home),
        "TENON_EDGE_PORT": str(free_port()),
        "TENON_AUTH_WORKERS": "1",
        "TENON_DATA_WORKERS": "1",
    }
    command = [sys.executable, "-m", "services.cli"]
    subprocess.run([*command, "up", "--detach"], env=environ, check=True)
    try:
        subprocess.run([*command, "demo", "flights"], env=environ, check=True)
        settings = read_settings(environ, directory=Path.cwd())
        processes = ask_status(settings)["processes"]
        yield Stack(settings=settings, pids={each["name"]: each["pid"] for each in processes})
    finally:
        subprocess.run([*command, "down"], env=environ, check=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rivals:
    """The two rivals that run."""

    bare: str
    """`host:port` of FastAPI without a gateway."""
    equal: str
    """`host:port` of the edge before FastAPI with equal duties."""
    pids: dict[str, int]
    """`bare`, `equal` and `edge`."""


@asynccontextmanager
async def run_rivals(stack: Stack, folder: Path) -> AsyncIterator[Rivals]:
    """Copy the flights to a plain table, and run both rivals on it."""
    await copy_flights(stack)
    ports = free_port(), free_port()
    uds = stack.settings.run / "rival.sock"
    keys = await _read_keys(stack)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, equal, where in (
            ("bare", False, ["--host", "127.0.0.1", "--port", str(ports[0])]),
            ("equal", True, ["--uds", str(uds)]),
        ):
            started.append(_start_app(stack, folder, name, keys, where, equal=equal))
        started.append(_start_edge(stack, folder, ports[1], uds))
        bare, edge = f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
        token = await stack.token()
        for target in (bare, edge):
            try:
                await _wait_for(f"http://{target}/noop", token)
            except TimeoutError as error:
                raise TimeoutError(f"{error}\n{_read_logs(folder)}") from error
        pids = dict(zip(("bare", "equal", "edge"), (each.pid for each in started), strict=True))
        yield Rivals(bare=bare, equal=edge, pids=pids)
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait()


def _read_logs(folder: Path) -> str:
    return "".join(path.read_text()[-2000:] for path in sorted(folder.glob("*.log")))


async def copy_flights(stack: Stack) -> None:
    """Make the rivals' table from ours, without the rows of an earlier bench."""
    connection = await stack.connect()
    try:
        await delete_created(connection)
        for statement in copy_statements(SOURCE):
            await connection.execute(statement)
        await connection.execute(f"ANALYZE {SOURCE}")
    finally:
        await connection.close()


async def delete_created(connection: Any) -> None:
    """Delete the rows that a bench has created, which are those of the far future."""
    await connection.execute(f"DELETE FROM {SOURCE} WHERE name >= 'flights/9'")  # noqa: S608 (a name of ours)


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start_app(
    stack: Stack, folder: Path, name: str, keys: Any, where: list[str], *, equal: bool
) -> subprocess.Popen[bytes]:
    settings = stack.settings
    setup = {
        "jwks": keys,
        "issuer": settings.issuer,
        "audience": settings.audience,
        "equal_duties": equal,
        "database": {"host": str(settings.run), "user": "tenon", "database": "tenon"},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(setup))
    options = ["--factory", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "tests.load.rival.app:create_app", *options, *where]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(command, env={**os.environ, "RIVAL_SETUP": str(path)}, stdout=log, stderr=log)


def _start_edge(stack: Stack, folder: Path, port: int, uds: Path) -> subprocess.Popen[bytes]:
    contract = read_contract(stack.settings.contract)
    topology = topology_of(stack.settings)
    admin = stack.settings.run / "rival-admin.sock"
    path = folder / "envoy.yaml"
    path.write_text(configure(contract, topology, port=port, socket=uds, admin=admin))
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    with (folder / "envoy.log").open("wb") as log:
        return subprocess.Popen([str(binary()), "-c", str(path), *options], stdout=log, stderr=log)


async def _read_keys(stack: Stack) -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"{stack.settings.url}/auth/v1/jwks.json")
        return response.raise_for_status().json()


async def _wait_for(url: str, token: str) -> None:
    deadline = time.monotonic() + PATIENCE
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {token}"}) as client:
        while True:
            try:
                response = await client.get(url)
                if response.is_success:
                    return
                last = f"{response.status_code} {response.text}"
            except httpx.TransportError as error:
                last = str(error)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} does not answer: {last}")
            await asyncio.sleep(0.1)
