"""The supervisor's own socket: it answers how each process fares."""

from __future__ import annotations

import asyncio
import json
import os
import socket as sockets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from services.cli.errors import NotRunning
from services.cli.home import read_holder
from services.cli.supervision.child import Phase
from services.cli.supervision.proc import measure_memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from services.cli.settings import Settings
    from services.cli.supervision.child import Child
    from services.cli.supervision.supervisor import Supervisor

ANSWER_TIMEOUT = 10.0


@asynccontextmanager
async def answer_status(settings: Settings, supervisor: Supervisor) -> AsyncIterator[None]:
    """Answer every connection to the control socket with the state of all processes, as one JSON document."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(json.dumps(await describe(settings, supervisor)).encode())
            await writer.drain()
        except OSError:
            return  # Whoever asked has gone.
        finally:
            writer.close()

    path = settings.socket("control")
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, str(path))
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def describe(settings: Settings, supervisor: Supervisor) -> dict[str, Any]:
    """Return the state of every process that stays, asked now."""
    children = [child for child in supervisor.children.values() if not child.spec.once]
    memory = await asyncio.to_thread(measure_memory, os.getpid(), [child.pid for child in children if child.pid])
    described = await asyncio.gather(*(_describe_child(child, memory) for child in children))
    own = {
        "name": "supervisor",
        "pid": os.getpid(),
        "endpoint": f"unix:{settings.socket('control')}",
        "health": "healthy",
        "memory": memory[os.getpid()],
        "restarts": 0,
        "uptime": round(time.time() - supervisor.started_at, 1),
    }
    processes = [own, *described]
    healthy = all(process["health"] == "healthy" for process in processes)
    steps_done = all(child.phase is Phase.DONE for child in supervisor.children.values() if child.spec.once)
    return {
        "url": settings.url,
        "home": str(settings.home),
        "ready": healthy and steps_done,
        "memory": sum(process["memory"] for process in processes),
        "processes": processes,
    }


async def _describe_child(child: Child, memory: Mapping[int, int]) -> dict[str, Any]:
    pid = child.pid
    answers = bool(pid) and await child.check()
    health = "healthy" if answers else ("unhealthy" if child.phase is Phase.READY else child.phase.value)
    return {
        "name": child.spec.name,
        "pid": pid or None,
        "endpoint": child.spec.endpoint,
        "health": health,
        "memory": memory.get(pid, 0),
        "restarts": child.restarts,
        "uptime": round(time.time() - child.started_at, 1) if pid else 0.0,
    }


def ask_status(settings: Settings) -> dict[str, Any]:
    """Return what the supervisor of this state folder says; raises NotRunning where there is none that answers."""
    mend = "start it by `tenon up`."
    if (holder := read_holder(settings)) is None:
        raise NotRunning(f"Nothing runs from {settings.home}.", mend=mend)
    try:
        with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT)
            connection.connect(str(settings.socket("control")))
            with connection.makefile("rb") as answer:
                status: dict[str, Any] = json.loads(answer.read())
                return status
    except (OSError, ValueError) as error:
        raise NotRunning(
            f"The supervisor (process {holder.pid}) of {settings.home} does not answer yet, or not any more.",
            mend="wait a moment and ask again; `tenon logs up` tells what it does.",
        ) from error
