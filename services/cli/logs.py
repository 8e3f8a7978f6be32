"""The logs of the processes: opened privately, kept to a size, and shown."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE_LIMIT = 10 * 1024 * 1024
"""Bytes after which a log is moved aside."""

TAIL_BYTES = 64 * 1024


def open_log(path: Path) -> IO[bytes]:
    """Open a log for a process to append to; only its owner may read it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab", buffering=0)


def rotate(path: Path, *, limit: int = SIZE_LIMIT) -> bool:
    """Move a log that has outgrown its limit aside, keeping one older; return whether it was moved.

    The process goes on writing to the file that it has open, so that file is copied and emptied, not renamed.
    """
    with suppress(FileNotFoundError):
        if path.stat().st_size > limit:
            older = path.with_name(f"{path.name}.1")
            shutil.copyfile(path, older)
            older.chmod(0o600)
            os.truncate(path, 0)
            return True
    return False


def size_of(path: Path) -> int:
    """Return how many bytes a log holds now."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def tail(path: Path, *, lines: int, since: int = 0) -> tuple[str, ...]:
    """Return the last lines of a log, of what was written after a position."""
    with suppress(FileNotFoundError), path.open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        # A log that was emptied after `since` was noted is shorter than it.
        log.seek(max(since if since <= end else 0, end - TAIL_BYTES))
        return tuple(log.read().decode(errors="replace").splitlines()[-lines:])
    return ()


def read_new(path: Path, position: int) -> Iterator[bytes]:
    """Yield what was written behind a position, from the start where the log was emptied since."""
    with suppress(FileNotFoundError), path.open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(position if position <= end else 0)
        while block := log.read(TAIL_BYTES):
            yield block
