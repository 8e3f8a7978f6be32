"""One supervised process: started, watched, started again after a crash, and stopped."""

from __future__ import annotations

import asyncio
import enum
import os
import random
import shutil
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from services.chassis.refusal import EXIT_REFUSED
from services.cli.errors import CommandError, StartFailed
from services.cli.logs import open_log, size_of, tail
from services.cli.supervision.proc import start_time_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.cli.supervision.spec import ProcessSpec

FIRST_DELAY = 0.1
"""Seconds before the first restart; each further one doubles them."""

LONGEST_DELAY = 10.0
"""Seconds that a restart waits at most."""

STEADY = 10.0
"""Seconds that a process must have run for its earlier crashes to be forgotten."""

FIRST_ATTEMPTS = 3
"""How often a process that was never ready is tried before the start is given up."""

NEVER_RAN = -signal.SIGTERM
"""Stands for the exit code of a process that was stopped before it was started."""

PROBE_INTERVAL = 0.05
PROBE_TIMEOUT = 5.0
TAIL_LINES = 40


class Phase(enum.Enum):
    """Where a process is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


class Child:
    """One supervised process and what is known of it."""

    def __init__(self, spec: ProcessSpec, *, report: Callable[[str], None], changed: Callable[[], None]) -> None:
        """Take what to run, where to say what happens, and whom to tell that something changed."""
        self.spec = spec
        self.phase = Phase.WAITING
        self.restarts = 0
        self.pid = 0
        self.start_time = 0
        self.started_at = 0.0
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the process is ready for the first time, or failed with the reason."""
        self._report = report
        self._changed = changed
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._begun = 0.0
        self._late = False

    async def run(self) -> None:
        """Keep the process running until it is stopped; a step runs until it has ended well."""
        crashes, code = 0, NEVER_RAN
        while not self._stopping.is_set():
            begun, position = time.monotonic(), size_of(self.spec.log)
            self._begun = self._begun or begun
            try:
                code = await self._run_once()
            except (CommandError, OSError) as error:
                self._fail(
                    error if isinstance(error, CommandError) else self._failure(f"could not start: {error}", position)
                )
                return
            if self._stopping.is_set() or (self.spec.once and code == 0):
                break
            crashes = 0 if self.settled.done() and time.monotonic() - begun > STEADY else crashes + 1
            hopeless = self.spec.once or self._late or code == EXIT_REFUSED or crashes >= FIRST_ATTEMPTS
            if not self.settled.done() and hopeless:
                late = f"was not ready in {self.spec.start_timeout:.0f} s"
                ended = _describe_exit(code, once=self.spec.once)
                # Who refuses to start has said why, and what helps, in the last lines of its log.
                mend = "mend what is said above, and start again." if code == EXIT_REFUSED else ""
                self._fail(self._failure(late if self._late else ended, position, mend=mend))
                return
            await self._back_off(code, crashes)
        self._enter(Phase.DONE if self.spec.once and code == 0 else Phase.STOPPED)

    async def stop(self) -> None:
        """Drain the process, ask it to end, and kill it where it does not."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            await self._end(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if self.spec.drain is not None:
            with suppress(OSError, TimeoutError, EOFError):
                await self.spec.drain()
        with suppress(ProcessLookupError):
            process.send_signal(self.spec.stop_signal)
        try:
            async with asyncio.timeout(self.spec.stop_timeout):
                await process.wait()
        except TimeoutError:
            self._report(f"{self.spec.name} did not stop in {self.spec.stop_timeout:.0f} s and is killed")
            await self._kill(process)

    async def _run_once(self) -> int:
        if self.spec.before is not None:
            await self.spec.before()
        if self._stopping.is_set():
            return NEVER_RAN
        for socket in self.spec.sockets:
            socket.unlink(missing_ok=True)
        process = await self._spawn()
        if self._stopping.is_set():
            await self._end(process)
        ready = asyncio.create_task(self._await_ready(process))
        try:
            await self._pass_on(process)
            return await process.wait()
        finally:
            ready.cancel()
            with suppress(asyncio.CancelledError):
                await ready
            self.pid = 0
            if process.returncode is None:
                await self._kill(process)

    async def _spawn(self) -> asyncio.subprocess.Process:
        with open_log(self.spec.log) as log:
            # A session of its own keeps the terminal's Ctrl-C from the process: the supervisor says who stops when.
            process = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if self.spec.speaks else log,
                stderr=log,
                env=dict(self.spec.environ),
                start_new_session=True,
            )
        self._process = process
        self.pid, self.start_time, self.started_at = process.pid, start_time_of(process.pid) or 0, time.time()
        self._enter(Phase.STARTING)
        return process

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """Report and log what a process says to the person at the terminal, until it ends."""
        if process.stdout is None:
            return
        async for line in process.stdout:
            with open_log(self.spec.log) as log:
                log.write(line)
            self._report(line.decode(errors="replace").rstrip())

    async def _await_ready(self, process: asyncio.subprocess.Process) -> None:
        if self.spec.once:
            return
        try:
            async with asyncio.timeout(self.spec.start_timeout):
                while not await self.check():  # noqa: ASYNC110 (another process tells nobody that it is ready)
                    await asyncio.sleep(PROBE_INTERVAL)
        except TimeoutError:
            self._late = True
            self._report(f"{self.spec.name} was not ready in {self.spec.start_timeout:.0f} s and is killed")
            await self._kill(process)
            return
        self._enter(Phase.READY)

    async def check(self) -> bool:
        """Return whether the process answers as a ready one does."""
        if self.spec.probe is None:
            return True
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                return await self.spec.probe()
        except (OSError, TimeoutError, EOFError):
            return False

    async def _back_off(self, code: int, crashes: int) -> None:
        delay = min(FIRST_DELAY * 2 ** min(crashes, 16), LONGEST_DELAY) * random.uniform(0.8, 1.2)  # noqa: S311 (no secret)
        self.restarts += 1
        self._enter(Phase.RESTARTING)
        self._report(f"{self.spec.name} {_describe_exit(code)} and is started again in {delay:.1f} s")
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._stopping.wait()

    async def _kill(self, process: asyncio.subprocess.Process) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _enter(self, phase: Phase) -> None:
        if phase is self.phase:
            return
        self.phase = phase
        if phase in {Phase.READY, Phase.DONE} and not self.settled.done():
            self.settled.set_result(None)
            verb = "is done" if phase is Phase.DONE else "is ready"
            self._report(f"{self.spec.name} {verb} ({time.monotonic() - self._begun:.2f} s)")
        elif phase is Phase.READY:
            self._report(f"{self.spec.name} is ready again")
        self._changed()

    def _fail(self, error: CommandError) -> None:
        self.phase = Phase.FAILED
        if not self.settled.done():
            self.settled.set_exception(error)
            self.settled.exception()  # It is told to whoever awaits it; nobody may, where another failed first.
        else:
            self._report(f"{self.spec.name} is given up: {error}")
        self._changed()

    def _failure(self, what: str, position: int, *, mend: str = "") -> StartFailed:
        details = tail(self.spec.log, lines=TAIL_LINES, since=position)
        subject = f"The step {self.spec.name}" if self.spec.once else self.spec.name
        return StartFailed(
            f"{subject} {what}.",
            mend=self.spec.mend or mend or f"read its log {self.spec.log} and start again.",
            details=details,
        )


def die_with_parent(argv: tuple[str, ...], signal_name: str = "KILL") -> tuple[str, ...]:
    """Return a command that gets a signal when its parent dies, however that happens (`prctl(2)`, PR_SET_PDEATHSIG).

    Where `setpriv` is missing, what is left over is ended by the next `tenon up`.
    """
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", signal_name, "--", *argv) if setpriv else argv


def _describe_exit(code: int, *, once: bool = False) -> str:
    if once and code > 0:
        return f"has failed (code {code})"
    if code == EXIT_REFUSED:
        return "cannot start"
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
