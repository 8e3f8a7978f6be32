"""`python -m tests.load.graph`: what a query costs in GraphQL and a Search, beside lists over REST, at one edge."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.load.cases import FLIGHTS, PAGE, Case, Key, Operation, Way
from tests.load.job import Job
from tests.load.machine import describe_machine, warn_if_busy
from tests.load.measure import measure
from tests.load.stack import run_stack

if TYPE_CHECKING:
    from tests.load.measure import Sample
    from tests.load.stack import Stack

DRIVER = "tests.load.drive_rest"
AIRPORTS = "/flightops/v1/airports"
FIELDS = "name date airline number etag"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One thing that is asked, over and over."""

    label: str
    """What the report calls it."""
    verb: str
    """The HTTP verb."""
    text: str
    """Path and body."""
    rows: int
    """Records that must come back."""


def graphql(query: str) -> str:
    """Return path and body of a GraphQL request."""
    return "/data/v1/graphql\n" + json.dumps({"query": query})


def questions(name: str) -> tuple[Question, ...]:
    """Return what is compared; `name` is a flight that exists."""
    page = f"flights(first: {PAGE})"
    nested = "airlineRecord { displayName } originRecord { displayName latitude }"
    return (
        Question(label="REST: a flight, all 23 fields", verb="GET", text=f"/flightops/v1/{name}", rows=1),
        Question(
            label="GraphQL: a flight, 5 fields",
            verb="POST",
            text=graphql(f'{{ flight(name: "{name}") {{ {FIELDS} }} }}'),
            rows=1,
        ),
        Question(label="REST: 50 flights, all 23 fields", verb="GET", text=f"{FLIGHTS}?pageSize={PAGE}", rows=PAGE),
        Question(
            label="GraphQL: 50 flights, 5 fields",
            verb="POST",
            text=graphql(f"{{ {page} {{ nodes {{ {FIELDS} }} pageInfo {{ endCursor hasNextPage }} }} }}"),
            rows=PAGE,
        ),
        Question(
            label="GraphQL: the same, with cursors",
            verb="POST",
            text=graphql(f"{{ {page} {{ edges {{ cursor node {{ {FIELDS} }} }} }} }}"),
            rows=PAGE,
        ),
        Question(
            label="GraphQL: the same, with two references each",
            verb="POST",
            text=graphql(f"{{ {page} {{ nodes {{ {FIELDS} {nested} }} }} }}"),
            rows=PAGE,
        ),
        Question(label="REST: 50 airports by List", verb="GET", text=f"{AIRPORTS}?pageSize={PAGE}", rows=PAGE),
        Question(
            label="REST: 50 airports by Search, of 250 that match",
            verb="GET",
            text=f"{AIRPORTS}:search?query=regional&pageSize={PAGE}",
            rows=PAGE,
        ),
    )


def main() -> int:
    """Run the bench; return 0 where everything could be measured, whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.graph", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each is run, in turn (3)")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each run is counted (2)")
    parser.add_argument("--level", type=int, default=16, help="requests under way at once (16)")
    parser.add_argument(
        "--home", type=Path, default=Path(".tenon/bench"), help="the state folder, kept for the next time"
    )
    arguments = parser.parse_args()
    sys.stdout.write(f"{describe_machine()}\n{warn_if_busy()}\n")
    with run_stack(arguments.home.absolute()) as stack:
        report = asyncio.run(
            measure_questions(stack, runs=arguments.runs, seconds=arguments.seconds, level=arguments.level)
        )
    sys.stdout.write(f"{report}\n{warn_if_busy()}\n")
    return 0


async def measure_questions(stack: Stack, *, runs: int, seconds: float, level: int) -> str:
    """Ask each question over and over, `level` at once, and return a table: medians of the runs."""
    connection = await stack.connect()
    try:
        name = await connection.fetchval("SELECT name FROM tenon_flightops_v1.flights LIMIT 1")
    finally:
        await connection.close()
    asked = questions(name)
    samples: dict[str, list[Sample]] = {question.label: [] for question in asked}
    for _ in range(runs):
        # Interleaved, so that whatever else the machine does meets all alike; a token each time, as they expire.
        token = await stack.token()
        for question in asked:
            case = _case(stack, question, token, seconds=seconds, level=level)
            samples[question.label].append(await measure(case, lambda: stack.cpu_of("postgres")))
    return "\n".join([_row("", *HEADS), *(_row(label, *_figures(found)) for label, found in samples.items())])


def _case(stack: Stack, question: Question, token: str, *, seconds: float, level: int) -> Case:
    job = Job(
        target=stack.settings.url.removeprefix("http://"),
        requests=(question.text,),
        kind=question.verb,
        token=token,
        connections=level,
        warm_up=0.7,
        seconds=seconds,
        rows=question.rows,
    )
    key = Key(Way.REST, Operation.LIST if question.rows == PAGE else Operation.GET, level)
    service, edge = stack.cpu_of("data-0"), stack.cpu_of("envoy")
    return Case(key=key, driver=DRIVER, job=job, service=service, edge=edge)


HEADS = ("req/s", "p50 ms", "p99 ms", "service µs", "edge µs", "sum µs", "postgres µs")


def _figures(samples: list[Sample]) -> tuple[str, ...]:
    def median(name: str) -> float:
        return statistics.median(float(getattr(sample, name)) for sample in samples)

    both = statistics.median(sample.service + sample.edge for sample in samples)
    whole = [median("rate"), median("p50"), median("p99"), median("service"), median("edge"), both, median("postgres")]
    return tuple(f"{value:,.1f}" if 1 <= place <= 2 else f"{value:,.0f}" for place, value in enumerate(whole))


def _row(label: str, *cells: str) -> str:
    return f"{label:<46}" + "".join(f"{cell:>13}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
