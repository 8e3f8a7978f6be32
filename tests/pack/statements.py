"""The statements: each has its number in the list of what the AIPs ask for, and one function that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.pack.kit import Kit

if TYPE_CHECKING:
    from services.chassis.contract import StandardKind

Check = Callable[[Kit], None]


@dataclass(frozen=True)
class Statement:
    """One statement."""

    number: int
    """Its number in the list."""
    name: str
    """What must hold, as the name of its function says it."""
    applies: Callable[[Kit], bool]
    """Whether a record has what it takes."""
    check: Check
    """Shows it, or raises AssertionError."""


STATEMENTS: list[Statement] = []


def statement(number: int, *kinds: StandardKind, when: Callable[[Kit], bool] | None = None) -> Callable[[Check], Check]:
    """Add a function to the statements; it is run for records that have these methods, and `when` that holds."""

    def add(check: Check) -> Check:
        def applies(kit: Kit) -> bool:
            return kit.can(*kinds) and (when is None or when(kit))

        STATEMENTS.append(Statement(number, check.__name__, applies, check))
        return check

    return add
