"""What the figures were taken on, and whether somebody else was at work there."""

from __future__ import annotations

import os
import platform
from pathlib import Path

BUSY = 0.5
"""The load average, for each core, from which on the figures say more about the others than about us."""


def describe_machine() -> str:
    """Return the facts in one line."""
    model = next((line.partition(": ")[2] for line in _lines("cpuinfo") if line.startswith("model name")), "")
    total = next((int(line.split()[1]) for line in _lines("meminfo") if line.startswith("MemTotal")), 0)
    parts = (
        f"{os.cpu_count()} cores",
        model or platform.machine(),
        f"{total / 2**20:.0f} GB",
        f"Linux {platform.release()}",
        f"Python {platform.python_version()}",
    )
    return ", ".join(parts)


def warn_if_busy() -> str:
    """Return the load average, with a warning where the machine is busy."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    line = f"Load average: {load:.2f} on {cores} cores."
    if load > BUSY * cores:
        line += "\nWARNING: the machine is busy. Do not trust rates and their ratios; CPU per request suffers less."
    return line


def _lines(name: str) -> list[str]:
    try:
        return Path("/proc", name).read_text().splitlines()
    except OSError:
        return []
