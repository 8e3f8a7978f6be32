"""Shows how far the loading is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 30
"""Characters of a full bar."""

REDRAW = 0.1
"""Seconds between two pictures of the bar."""


class Progress:
    """The progress of one kind of record."""

    def __init__(self, title: str, total: int, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what is loaded, how many there are, where to show it, and a clock in seconds."""
        self._title = title
        self._total = total
        self._stream = stream
        self._clock = clock
        self._bar = stream.isatty()
        self._started = clock()
        self._drawn = float("-inf")
        self._told = 0

    def __call__(self, done: int) -> None:
        """Show that so many are done."""
        if self._bar:
            self._draw(done)
        elif done * 10 // self._total > self._told:
            self._told = done * 10 // self._total
            self._stream.write(f"{self._title}: {done:,} of {self._total:,}{self._rate(done)}\n")
            self._stream.flush()

    def _draw(self, done: int) -> None:
        now = self._clock()
        if now - self._drawn < REDRAW and done < self._total:
            return
        self._drawn = now
        filled = WIDTH * done // self._total
        bar = "█" * filled + "·" * (WIDTH - filled)
        end = "\n" if done >= self._total else ""
        self._stream.write(f"\r{self._title:<9}{bar} {done:>7,} of {self._total:,}{self._rate(done)}\x1b[K{end}")
        self._stream.flush()

    def _rate(self, done: int) -> str:
        seconds = self._clock() - self._started
        return f", {done / seconds:,.0f}/s" if seconds >= 1 else ""
