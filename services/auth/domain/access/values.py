"""Yes, no, and yes under conditions: the logic of three values (Kleene) that answers are computed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Value:
    """One answer; what it depends on is named where it is open."""

    state: int
    """2 for yes, 1 for open, 0 for no."""
    missing: frozenset[str] = frozenset()
    """Values of the context without which it stays open."""
    failed: frozenset[str] = frozenset()
    """Conditions that could not be evaluated, each with the cause."""

    @property
    def is_yes(self) -> bool:
        """Whether it is yes, whatever else is said."""
        return self.state == YES.state

    @property
    def is_open(self) -> bool:
        """Whether it is neither yes nor no."""
        return self.state == OPEN


OPEN = 1
"""The state of what is neither yes nor no."""

YES = Value(2)
"""Yes."""

NO = Value(0)
"""No."""


def any_of(values: Iterable[Value]) -> Value:
    """Return yes where one is yes, and no where all are."""
    result = NO
    for value in values:
        if value.state > OPEN:
            return YES
        if value.state:
            result = _joined(result, value)
    return result


def all_of(values: Iterable[Value]) -> Value:
    """Return yes where all are yes, and no where one is."""
    result = YES
    for value in values:
        if not value.state:
            return NO
        if value.state == OPEN:
            result = value if result is YES else _joined(result, value)
    return result


def without(kept: Value, taken: Iterable[Value]) -> Value:
    """Return yes where the first is yes and all others are no."""
    if not kept.state:
        return NO
    barred = any_of(taken)
    if barred.state > OPEN:
        return NO
    if not barred.state:
        return kept
    return _joined(kept, barred) if kept.state == OPEN else barred


def _joined(one: Value, other: Value) -> Value:
    return Value(OPEN, one.missing | other.missing, one.failed | other.failed)
