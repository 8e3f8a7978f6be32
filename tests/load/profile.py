"""Where the time of the service goes: one more worker of data, run under a profiler and driven directly."""

from __future__ import annotations

import asyncio
import os
import pstats
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from services.cli.probes import is_grpc_ready
from services.cli.workers import service_environ
from tests.load.measure import measure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.load.cases import Case
    from tests.load.processes import Stack

LINES = 25
"""Functions that are shown."""


async def profile(stack: Stack, case: Case, folder: Path) -> str:
    """Return the functions that cost most while a case is driven, by the time within them."""
    settings = stack.settings
    socket, result = settings.run / "profiled.sock", folder / "profile"
    environ = {
        **service_environ(settings, "data", 0),
        "PATH": os.environ.get("PATH", ""),
        "TENON_LISTEN": f"unix:{socket}",
        "TENON_HTTP_LISTEN": "",
    }
    command = [sys.executable, "-m", "cProfile", "-o", str(result), "-m", "services.data"]
    with (folder / "profiled.log").open("wb") as log:
        worker = subprocess.Popen(command, env=environ, stdout=log, stderr=log)  # noqa: ASYNC220 (it only starts)
    try:
        await _wait_until_ready(stack, socket)
        await measure(replace(case, job=replace(case.job, target=f"unix:{socket}")), frozenset)
    finally:
        worker.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait)
        with suppress(FileNotFoundError):
            socket.unlink()
    text = StringIO()
    pstats.Stats(str(result), stream=text).strip_dirs().sort_stats("tottime").print_stats(LINES)
    return text.getvalue()


async def _wait_until_ready(stack: Stack, socket: Path) -> None:
    async with asyncio.timeout(30):
        certificates = stack.settings.certificates("cli")
        while not await is_grpc_ready(socket, certificates=certificates, name="data"):  # noqa: ASYNC110 (a process)
            await asyncio.sleep(0.1)
