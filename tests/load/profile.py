"""Where the time of the service goes: a worker of data that profiles itself while one case is driven."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.load.measure import measure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.load.cases import Case
    from tests.load.floor import Floor

SHARE = 0.01
"""What is less than this part of the whole is summed up."""

PATIENCE = 10.0
"""Seconds in which the worker must have written its profile."""


async def profile(floor: Floor, case: Case) -> str:
    """Return the shares of the service's CPU by module, while a case is driven against the bench's worker."""
    pid = floor.pids["worker"]
    await asyncio.to_thread(floor.profile.unlink, missing_ok=True)
    job = replace(case.job, target=f"unix:{floor.worker}")
    os.kill(pid, signal.SIGUSR1)
    await measure(replace(case, job=job), frozenset)
    os.kill(pid, signal.SIGUSR2)
    return _render(await asyncio.to_thread(_read, floor.profile))


def _read(path: Path) -> Counter[str]:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("The worker has written no profile.")
        time.sleep(0.05)
    return Counter(json.loads(path.read_text()))


def _render(seconds: Counter[str]) -> str:
    whole = seconds.total()
    shown = [(place, spent) for place, spent in seconds.most_common() if spent >= SHARE * whole]
    rest = whole - sum(spent for _, spent in shown)
    return "\n".join(f"  {spent / whole:6.1%}  {place}" for place, spent in (*shown, ("all else", rest)))
