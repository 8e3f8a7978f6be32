"""What the kernel tells about processes: when they started, what they are, who listens, how much memory they hold."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

PROC = Path("/proc")
LISTENING = "0A"
"""The state of a listening socket in `/proc/net/tcp`."""


def start_time_of(pid: int) -> int | None:
    """Return when a process started, in ticks since boot, or None where there is none; zombies count as none."""
    fields = _stat_of(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def name_of(pid: int) -> str:
    """Return the short name of a process, or an empty string."""
    with suppress(OSError):
        return (PROC / str(pid) / "comm").read_text().strip()
    return ""


def folder_of(pid: int) -> Path | None:
    """Return the working directory of a process, or None where it cannot be seen."""
    with suppress(OSError):
        return (PROC / str(pid) / "cwd").readlink()
    return None


def all_pids() -> tuple[int, ...]:
    """Return the ids of all processes that can be seen."""
    return tuple(int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()) if PROC.is_dir() else ()


def measure_memory(own: int, processes: Collection[int]) -> dict[int, int]:
    """Return the memory in bytes of processes with their descendants, and of their parent `own` without them.

    A page that is shared counts in equal parts for all that share it (PSS).
    """
    children: dict[int, list[int]] = {}
    for pid in all_pids():
        if (fields := _stat_of(pid)) is not None:
            children.setdefault(int(fields[1]), []).append(pid)

    def measure(pid: int) -> int:
        return _pss_of(pid) + sum(measure(child) for child in children.get(pid, ()))

    return {own: _pss_of(own), **{pid: measure(pid) for pid in processes}}


def _pss_of(pid: int) -> int:
    with suppress(OSError, ValueError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def find_listener(port: int) -> int | None:
    """Return the id of the process that listens on a TCP port, or None where it cannot be known."""
    inodes: set[str] = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return next((pid for pid in all_pids() if inodes and _holds_any(pid, inodes)), None)


def _holds_any(pid: int, targets: set[str]) -> bool:
    with suppress(OSError):
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if str(entry.readlink()) in targets:
                    return True
    return False


def _stat_of(pid: int) -> list[str] | None:
    with suppress(OSError):
        # The name is in parentheses and may hold any character, so the fields are counted from behind it.
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return None
