"""The stack of ours that is measured: `tenon up` with one worker of each service, and all flights."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from services.cli.minting import mint_token
from services.cli.settings import read_settings
from services.cli.supervision.control import ask_status
from tests.load.cpu import children_of
from tests.load.launch import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.cli.settings import Settings

SOURCE = "tenon_flightops_v1.flights"
"""The table that ours keeps flights in."""

COMMAND = (sys.executable, "-m", "services.cli")
"""The `tenon` command."""


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
    environ = environ_of(home, TENON_AUTH_WORKERS="1", TENON_DATA_WORKERS="1")
    run_command(environ, "up", "--detach")
    try:
        run_command(environ, "demo", "flights")
        settings = read_settings(environ, directory=Path.cwd())
        processes = ask_status(settings)["processes"]
        yield Stack(settings=settings, pids={each["name"]: each["pid"] for each in processes})
    finally:
        run_command(environ, "down")


def run_command(environ: Mapping[str, str], *arguments: str) -> None:
    """Run a `tenon` command without what it tells while it works; raises RuntimeError with all of it where it fails."""
    done = subprocess.run([*COMMAND, *arguments], env=environ, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"tenon {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


def environ_of(home: Path, **more: str) -> dict[str, str]:
    """Return our environment for a stack in a state folder, on a port that is free."""
    return {**os.environ, "TENON_HOME": str(home), "TENON_EDGE_PORT": str(free_port()), **more}


async def delete_created(connection: Any) -> None:
    """Delete the rows that a bench has created, which are those of the far future."""
    await connection.execute(f"DELETE FROM {SOURCE} WHERE name >= 'flights/9'")
