"""`make bench`: what ours costs, beside FastAPI on the same Postgres and the same rows, in one run."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.load.cases import Load, Operation, Way, build_cases
from tests.load.measure import CaseFailed, Sample, measure
from tests.load.processes import SOURCE, delete_created, run_rivals, run_stack
from tests.load.profile import profile
from tests.load.report import judge, median_of, render_table

if TYPE_CHECKING:
    from tests.load.processes import Rivals, Stack

NAMES = 1000
"""Flights that are read in turn."""


def main() -> int:
    """Run the bench; return 0 where every case could be measured, whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each case is run, in turn (3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each run is counted (3)")
    parser.add_argument("--connections", type=int, default=16, help="requests under way at once (16)")
    parser.add_argument(
        "--home", type=Path, default=Path(".tenon/bench"), help="the state folder, kept for the next time"
    )
    arguments = parser.parse_args()
    load = Load(connections=arguments.connections, warm_up=1.0, seconds=arguments.seconds)
    # Whoever else uses the machine shows in every figure, so that a reader must know of it.
    _say(f"Load average before the bench: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with run_stack(arguments.home.absolute()) as stack:
        try:
            asyncio.run(_bench(stack, load, arguments.runs))
        except CaseFailed as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


async def _bench(stack: Stack, load: Load, runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with run_rivals(stack, folder) as rivals:
            results = await _measure_all(stack, rivals, load, runs)
            targets = judge(results)
            _say(f"\n{_machine()}, {load.connections} connections, medians of {runs} runs of {load.seconds:g} s\n")
            _say(render_table(results))
            _say("\nTargets:")
            for target in targets:
                _say(str(target))
            if not all(target.is_met for target in targets):
                await _explain(stack, rivals, load, folder)
        await _clean(stack)


async def _measure_all(stack: Stack, rivals: Rivals, load: Load, runs: int) -> dict[tuple[Way, Operation], Sample]:
    names = await _choose_names(stack)
    samples: dict[tuple[Way, Operation], list[Sample]] = defaultdict(list)
    for run in range(runs):
        # Interleaved, so that whatever else the machine does meets all cases alike; a token each time, as they expire.
        for case in build_cases(stack, rivals, names, load, await stack.token()):
            _progress(f"run {run + 1} of {runs}: {case.operation.value}, {case.way.value}")
            samples[case.way, case.operation].append(await measure(case, lambda: stack.cpu_of("postgres")))
    _progress("")
    return {key: median_of(found) for key, found in samples.items()}


async def _explain(stack: Stack, rivals: Rivals, load: Load, folder: Path) -> None:
    """Show where the service's time goes in the two cases that have targets of their own."""
    cases = build_cases(stack, rivals, await _choose_names(stack), load, await stack.token())
    for operation in (Operation.GET, Operation.LIST):
        case = next(c for c in cases if c.way is Way.GRPC and c.operation is operation)
        _say(f"\nWhere the time goes, {operation.value} over gRPC (the profiler slows Python down):")
        _say(await profile(stack, case, folder))


async def _choose_names(stack: Stack) -> tuple[str, ...]:
    connection = await stack.connect()
    try:
        rows = await connection.fetch(f"SELECT name FROM {SOURCE} ORDER BY md5(name) LIMIT {NAMES}")  # noqa: S608 (ours)
        return tuple(row["name"] for row in rows)
    finally:
        await connection.close()


async def _clean(stack: Stack) -> None:
    connection = await stack.connect()
    try:
        await delete_created(connection)
        await connection.execute("DROP SCHEMA IF EXISTS bench CASCADE")
    finally:
        await connection.close()


def _machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
