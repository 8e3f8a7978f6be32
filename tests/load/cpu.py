"""CPU time of processes, as the kernel accounts for it."""

from __future__ import annotations

from pathlib import Path

NANOSECONDS = 1e9


def read_cpu(pids: frozenset[int]) -> float:
    """Return the seconds that all threads of these processes have run."""
    return sum(_read_process(pid) for pid in pids)


def children_of(pid: int) -> frozenset[int]:
    """Return a process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it ended while we looked
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = {pid}, [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return frozenset(found)


def _read_process(pid: int) -> float:
    # The scheduler counts nanoseconds for each thread; `stat` would count in hundredths of a second.
    total = 0.0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[0])
        except (OSError, IndexError):
            continue  # the thread ended while we looked
    return total / NANOSECONDS
