"""The targets, each as a ratio within one run, so that whatever slows a whole run down is in both of its parts."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.load.cases import Key, Operation, Way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.load.measure import Sample

Results = dict[Key, list["Sample"]]
"""The samples of each case, run by run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """One figure against another."""

    title: str
    """What is compared."""
    values: tuple[float, ...]
    """The ratio in each run."""
    goal: float = 0.0
    """What is to be reached, or 0 where it is only told."""
    at_most: bool = False
    """Whether less is better."""

    @property
    def median(self) -> float:
        """The ratio that counts."""
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached, where there is one."""
        if not self.goal:
            return True
        return self.median <= self.goal if self.at_most else self.median >= self.goal

    def __str__(self) -> str:
        """Return it in one line."""
        line = f"  {self.title:<66}{self.median:6.2f} ({min(self.values):.2f}..{max(self.values):.2f})"
        if not self.goal:
            return line
        verdict = "met" if self.is_met else f"NOT MET, by {abs(self.median / self.goal - 1):.0%}"
        return f"{line:<92}  {'at most' if self.at_most else 'at least'} {self.goal:.1f}: {verdict}"


def judge(results: Mapping[Key, Sequence[Sample]], level: int) -> tuple[Ratio, ...]:
    """Return every target with what was reached."""
    return (*_budgets(results, level), *_between(results, level), *_rest(results, level))


def tell_more(results: Mapping[Key, Sequence[Sample]], level: int) -> tuple[Ratio, ...]:
    """Return ratios without a target that a reader needs in order to believe the others."""

    def cpu(operation: Operation, way: Way, title: str) -> Ratio:
        ours = results[Key(Way.GRPC, operation, level)]
        floor = results[Key(way, Operation.NOOP, level)]
        values = tuple(a.service / b.service for a, b in zip(ours, floor, strict=True))
        return Ratio(title=title, values=values)

    found = [
        cpu(operation, Way.FLOOR, f"{operation.value}: CPU of the service against the no-op of grpcio alone")
        for operation in Operation
    ]
    levels = sorted({key.level for key in results} - {level})
    for operation in (Operation.GET, Operation.LIST):
        found += [
            _rates(
                results,
                Way.GRPC,
                Way.HTTPX,
                operation,
                level=at,
                title=f"{operation.value}, gRPC against httpx, {at} at once",
            )
            for at in levels
        ]
        ours, theirs = (results[Key(way, operation, level)] for way in (Way.GRPC, Way.HTTPX))
        values = tuple((b.client + b.service) / (a.client + a.service) for a, b in zip(ours, theirs, strict=True))
        title = f"{operation.value}, httpx against gRPC, {level} at once: CPU of both ends"
        found.append(Ratio(title=title, values=values))
    for operation in (Operation.GET, Operation.LIST):
        title = f"{operation.value}, REST: req/s against equal duties, its hop with mTLS as ours"
        found.append(_rates(results, Way.REST, Way.EQUAL_TLS, operation, level=level, title=title))
    return tuple(found)


def _budgets(results: Mapping[Key, Sequence[Sample]], level: int) -> list[Ratio]:
    floor = results[Key(Way.GRPC, Operation.NOOP, level)]
    return [
        Ratio(
            title=f"{operation.value}: CPU of the service against the no-op behind our chain",
            values=tuple(
                a.service / b.service for a, b in zip(results[Key(Way.GRPC, operation, level)], floor, strict=True)
            ),
            goal=goal,
            at_most=True,
        )
        for operation, goal in ((Operation.GET, 1.6), (Operation.LIST, 1.8), (Operation.CREATE, 2.5))
    ]


def _between(results: Mapping[Key, Sequence[Sample]], level: int) -> list[Ratio]:
    return [
        _rates(
            results,
            Way.GRPC,
            Way.HTTPX,
            operation,
            level=level,
            title=f"{operation.value}, service to service: gRPC against httpx, {level} at once",
            goal=3.0,
        )
        for operation in (Operation.GET, Operation.LIST)
    ]


def _rest(results: Mapping[Key, Sequence[Sample]], level: int) -> list[Ratio]:
    wanted = (
        (Operation.GET, Way.EQUAL, "req/s against FastAPI with equal duties", 1.2),
        (Operation.LIST, Way.EQUAL, "req/s against FastAPI with equal duties", 1.8),
        (Operation.LIST, Way.BARE, "req/s against FastAPI without a gateway", 1.2),
    )
    return [
        _rates(results, Way.REST, theirs, operation, level=level, title=f"{operation.value}, REST: {title}", goal=goal)
        for operation, theirs, title, goal in wanted
    ]


def _rates(
    results: Mapping[Key, Sequence[Sample]],
    ours: Way,
    theirs: Way,
    operation: Operation,
    *,
    level: int,
    title: str,
    goal: float = 0.0,
) -> Ratio:
    pairs = zip(results[Key(ours, operation, level)], results[Key(theirs, operation, level)], strict=True)
    return Ratio(title=title, values=tuple(a.rate / b.rate for a, b in pairs), goal=goal)
