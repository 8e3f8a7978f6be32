"""How a filter is refused: what is wrong, where, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.errors import InvalidArgument, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

EXCERPT = 40
"""The most characters of the caller's text that a message repeats."""


class Mistake(Exception):
    """One thing that is wrong at one place of a filter."""

    def __init__(self, description: str, offset: int) -> None:
        """Take a clause without a full stop, and the place as an offset in characters from 0."""
        super().__init__(description)
        self.description = description
        self.offset = offset


class FilterInvalid(InvalidArgument):
    """The filter cannot be read, or asks for what the record does not have."""

    reason = "FILTER_INVALID"

    def __init__(self, text: str, mistakes: Sequence[Mistake]) -> None:
        """Take the filter and all that is wrong with it, in the order of the text."""
        descriptions = [f"{mistake.description} (at {place(text, mistake.offset)})." for mistake in mistakes]
        super().__init__(
            f"The filter is invalid: {descriptions[0]}",
            violations=[Violation(field="filter", description=description) for description in descriptions],
            metadata={"position": str(mistakes[0].offset + 1)},
        )
        self.positions = tuple(mistake.offset + 1 for mistake in mistakes)


def place(text: str, offset: int) -> str:
    """Return a place for a reader: characters count from 1, and lines are named where there are several."""
    if "\n" not in text:
        return f"position {offset + 1}"
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return f"position {offset + 1}, line {line}, column {column}"


def excerpt(text: str) -> str:
    """Return the caller's text in quotes, cut where it is long, on one line."""
    shown = text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"
    return f"'{shown.translate(_VISIBLE)}'"


_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
