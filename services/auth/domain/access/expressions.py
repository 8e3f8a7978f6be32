"""How a relation or a permission follows from others: `direct | editor | parent.viewer`, `(member & active) - banned`.

expression  = operand { operator operand }     all operators of one level are the same
operator    = "|" (any of them), "&" (all of them), "-" (the first without the others)
operand     = "direct" | name | relation "." name | "(" expression ")"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DIRECT = "direct"
"""The word for the subjects that relations name."""

DEEPEST = 8
"""Parentheses that may be nested."""

_TOKEN = re.compile(r"\s*(?:([a-z][A-Za-z0-9_]{0,63})(?:\.([a-z][A-Za-z0-9_]{0,63}))?|([|&()-]))")


@dataclass(frozen=True, slots=True)
class Direct:
    """The subjects that relations name, and those of subject sets that they name."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Those who have another relation or permission of the same object."""

    name: str
    """The relation or permission."""


@dataclass(frozen=True, slots=True)
class Through:
    """Those who have a relation or permission of an object that a relation names."""

    relation: str
    """The relation whose subjects are objects."""
    name: str
    """What one has to have of them."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Those who are in any part."""

    parts: tuple[Expression, ...]
    """The parts."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Those who are in all parts."""

    parts: tuple[Expression, ...]
    """The parts."""


@dataclass(frozen=True, slots=True)
class Without:
    """Those who are in the first part and in none of the others."""

    kept: Expression
    """The first part."""
    taken: tuple[Expression, ...]
    """The others."""


Expression = Direct | Computed | Through | AnyOf | AllOf | Without


class ExpressionError(ValueError):
    """The text is no expression; the message says why."""


def parse_expression(text: str) -> Expression:
    """Return what a text says. Raises `ExpressionError`."""
    parser = _Parser(list(_tokens(text)))
    parsed = parser.level(0)
    if parser.tokens:
        raise ExpressionError(f"`{parser.tokens[0][0]}` is one too many")
    return parsed


def leaves(expression: Expression, *, negated: bool = False) -> Iterator[tuple[Direct | Computed | Through, bool]]:
    """Give all parts that name something, each with whether those who are in it are taken away."""
    match expression:
        case AnyOf(parts) | AllOf(parts):
            for part in parts:
                yield from leaves(part, negated=negated)
        case Without(kept, taken):
            yield from leaves(kept, negated=negated)
            for part in taken:
                yield from leaves(part, negated=True)
        case Direct() | Computed() | Through():
            yield expression, negated


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ExpressionError(f"`{text[place:].strip()[:20]}` is neither a name nor an operator")
        place = found.end()
        yield found[1] or found[3], found[2] or ""


class _Parser:
    """Takes tokens from the front."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    def level(self, depth: int) -> Expression:
        if depth > DEEPEST:
            raise ExpressionError(f"more than {DEEPEST} parentheses are nested")
        parts, operators = [self._operand(depth)], []
        while self.tokens and self.tokens[0][0] in {"|", "&", "-"}:
            operators.append(self.tokens.pop(0)[0])
            parts.append(self._operand(depth))
        if len(set(operators)) > 1:
            raise ExpressionError("different operators stand side by side: say by parentheses what belongs together")
        match operators[:1]:
            case ["|"]:
                return AnyOf(tuple(parts))
            case ["&"]:
                return AllOf(tuple(parts))
            case ["-"]:
                return Without(parts[0], tuple(parts[1:]))
        return parts[0]

    def _operand(self, depth: int) -> Expression:
        if not self.tokens:
            raise ExpressionError("something is missing at the end")
        word, name = self.tokens.pop(0)
        if word == "(":
            inside = self.level(depth + 1)
            if not self.tokens or self.tokens.pop(0)[0] != ")":
                raise ExpressionError("a parenthesis is not closed")
            return inside
        if word in {"|", "&", "-", ")"}:
            raise ExpressionError(f"`{word}` stands where a name has to")
        if name:
            return Through(word, name)
        return Direct() if word == DIRECT else Computed(word)
