"""Notices that contracts were saved: by looking, which works on every file system and costs next to nothing."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    Look = Mapping[str, tuple[int, int, int]]
    """Each file that counts, with when it was written, its size and its inode."""

INTERVAL = 0.05
"""Seconds between two looks."""

SETTLED = 0.05
"""Seconds in which nothing may change before a save counts as whole: editors write several files, and in steps."""

SHARE = 0.05
"""The most of one core's time that looking may take, where folders are large."""

METHODS = "methods.py"
"""The Python beside a contract, which goes live with it."""

SUFFIXES = (".proto", METHODS)


def look(roots: Sequence[Path], *, suffixes: tuple[str, ...] = SUFFIXES) -> Look:
    """Return all files below the roots that end so; hidden folders are left out, as the compiler leaves them out."""
    return {entry.path: _state(entry) for root in roots for entry in _files(os.fspath(root), suffixes)}


async def await_change(roots: Sequence[Path], seen: Look, *, suffixes: tuple[str, ...] = SUFFIXES) -> Look:
    """Wait until the files differ from what was seen and have stayed so for a moment; return how they are."""
    while True:
        begun = time.monotonic()
        now = await asyncio.to_thread(look, roots, suffixes=suffixes)
        took = time.monotonic() - begun
        if now == seen:
            await asyncio.sleep(max(INTERVAL, took / SHARE))
            continue
        before = None
        while before != now:
            before = now
            await asyncio.sleep(SETTLED)
            now = await asyncio.to_thread(look, roots, suffixes=suffixes)
        if now != seen:
            return now


def changed_names(roots: Sequence[Path], before: Look, after: Look) -> tuple[str, ...]:
    """Return the files that differ, by their paths below their root."""
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    return tuple(dict.fromkeys(_below(roots, path) for path in paths))


def _below(roots: Collection[Path], path: str) -> str:
    for root in roots:
        if path.startswith(f"{root}{os.sep}"):
            return path[len(f"{root}{os.sep}") :]
    return path


def _files(folder: str, suffixes: tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    # A folder that goes away while it is looked at has no files.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, suffixes)
            elif entry.name.endswith(suffixes):
                yield entry


def _state(entry: os.DirEntry[str]) -> tuple[int, int, int]:
    with suppress(OSError):
        found = entry.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
    return 0, 0, 0
