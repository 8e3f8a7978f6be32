"""`tenon up --detach`: starts the supervisor in a session of its own, and waits with its caller until all is ready."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from services.cli.errors import StartFailed
from services.cli.home import hold_lock, prepare_folders
from services.cli.logs import open_log, size_of, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.cli.settings import Settings


def run_detached(settings: Settings, arguments: Sequence[str], *, write: Callable[[str], None] = print) -> int:
    """Start `tenon up` with these arguments in the background; raises StartFailed where it does not become ready."""
    prepare_folders(settings)
    with hold_lock(settings):
        pass  # Said here where another runs, before its log gets a line of ours.
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
