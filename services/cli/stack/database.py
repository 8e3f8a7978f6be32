"""The databases of a state folder for a command: those of the stack that runs, or Postgres alone for a moment."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from services.cli.errors import CommandError
from services.cli.home import hold_lock, hold_run, prepare_folders, read_holder
from services.cli.logs import rotate
from services.cli.stack.postgres import plan_postgres
from services.cli.state import end_leftovers, read_running, write_state
from services.cli.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.cli.settings import Settings

    Locate = Callable[[str], str]
    """Returns the URL under which a service's tables are reached, as the service itself."""


@asynccontextmanager
async def open_databases(settings: Settings, *, url: str = "") -> AsyncIterator[Locate]:
    """Give the URL of each service's database: below `url` where that is named, else of the state folder.

    Raises CommandError where there is none yet, or where it cannot be started.
    """
    if url:
        joint = "&" if "?" in url else "?"
        # Who changes a table owns what is made, and it has to be the service.
        yield lambda service: f"{url}{joint}role={quote(service)}"
        return
    if not (settings.home / "postgres").exists():
        raise CommandError(f"Nothing is kept in {settings.home} yet.", mend="`tenon up` makes all tables.")
    if read_holder(settings) is not None:
        running = read_running(settings)
        yield lambda service: _local(running, service)
        return
    async with _alone(settings):
        yield lambda service: _local(settings, service)


def _local(settings: Settings, service: str) -> str:
    return f"postgresql://{service}@/tenon?host={quote(str(settings.run))}"


@asynccontextmanager
async def _alone(settings: Settings) -> AsyncIterator[None]:
    """Run Postgres, and nothing else, under the lock that a whole stack would hold."""
    prepare_folders(settings)
    with hold_lock(settings), hold_run(settings, report=_ignore):
        await end_leftovers(settings)
        rotate(settings.log("postgres"))
        supervisor = Supervisor(
            plan_postgres(settings), report=_ignore, changed=lambda found: write_state(settings, found)
        )
        try:
            await supervisor.start()
            yield
        finally:
            await asyncio.shield(supervisor.stop())
            (settings.home / "state.json").unlink(missing_ok=True)


def _ignore(_: str) -> None:
    """Say nothing: a command speaks of what it was asked for."""
