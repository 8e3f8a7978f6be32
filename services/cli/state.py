"""What a running supervisor writes down for other commands and for its successor: where it is, and its processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.cli.home import write_private
from services.cli.supervision.proc import start_time_of

if TYPE_CHECKING:
    from services.cli.settings import Settings
    from services.cli.supervision.supervisor import Supervisor


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A process that a supervisor has started."""

    name: str
    """Its name in the plan."""
    pid: int
    """Its process id."""
    start_time: int
    """When it started, in the kernel's ticks."""

    @property
    def lives(self) -> bool:
        """Whether it still runs, and its process id is not somebody else's by now."""
        return start_time_of(self.pid) == self.start_time


def write_state(settings: Settings, supervisor: Supervisor) -> None:
    """Write down where the stack is and which processes belong to it."""
    children = [
        {"name": name, "pid": child.pid, "start_time": child.start_time}
        for name, child in supervisor.children.items()
        if child.pid
    ]
    where = {"run": str(settings.run), "host": settings.edge_host, "port": settings.edge_port}
    state = {**where, "contracts": [str(root) for root in settings.contracts], "processes": children}
    # Where the state folder was deleted there is nobody to tell, and the supervisor is about to end.
    with suppress(FileNotFoundError):
        write_private(settings.home / "state.json", json.dumps(state).encode(), durable=False)


def read_running(settings: Settings) -> Settings:
    """Return the settings with the sockets, the port and the contracts of the stack that runs from this folder, if any.

    Contracts that are named already stay as they are.
    """
    state = _read(settings)
    with suppress(KeyError, TypeError, ValueError):
        contracts = settings.contracts or tuple(Path(root) for root in state.get("contracts", ()))
        issuer = settings.issuer.replace(f":{settings.edge_port}", f":{int(state['port'])}")
        return replace(
            settings,
            run=Path(state["run"]),
            edge_host=str(state["host"]),
            edge_port=int(state["port"]),
            issuer=issuer,
            contracts=contracts,
        )
    return settings


def read_leftovers(settings: Settings) -> tuple[Leftover, ...]:
    """Return the processes that the last supervisor wrote down and that still live; a damaged file counts as none."""
    with suppress(KeyError, TypeError, ValueError):
        entries = [
            Leftover(name=str(entry["name"]), pid=int(entry["pid"]), start_time=int(entry["start_time"]))
            for entry in _read(settings).get("processes", ())
        ]
        return tuple(entry for entry in entries if entry.lives)
    return ()


async def end_leftovers(settings: Settings) -> tuple[str, ...]:
    """End what a dead supervisor has left, Postgres in its own way with all that it started; return the names."""
    left = read_leftovers(settings)
    for entry in left:
        with suppress(ProcessLookupError):
            os.kill(entry.pid, signal.SIGQUIT if entry.name == "postgres" else signal.SIGKILL)
    while any(entry.lives for entry in left):  # noqa: ASYNC110 (not our child: it cannot be waited for)
        await asyncio.sleep(0.02)
    return tuple(entry.name for entry in left)


def _read(settings: Settings) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        state = json.loads((settings.home / "state.json").read_bytes())
        if isinstance(state, dict):
            return state
    return {}
