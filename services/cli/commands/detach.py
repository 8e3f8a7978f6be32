"""`tenon up --detach`: starts the supervisor in a session of its own, and waits with its caller until all is ready."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from services.cli.commands.up import call_to_copy
from services.cli.errors import AlreadyRunning, NotRunning, StartFailed
from services.cli.home import hold_lock, prepare_folders
from services.cli.logs import open_log, size_of, tail
from services.cli.stack.fingerprint import compile_key
from services.cli.stack.plan import WATCHER
from services.cli.state import read_running
from services.cli.supervision.control import ask_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.cli.settings import Settings


def run_detached(settings: Settings, arguments: Sequence[str], *, write: Callable[[str], None] = print) -> int:
    """Start `tenon up` with these arguments in the background; what runs already, and is what is asked for, is well.

    Raises StartFailed where it does not become ready, AlreadyRunning where something else runs from this state folder.
    """
    prepare_folders(settings)
    try:
        with hold_lock(settings):
            pass  # Said here where another runs, before its log gets a line of ours.
    except AlreadyRunning:
        if not _runs_as_asked(settings, watch="--watch" in arguments):
            raise
        write(f"Tenon runs already at {settings.url}, as it is asked for. Try: {call_to_copy(settings)}")
        return 0
    log = settings.log("up")
    position = size_of(log)
    listen, caller = os.pipe()
    with open_log(log) as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "services.cli", "up", *arguments, "--caller", str(caller)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(caller,),
            start_new_session=True,
        )
    os.close(caller)
    try:
        if _listen(listen, write):
            return 0
    except KeyboardInterrupt:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait()
        raise
    supervisor.wait()
    raise StartFailed(
        "The supervisor ended before all was ready.",
        mend=f"read {log} and start again.",
        details=tail(log, lines=20, since=position),
    )


def _runs_as_asked(settings: Settings, *, watch: bool) -> bool:
    """Whether all is ready that runs from this state folder, with these settings and with the contracts as they are.

    With `watch`, they are to be followed too.

    Raises AlreadyRunning where it is ready with others.
    """
    try:
        status = ask_status(read_running(settings))
    except NotRunning:
        return False
    lacks_watch = watch and WATCHER not in {process["name"] for process in status["processes"]}
    if status["ready"] and (lacks_watch or compile_key(settings)):
        pid = status["processes"][0]["pid"]
        raise AlreadyRunning(
            f"Another `tenon up` (process {pid}) runs from {settings.home}, "
            "with other settings or with contracts as they were.",
            mend="stop it by `tenon down` and start again, or set TENON_HOME to another folder.",
        )
    return bool(status["ready"])


def _listen(descriptor: int, write: Callable[[str], None]) -> bool:
    """Pass on what the supervisor tells; return whether it became ready, or raise StartFailed with its words."""
    with os.fdopen(descriptor, "rb") as lines:
        for line in lines:
            told = json.loads(line)
            if "ready" in told:
                return True
            if "failed" in told:
                raise StartFailed(told["failed"])
            write(told["line"])
    return False
