"""`tenon up`: checks the ground, starts everything, says when it is ready, and stops it in order."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.errors import CommandError
from services.cli.home import (
    ensure_admin_password,
    ensure_root_key,
    hold_lock,
    hold_run,
    is_in_place,
    lock_file,
    prepare_folders,
    write_private,
)
from services.cli.logs import rotate
from services.cli.stack.fingerprint import compile_key
from services.cli.stack.plan import plan
from services.cli.state import end_leftovers, write_state
from services.cli.supervision.control import answer_status
from services.cli.supervision.housekeeping import keep_house
from services.cli.supervision.proc import find_listener, name_of
from services.cli.supervision.supervisor import Supervisor

if TYPE_CHECKING:
    from services.cli.console import Console
    from services.cli.settings import Settings
    from services.cli.supervision.spec import ProcessSpec

Planned = Callable[..., tuple["ProcessSpec", ...]]
"""Says what runs, as `plan` does."""

ADMINISTRATOR = "admin@tenon.local"

LOOK_INTERVAL = 1.0
"""Seconds between two looks at whether the state folder is still there."""

INTERRUPTED = 130
"""The exit code of a start that was stopped by a signal."""


def run_up(settings: Settings, *, demo: bool, console: Console, watch: bool = False, planned: Planned = plan) -> int:
    """Run what is planned until it is told to stop; raises CommandError where it cannot start."""
    prepare_folders(settings)
    with hold_lock(settings) as lock, hold_run(settings, report=console.report):
        return asyncio.run(_Run(settings, lock, demo=demo, watch=watch, console=console, planned=planned).run())


class _Run:
    """One run of the stack, from its start to its end."""

    def __init__(
        self, settings: Settings, lock: int, *, demo: bool, watch: bool, console: Console, planned: Planned
    ) -> None:
        self._settings = settings
        self._lock = lock
        self._planned = planned
        self._console = console
        self._demo = demo
        self._watch = watch
        self._stop = asyncio.Event()
        self._first_password = False

    async def run(self) -> int:
        self._listen_for_signals()
        supervisor = Supervisor(
            await self._prepare(), report=self._console.report, changed=lambda s: write_state(self._settings, s)
        )
        watch = asyncio.create_task(self._watch_home())
        try:
            async with answer_status(self._settings, supervisor):
                started = await self._start(supervisor)
                if started:
                    await self._wait(supervisor)
        finally:
            watch.cancel()
            self._console.report("stopping")
            await supervisor.stop()
            self._clear(supervisor)
        self._console.report("stopped")
        return 0 if started else INTERRUPTED

    async def _prepare(self) -> tuple[ProcessSpec, ...]:
        settings = self._settings
        for name in await end_leftovers(settings):
            self._console.report(f"{name} was left from a run that broke off, and is ended")
        check_port(settings.edge_host, settings.edge_port, "TENON_EDGE_PORT")
        if settings.metrics_port:
            check_port("127.0.0.1", settings.metrics_port, "TENON_METRICS_PORT")
        for log in settings.logs.glob("*.log"):
            rotate(log)
        fresh = not (settings.home / "postgres").exists()
        ensure_root_key(settings, fresh=fresh)
        self._first_password = ensure_admin_password(settings, fresh=fresh)
        mark = settings.home / "demo"
        if not self._demo and not mark.exists():
            write_private(mark, b"left out\n")
        demo = self._demo and not mark.exists()
        # Said where it is asked for: what plans a run for the tests knows of no watching.
        watch = {"watch": True} if self._watch else {}
        return self._planned(settings, compile_key=compile_key(settings), demo=demo, **watch)

    async def _start(self, supervisor: Supervisor) -> bool:
        """Start everything; return False where a signal came first."""
        starting = asyncio.create_task(supervisor.start())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                return False
            starting.result()
        finally:
            self._show_password()
            for task in (starting, stopping):
                task.cancel()
        if "demo" in supervisor.children:
            write_private(self._settings.home / "demo", b"loaded\n")
        self._console.ready(ready_lines(self._settings, self._console.elapsed))
        return True

    async def _wait(self, supervisor: Supervisor) -> None:
        house = asyncio.create_task(keep_house(self._settings, supervisor, self._console.report))
        await self._stop.wait()
        house.cancel()
        with suppress(asyncio.CancelledError):
            await house

    async def _watch_home(self) -> None:
        """Stop where the state folder is deleted under us: nobody else could, since its lock is gone with it."""
        while is_in_place(lock_file(self._settings), self._lock):  # noqa: ASYNC110 (a deleted folder tells nobody)
            await asyncio.sleep(LOOK_INTERVAL)
        self._console.report(f"{self._settings.home} was deleted, so everything stops")
        self._stop.set()

    def _clear(self, supervisor: Supervisor) -> None:
        (self._settings.home / "state.json").unlink(missing_ok=True)
        for child in supervisor.children.values():
            for path in child.spec.sockets:
                path.unlink(missing_ok=True)
        with suppress(OSError):  # Somebody put something else there: it stays.
            self._settings.run.rmdir()

    def _show_password(self) -> None:
        if self._first_password:
            path = self._settings.admin_password
            password = path.read_text().strip()
            self._console.confide(
                f"Administrator {ADMINISTRATOR}, password {password} (shown this once; kept in {path})"
            )

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            # Asked twice: whoever asks has no patience left, and our processes end with us.
            os._exit(1)
        self._stop.set()


def check_port(host: str, port: int, variable: str) -> None:
    """Raise CommandError where the edge could not listen, naming who does; `variable` is what sets the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CommandError(
                    f"The edge cannot listen on {host}:{port}: {error.strerror}.",
                    mend=f"set {variable} (from 1024 up) or TENON_EDGE_HOST.",
                ) from error
            pid = find_listener(port)
            who = f" by process {pid} ({name_of(pid)})" if pid else ""
            raise CommandError(
                f"Port {port} is in use{who}.",
                mend=f"stop what uses it, or take another port: {variable}={port + 1} tenon up.",
            ) from error


def ready_lines(settings: Settings, seconds: float) -> tuple[str, ...]:
    """Return what is said when all is ready: the URL, a call to copy, and where people sign in."""
    return (
        f"Tenon is ready at {settings.url} ({seconds:.1f} s). Try: {call_to_copy(settings)}",
        f"Your account, as {ADMINISTRATOR}: {settings.issuer}/account",
    )


def call_to_copy(settings: Settings) -> str:
    """Return a first call that works in a shell that stands here."""
    token = f"$({command_name()} token)"
    return f'curl -H "Authorization: Bearer {token}" "{settings.url}/flightops/v1/airports?pageSize=3"'


def command_name() -> str:
    """Return how this command is called from here: by its name where that is on the path, else by its path."""
    ours = Path(sys.executable).parent / "tenon"
    found = shutil.which("tenon")
    if found and Path(found).resolve() == ours.resolve():
        return "tenon"
    with suppress(ValueError):
        return str(ours.relative_to(Path.cwd()))
    return str(ours)
