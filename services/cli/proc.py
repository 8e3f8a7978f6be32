"""What the kernel tells about processes: when they started, what they are, who listens, how much memory they hold."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

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


def family_of(pid: int) -> tuple[int, ...]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for other in all_pids():
        if (fields := _stat_of(other)) is not None:
            children.setdefault(int(fields[1]), []).append(other)
    family = [pid]
    for member in family:
        family.extend(children.get(member, ()))
    return tuple(family)


def memory_of(pid: int) -> int:
    """Return the memory of a process and its descendants in bytes, each shared page divided by its sharers (PSS)."""
    return sum(_pss_of(member) for member in family_of(pid))


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
