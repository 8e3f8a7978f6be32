"""The bench's report: one table of medians, and the targets with what was reached."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from tests.load.cases import Operation, Way
from tests.load.measure import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One figure that is to be reached."""

    title: str
    """What is compared."""
    goal: float
    """The ratio to reach."""
    reached: float
    """The ratio that was measured."""
    at_most: bool
    """Whether less is better."""

    @property
    def is_met(self) -> bool:
        """Whether the figure is reached."""
        return self.reached <= self.goal if self.at_most else self.reached >= self.goal

    def __str__(self) -> str:
        """Return the target in one line."""
        bound = "at most" if self.at_most else "at least"
        verdict = "met" if self.is_met else f"NOT MET, by {abs(self.reached / self.goal - 1):.0%}"
        return f"  {self.title:<72} {bound} {self.goal:.1f}   measured {self.reached:5.2f}   {verdict}"


def median_of(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure."""
    return Sample(
        **{field.name: statistics.median(getattr(sample, field.name) for sample in samples) for field in fields(Sample)}
    )


def render_table(results: Mapping[tuple[Way, Operation], Sample]) -> str:
    """Return the table, operation by operation, so that what is compared stands together."""
    head = f"{'':<46}{'req/s':>8}{'p50 ms':>8}{'p99 ms':>8}   {'service':>8}{'edge':>8}{'Postgres':>9}{'client':>8}"
    lines = [f"{'':<46}{'':>24}   {'CPU per request, µs':>33}", head]
    for operation in Operation:
        lines.append(operation.value)
        lines += [_line(way, results[way, operation]) for way in Way if (way, operation) in results]
    return "\n".join(lines)


def _line(way: Way, sample: Sample) -> str:
    speed = f"{sample.rate:>8,.0f}{sample.p50:>8.1f}{sample.p99:>8.1f}"
    cost = f"{sample.service:>8.0f}{sample.edge:>8.0f}{sample.postgres:>9.0f}{sample.client:>8.0f}"
    return f"  {way.value:<44}{speed}   {cost}"


def judge(results: Mapping[tuple[Way, Operation], Sample]) -> tuple[Target, ...]:
    """Return every target with what was reached."""

    def rate(way: Way, operation: Operation) -> float:
        return results[way, operation].rate

    floor = results[Way.GRPC, Operation.NOOP].service
    budgets = ((Operation.GET, 1.6), (Operation.LIST, 1.8), (Operation.CREATE, 2.5))
    targets = [
        Target(
            title=f"{operation.value}: CPU of the service against the no-op's, over gRPC",
            goal=goal,
            reached=results[Way.GRPC, operation].service / floor,
            at_most=True,
        )
        for operation, goal in budgets
    ]
    comparisons = (
        ("Get, service to service: gRPC against httpx → FastAPI", Way.GRPC, Way.HTTPX, Operation.GET, 3.0),
        ("List 50, service to service: gRPC against httpx → FastAPI", Way.GRPC, Way.HTTPX, Operation.LIST, 3.0),
        ("Get, REST: req/s against FastAPI with equal duties", Way.REST, Way.EQUAL, Operation.GET, 1.2),
        ("List 50, REST: req/s against FastAPI with equal duties", Way.REST, Way.EQUAL, Operation.LIST, 1.8),
        ("List 50, REST: req/s against FastAPI without a gateway", Way.REST, Way.BARE, Operation.LIST, 1.2),
    )
    targets += [
        Target(title=title, goal=goal, reached=rate(ours, what) / rate(theirs, what), at_most=False)
        for title, ours, theirs, what, goal in comparisons
    ]
    return tuple(targets)
