"""Tells the person at the terminal how a start goes, directly or from a detached supervisor to its caller."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Console:
    """Writes progress lines: with seconds since the start until all is ready, with the time of day from then on."""

    def __init__(self, *, write: Callable[[str], None] | None = None, caller: int | None = None) -> None:
        """Take where lines go, and the pipe to a caller who waits for a detached start."""
        self._write = write or _print
        self._caller = caller
        self._begun = time.monotonic()
        self._ready = False

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._begun

    def report(self, line: str) -> None:
        """Say what has just happened."""
        stamp = time.strftime("%H:%M:%S") if self._ready else f"{self.elapsed:6.2f} s"
        self.say(f"{stamp}  {line}")

    def say(self, line: str) -> None:
        """Say a line as it is."""
        self._write(line)
        self._tell("line", line)

    def confide(self, line: str) -> None:
        """Say a line to the person at the terminal alone: it never reaches a log."""
        if self._caller is None:
            self._write(line)
        self._tell("line", line)

    def ready(self, lines: tuple[str, ...]) -> None:
        """Say that all is ready, and let a caller go who waits for it."""
        for line in lines:
            self.say(line)
        self._ready = True
        self._tell("ready", "")
        self._hang_up()

    def failed(self, words: str) -> None:
        """Say why the start has failed, and let a caller go who waits for it."""
        if self._caller is not None:
            self._write(words)
        self._tell("failed", words)
        self._hang_up()

    def _tell(self, kind: str, text: str) -> None:
        if self._caller is not None:
            # A caller who has gone no longer listens, and that is no reason to stop.
            with suppress(OSError):
                os.write(self._caller, json.dumps({kind: text}).encode() + b"\n")

    def _hang_up(self) -> None:
        if self._caller is not None:
            with suppress(OSError):
                os.close(self._caller)
            self._caller = None


def _print(line: str) -> None:
    # A terminal that was closed must not end the supervisor.
    with suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
