"""A supervisor over small real processes, whose changes a test can await."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.cli.home import prepare_folders
from services.cli.settings import Settings, read_settings
from services.cli.supervision.spec import ProcessSpec
from services.cli.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

PATIENCE = 60.0


class Watched:
    """A supervisor that notes what it reports and wakes whoever waits for a change."""

    def __init__(self, specs: tuple[ProcessSpec, ...]) -> None:
        """Take what is to run."""
        self.reports: list[str] = []
        self._changed = asyncio.Event()
        self.supervisor = Supervisor(specs, report=self.reports.append, changed=lambda _: self._changed.set())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a change has made the condition true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Return settings in a short folder: sockets have a limit."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-test-"))
    environ = {"TENON_HOME": str(folder / "home"), "TENON_RUN": str(folder / "run"), "PATH": "/usr/bin:/bin"}
    made = read_settings(environ, directory=folder)
    prepare_folders(made)
    yield made
    shutil.rmtree(folder)


@pytest.fixture
async def watch() -> AsyncIterator[Callable[..., Watched]]:
    """Return what makes a watched supervisor, which is stopped at the end of the test."""
    made: list[Watched] = []

    def make(*specs: ProcessSpec) -> Watched:
        made.append(Watched(specs))
        return made[-1]

    yield make
    for watched in made:
        await watched.supervisor.stop()


@pytest.fixture
def python(settings: Settings) -> Callable[..., ProcessSpec]:
    """Return what makes the plan of a process that runs a piece of Python."""

    def make(name: str, code: str, **fields: Any) -> ProcessSpec:
        return ProcessSpec(name=name, argv=(sys.executable, "-c", code), log=settings.log(name), **fields)

    return make
