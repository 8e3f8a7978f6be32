"""`tenon status`: how each process fares, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from services.cli.supervision.control import ask_status

if TYPE_CHECKING:
    from services.cli.settings import Settings

MEBIBYTE = 1024 * 1024
COLUMNS = ("NAME", "PID", "HEALTH", "MEMORY", "RESTARTS", "UPTIME", "ENDPOINT")


def run_status(settings: Settings, *, as_json: bool) -> int:
    """Show the state of the stack; return 0 where all is well and 1 where something is not."""
    status = ask_status(settings)
    sys.stdout.write(f"{json.dumps(status, indent=2)}\n" if as_json else render_table(status))
    return 0 if status["ready"] else 1


def render_table(status: dict[str, Any]) -> str:
    """Return the state as a table, with a line that sums it up."""
    rows = [COLUMNS, *(_row(process) for process in status["processes"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    word = "ready" if status["ready"] else "not ready"
    lines.append(f"Tenon is {word} at {status['url']}, {_memory(status['memory'])} in all, state in {status['home']}.")
    return "\n".join(lines) + "\n"


def _row(process: dict[str, Any]) -> tuple[str, ...]:
    return (
        process["name"],
        str(process["pid"] or "-"),
        process["health"],
        _memory(process["memory"]),
        str(process["restarts"]),
        _duration(process["uptime"]),
        process["endpoint"],
    )


def _memory(count: int) -> str:
    return f"{count / MEBIBYTE:.0f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{value} {unit}" for value, unit in parts if value]
    return " ".join(shown[:2]) or "0 s"
