"""Profiles the process that it is in, from one signal to the next: CPU time alone, so that waiting counts nothing."""

from __future__ import annotations

import cProfile
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


class Recorder:
    """A profile, and how much of the process's CPU it does not see: what runs in C outside of any Python function."""

    def __init__(self, path: Path) -> None:
        """Take the file that the result is written to."""
        self._path = path
        self._profile = cProfile.Profile()
        self._thread = self._process = 0.0

    def start(self, *_: object) -> None:
        """Begin (a signal handler)."""
        self._profile = cProfile.Profile(time.thread_time)
        self._thread, self._process = time.thread_time(), time.process_time()
        self._profile.enable()

    def stop(self, *_: object) -> None:
        """End, and write seconds by place (a signal handler)."""
        self._profile.disable()
        thread, process = time.thread_time() - self._thread, time.process_time() - self._process
        seconds = sum_by_place(self._profile.getstats())
        seconds["gRPC and uvloop, in C on the event loop"] += thread - sum(seconds.values())
        seconds["gRPC's own threads"] += process - thread
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(seconds))
        fresh.replace(self._path)


def sum_by_place(entries: Any) -> defaultdict[str, float]:
    """Return the time within functions by where they are; what is built in counts where it is called from."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for entry in entries:
        if isinstance(entry.code, str):
            continue  # built in: counted below, or called from C, and then a part of what is not seen
        place = place_of(entry.code.co_filename)
        seconds[place] += entry.inlinetime
        for call in entry.calls or ():
            if isinstance(call.code, str):
                seconds[place] += call.inlinetime
    return seconds


def place_of(path: str) -> str:
    """Return a module of ours, or the package that a file belongs to."""
    file = Path(path)
    if file.is_relative_to(REPOSITORY) and "site-packages" not in path:
        return ".".join(file.relative_to(REPOSITORY).with_suffix("").parts)
    if "site-packages" in path:
        parts = file.parts[file.parts.index("site-packages") + 1 :]
        return {"grpc": "grpc, in Python"}.get(parts[0], parts[0].removesuffix(".py"))
    return "Python's library"
