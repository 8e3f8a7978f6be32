"""The bench's table: medians of all runs, operation by operation."""

from __future__ import annotations

import statistics
from dataclasses import fields
from typing import TYPE_CHECKING

from tests.load.cases import Key, Operation, Way
from tests.load.measure import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HEAD = f"{'':<56}{'req/s':>8}{'(min..max)':>16}{'p50 ms':>8}{'p99 ms':>8}"
COSTS = f"{'service':>9}{'edge':>6}{'Postgres':>9}{'client':>7}{'all':>7}"


def median_of(samples: Sequence[Sample]) -> Sample:
    """Return the median of each figure."""
    return Sample(
        **{field.name: statistics.median(getattr(sample, field.name) for sample in samples) for field in fields(Sample)}
    )


def render_table(results: Mapping[Key, Sequence[Sample]], level: int) -> str:
    """Return the table, so that what is compared stands together; `level` is the one that needs no mention."""
    lines = [f"{'':<{len(HEAD)}} {'CPU per request, µs':>{len(COSTS)}}", f"{HEAD} {COSTS}"]
    ways = list(Way)
    for operation in Operation:
        lines.append(operation.value)
        keys = [key for key in results if key.operation is operation]
        keys.sort(key=lambda key: (ways.index(key.way), key.level))
        lines += [_line(key, results[key], level) for key in keys]
    return "\n".join(lines)


def _line(key: Key, samples: Sequence[Sample], level: int) -> str:
    name = key.way.value if key.level == level else f"{key.way.value}, {key.level} at once"
    sample, rates = median_of(samples), [sample.rate for sample in samples]
    spread = f"({min(rates):,.0f}..{max(rates):,.0f})"
    speed = f"{sample.rate:>8,.0f}{spread:>16}{sample.p50:>8.1f}{sample.p99:>8.1f}"
    whole = sample.service + sample.edge + sample.postgres + sample.client
    cost = f"{sample.service:>9.0f}{sample.edge:>6.0f}{sample.postgres:>9.0f}{sample.client:>7.0f}{whole:>7.0f}"
    return f"  {name:<54}{speed} {cost}"
