"""`tenon down`: asks the supervisor to stop everything, and waits until it has."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from services.cli.errors import CommandError
from services.cli.home import read_holder

if TYPE_CHECKING:
    from services.cli.settings import Settings

PATIENCE = 90.0
"""Seconds that an orderly stop may take."""


def run_down(settings: Settings) -> int:
    """Stop the stack of this state folder; where nothing runs, that is well too."""
    holder = read_holder(settings)
    if holder is None:
        sys.stdout.write(f"Nothing runs from {settings.home}.\n")
        return 0
    if not holder.pid:
        raise CommandError(f"It cannot be known which process holds {settings.home}.", mend="try again in a moment.")
    with suppress(ProcessLookupError):
        os.kill(holder.pid, signal.SIGTERM)
    begun = time.monotonic()
    while read_holder(settings) is not None:
        if time.monotonic() - begun > PATIENCE:
            raise CommandError(
                f"The supervisor (process {holder.pid}) has not stopped in {PATIENCE:.0f} s.",
                mend=f"read {settings.log('up')}, then end it by `kill -9 {holder.pid}`: the next start recovers.",
            )
        time.sleep(0.05)
    sys.stdout.write(f"Stopped in {time.monotonic() - begun:.1f} s.\n")
    return 0
