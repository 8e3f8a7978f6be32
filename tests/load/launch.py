"""Starts the bench's own processes, waits until they answer, and stops them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from services.cli.supervision.probes import is_grpc_ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

PATIENCE = 20.0
"""Seconds in which a process must answer."""


class Launcher:
    """Processes of the bench, each with a log of its own in one folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of their files; it goes when the bench ends."""
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
        """Start a process and return its id."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, env={**os.environ, **(environ or {})}, stdout=log, stderr=log)
        self._processes.append(process)
        return process.pid

    def stop(self) -> None:
        """Stop all of them."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait()

    async def wait_for_http(self, url: str, token: str) -> None:
        """Wait until a GET with a token is answered well; raises TimeoutError with the ends of all logs."""

        async def is_ready() -> bool:
            return (await client.get(url)).is_success

        async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {token}"}) as client:
            await self._wait(url, is_ready)

    async def wait_for_grpc(self, path: Path, *, certificates: Path, name: str) -> None:
        """Wait until a gRPC server says that it serves; raises TimeoutError with the ends of all logs."""
        await self._wait(str(path), lambda: is_grpc_ready(path, certificates=certificates, name=name))

    async def _wait(self, what: str, is_ready: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if await is_ready():
                    return
            except (httpx.TransportError, OSError):
                pass  # it does not listen yet
            await asyncio.sleep(0.1)
        logs = "".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))
        raise TimeoutError(f"{what} does not answer.\n{logs}")


@asynccontextmanager
async def launcher(folder: Path) -> AsyncIterator[Launcher]:
    """Return a launcher whose processes are stopped at the end of the block."""
    made = Launcher(folder)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.stop)


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
