"""The parts of a filter that has been checked: every field is known, every value has its field's kind."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.records.filter.fields import Path


class Operator(enum.Enum):
    """What a test asks."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "~"
    """That a text has the form of a pattern."""
    UNLIKE = "!~"
    """That a text has not."""
    BEGINS = "^"
    """That a text begins so: it lies between the value and what the parameter `<value>_end` holds."""
    HOLDS = "?"
    """That a text, or any element of a list of texts, has a form; the case of ASCII's letters is one."""
    CONTAINS = ":"
    """That a list has an element of this value."""
    CONTAINS_LIKE = ":~"
    """That a list has an element of this form."""
    PRESENT = ":*"
    """That it is there and is not its default."""


@dataclass(slots=True)
class Test:
    """One question about one row, true or false. What is unset on the way makes it false, `!=` included."""

    path: Path
    """Where the value stands."""
    operator: Operator
    """What is asked of it."""
    keys: tuple[str, ...]
    """The parameters that hold the keys of maps on the path, in order."""
    value: str
    """The parameter that holds the value, or empty for PRESENT."""


@dataclass(slots=True)
class Not:
    """True where the term is not."""

    term: Condition
    """What must not be true."""


@dataclass(slots=True)
class All:
    """True where all terms are."""

    terms: list[Condition]
    """Two or more."""


@dataclass(slots=True)
class Any:
    """True where any term is."""

    terms: list[Condition]
    """Two or more."""


Condition = Test | Not | All | Any
