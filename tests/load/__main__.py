"""`make bench`: what ours costs, beside FastAPI on the same Postgres and the same rows, in one run."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.load.auth import measure_auth
from tests.load.cases import Key, Load, Operation, Subjects, Way, build_cases
from tests.load.floor import run_floor
from tests.load.graph import measure_questions
from tests.load.judge import judge, tell_more
from tests.load.launch import launcher
from tests.load.machine import describe_machine, warn_if_busy
from tests.load.measure import CaseFailed, Sample, measure
from tests.load.profile import profile
from tests.load.report import render_table
from tests.load.rival.launch import run_rivals
from tests.load.sameness import check_sameness
from tests.load.stack import SOURCE, delete_created, run_stack
from tests.load.startup import measure_startup
from tests.load.watch import measure_watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.load.judge import Results
    from tests.load.stack import Stack

NAMES = 1000
"""Flights that are read in turn."""


def main() -> int:
    """Run the bench; return 0 where every case could be measured, whatever the figures are."""
    arguments = _read_arguments()
    load = Load(level=arguments.level, levels=(1, 4), warm_up=0.7, seconds=arguments.seconds)
    started = time.monotonic()
    # Whoever else uses the machine shows in every figure, so that a reader must know of it.
    _say(f"{describe_machine()}\n{warn_if_busy()}")
    if not arguments.no_startup:
        _say(measure_startup())
    with run_stack(arguments.home.absolute()) as stack:
        try:
            asyncio.run(_bench(stack, load, arguments.runs))
            asyncio.run(_bench_more(stack, load, arguments.runs))
        except CaseFailed as error:
            sys.stderr.write(f"{error}\n")
            return 1
    _say(f"\nThe bench took {time.monotonic() - started:.0f} s.")
    return 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each case is run, in turn (3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each run is counted (2)")
    parser.add_argument("--level", type=int, default=16, help="requests under way at once (16)")
    parser.add_argument("--no-startup", action="store_true", help="leave start-up time and idle memory out")
    home = Path(".tenon/bench")
    parser.add_argument("--home", type=Path, default=home, help="the state folder, kept for the next time")
    return parser.parse_args()


async def _bench(stack: Stack, load: Load, runs: int) -> None:
    async with _run_subjects(stack) as subjects:
        _say(await check_sameness(subjects, await stack.token()))
        results = await _measure_all(subjects, load, runs)
        targets = judge(results, load.level)
        _say(f"\n{load.level} requests at once, medians of {runs} runs of {load.seconds:g} s\n")
        _say(render_table(results, load.level))
        _say("\nTargets (median of the runs' ratios, min..max):")
        _say("\n".join(map(str, targets)))
        _say("\nBeside them:")
        _say("\n".join(map(str, tell_more(results, load.level))))
        if not all(target.is_met for target in targets):
            await _explain(subjects, load)
        _say(warn_if_busy())


async def _bench_more(stack: Stack, load: Load, runs: int) -> None:
    """Measure what has no rival here: GraphQL and Search beside lists, a crowd that watches, and auth."""
    _say(f"\nGraphQL and Search beside REST, {load.level} requests at once\n")
    _say(await measure_questions(stack, runs=runs, seconds=load.seconds, level=load.level))
    _say("\nWatch: everyone is told of every change\n")
    _say(str(await measure_watch(stack)))
    _say(f"\nAuth: tokens, renewals, introspection and sign-ins, {load.level} at once\n")
    _say(str(await measure_auth(stack, runs=runs, seconds=load.seconds, level=load.level)))


@asynccontextmanager
async def _run_subjects(stack: Stack) -> AsyncIterator[Subjects]:
    with tempfile.TemporaryDirectory() as name:
        async with launcher(Path(name)) as started:
            rivals = await run_rivals(stack, started)
            floor = await run_floor(stack, started)
            try:
                yield Subjects(stack=stack, floor=floor, rivals=rivals, names=await _choose_names(stack))
            finally:
                await _clean(stack)


async def _measure_all(subjects: Subjects, load: Load, runs: int) -> Results:
    samples: defaultdict[Key, list[Sample]] = defaultdict(list)
    for run in range(runs):
        # Interleaved, so that whatever else the machine does meets all cases alike; a token each time, as they expire.
        for case in build_cases(subjects, load, await subjects.stack.token()):
            _progress(f"run {run + 1} of {runs}: {case.key}")
            samples[case.key].append(await measure(case, lambda: subjects.stack.cpu_of("postgres")))
    _progress("")
    return samples


async def _explain(subjects: Subjects, load: Load) -> None:
    """Show where the service's time goes: the cases that have targets, and the no-op that they are held against."""
    cases = {case.key: case for case in build_cases(subjects, load, await subjects.stack.token())}
    for operation in (Operation.NOOP, Operation.GET, Operation.LIST):
        _say(
            f"\nWhere the service's CPU goes, {operation.value} over gRPC (a profiler makes Python's part look larger):"
        )
        _say(await profile(subjects.floor, cases[Key(Way.GRPC, operation, load.level)]))


async def _choose_names(stack: Stack) -> tuple[str, ...]:
    connection = await stack.connect()
    try:
        rows = await connection.fetch(f"SELECT name FROM {SOURCE} ORDER BY md5(name) LIMIT {NAMES}")
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


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
