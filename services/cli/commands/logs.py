"""`tenon logs`: shows the log of a process, and follows it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from services.cli.errors import CommandError
from services.cli.logs import read_new, size_of, tail

if TYPE_CHECKING:
    from pathlib import Path

    from services.cli.settings import Settings

LINES = 200
INTERVAL = 0.2


def run_logs(settings: Settings, name: str, *, follow: bool, lines: int = LINES) -> int:
    """Show the end of a process's log; a service's name stands for all its workers."""
    known = {path.stem: path for path in sorted(settings.logs.glob("*.log"))}
    chosen = [path for stem, path in known.items() if name == stem or stem.rpartition("-")[0] == name]
    if not chosen:
        names = ", ".join(known) or "none yet"
        raise CommandError(f"There is no log of {name!r}.", mend=f"name one of these: {names}.")
    positions = {path: size_of(path) for path in chosen}
    for path in chosen:
        if len(chosen) > 1:
            sys.stdout.write(f"==> {path.stem} <==\n")
        sys.stdout.writelines(f"{line}\n" for line in tail(path, lines=lines))
    sys.stdout.flush()
    while follow:
        _show_new(positions)
        time.sleep(INTERVAL)
    return 0


def _show_new(positions: dict[Path, int]) -> None:
    for path, position in positions.items():
        for block in read_new(path, position):
            sys.stdout.buffer.write(block)
        positions[path] = size_of(path)
    sys.stdout.flush()
