"""The parts of a filter as it is written: no more is known than that it can be read.

They are not frozen, nor are those of `conditions`: each filter makes many, and freezing doubles what they cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.records.filter.lexer import Token


@dataclass(slots=True)
class Restriction:
    """A comparison: `path operator value`."""

    path: list[Token]
    """The words between the dots."""
    operator: str
    """One of `= != < <= > >= :`."""
    value: Token
    """What the field is compared with."""


@dataclass(slots=True)
class Word:
    """A word or a string that stands for itself: some text of the record holds it."""

    text: str
    """What is looked for."""
    pieces: tuple[str, ...]
    """What stands between its stars; empty where it has none."""
    offset: int
    """Where it begins, in characters from 0."""


@dataclass(slots=True)
class Negation:
    """`NOT term` or `-term`."""

    term: Expression
    """What must not be true."""


@dataclass(slots=True)
class Conjunction:
    """All terms, joined by AND or standing beside each other."""

    terms: list[Expression]
    """Two or more."""


@dataclass(slots=True)
class Disjunction:
    """Any of the terms, joined by OR, which binds tighter than AND."""

    terms: list[Expression]
    """Two or more."""


Expression = Restriction | Word | Negation | Conjunction | Disjunction
