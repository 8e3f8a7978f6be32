"""Runs one case: a driver in a process of its own, and the CPU of everybody else while its window is open."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load.cpu import read_cpu
from tests.load.job import Outcome, write_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.load.cases import Case

MICROSECONDS = 1e6


class CaseFailed(Exception):
    """A case could not be measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What one run of one case has shown."""

    rate: float
    """Good answers per second."""
    p50: float
    """Milliseconds that half of them took at most."""
    p99: float
    """Milliseconds that 99 of 100 took at most."""
    service: float
    """Microseconds of CPU per request in the service."""
    edge: float
    """The same in the edge."""
    postgres: float
    """The same in all processes of Postgres."""
    client: float
    """The same in the driver."""


async def measure(case: Case, postgres: Callable[[], frozenset[int]]) -> Sample:
    """Run a case once; raises CaseFailed where an answer is not what it should be."""
    driver = await asyncio.create_subprocess_exec(
        sys.executable, "-m", case.driver, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    driver.stdin.write(write_job(case.job).encode())
    await driver.stdin.drain()
    groups = (case.service, case.edge, postgres(), frozenset({driver.pid}))
    before = after = [0.0] * len(groups)
    last = ""
    async for line in driver.stdout:
        last = line.decode().strip()
        if last == "open":
            # Backends are opened as they are needed, so that they are only all there by now.
            groups = (*groups[:2], postgres(), groups[3])
            before = [read_cpu(group) for group in groups]
        elif last == "close":
            after = [read_cpu(group) for group in groups]
    if await driver.wait() or not last.startswith("{"):
        raise CaseFailed(f"{case.key}: the driver failed; see above.")
    outcome = Outcome(**json.loads(last))
    if outcome.failures or not outcome.answers:
        failed = f"{outcome.failures} answers failed, the first so: {outcome.failure}"
        raise CaseFailed(f"{case.key}: {failed}")
    spent = [(b - a) / outcome.answers * MICROSECONDS for a, b in zip(before, after, strict=True)]
    return Sample(
        rate=outcome.answers / outcome.seconds,
        p50=outcome.p50 * 1000,
        p99=outcome.p99 * 1000,
        service=spent[0],
        edge=spent[1],
        postgres=spent[2],
        client=spent[3],
    )
