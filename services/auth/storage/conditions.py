"""Evaluates conditions in the Common Expression Language by its native library, with a bound on what one can cost.

The library has no budget of its own and holds the interpreter while it evaluates. So what an expression may be is
bounded: its length, the functions that it calls (none that grows with more than what it is given, and none that takes
a pattern), at most one macro that goes through a list, and how often it adds, which copies lists. With contexts of 4
KiB and 100 values the worst that was found costs 25 ms, and what people write some microseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from services.auth.domain.access.model import ParameterType
from services.auth.domain.access.values import NO, OPEN, YES, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    import cel

    from services.auth.domain.access.model import Condition

LONGEST_EXPRESSION = 500
"""Characters of the longest expression."""

MOST_SUMS = 8
"""Places at which an expression may add: a sum of lists copies them."""

_FUNCTIONS = frozenset(
    (
        *("_+_", "_-_", "_*_", "_/_", "_%_", "-_", "!_", "_&&_", "_||_", "_?_:_", "_[_]", "@in", "@not_strictly_false"),
        *("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "size", "contains", "startsWith", "endsWith"),
        *("int", "uint", "double", "string", "timestamp", "duration", "getFullYear", "getMonth", "getDate"),
        *("getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    )
)
_MACRO = re.compile(r"\.\s*(all|exists|exists_one)\s*\(\s*([A-Za-z_]\w*)\s*,")
_ANY_MACRO = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(")
_EXAMPLES: Mapping[ParameterType, object] = {
    ParameterType.BOOL: True,
    ParameterType.INT: 1,
    ParameterType.DOUBLE: 1.0,
    ParameterType.STRING: "a",
    ParameterType.TIMESTAMP: datetime(2020, 1, 1, tzinfo=UTC),
    ParameterType.DURATION: timedelta(seconds=1),
    ParameterType.STRINGS: ["a"],
    ParameterType.MAP: {},
}


class CelConditions:
    """Conditions in CEL (port `Conditions`)."""

    def find_problems(self, condition: Condition) -> list[str]:
        """Return why a condition cannot be used, a sentence each."""
        text = condition.expression
        if not 0 < len(text) <= LONGEST_EXPRESSION:
            return [f"The expression has 1 to {LONGEST_EXPRESSION} characters."]
        try:
            program = _compiled(text)
        except ValueError as error:
            return [f"The expression cannot be read: {str(error).splitlines()[-1][:200]}."]
        problems = _find_costly(text, program)
        bound = {name for _, name in _MACRO.findall(text)}
        if unknown := sorted(set(program.variables()) - condition.parameters.keys() - bound):
            problems.append(f"These are no parameters: {', '.join(unknown)}.")
        return problems or _try(condition)

    def judge(self, condition: Condition, context: Mapping[str, object]) -> Value:
        """Return whether a condition holds, open where the context lacks something that decides it."""
        given = {name: context[name] for name in condition.parameters if name in context}
        try:
            outcome = _compiled(condition.expression).execute(given)
        except Exception as error:  # noqa: BLE001 - the library raises whatever fits: KeyError, TypeError, RuntimeError
            asked = condition.parameters.keys() & set(_compiled(condition.expression).variables())
            if missing := asked - given.keys():
                return Value(OPEN, missing=frozenset(missing))
            cause = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            return Value(OPEN, failed=frozenset({f"{condition.name}: {cause}"}))
        if outcome is True:
            return YES
        return NO if outcome is False else Value(OPEN, failed=frozenset({f"{condition.name}: neither true nor false"}))


@lru_cache(maxsize=4096)
def _compiled(text: str) -> cel.Program:
    import cel

    return cel.compile(text)


def _find_costly(text: str, program: cel.Program) -> list[str]:
    """Say which parts of an expression could cost more than is bounded by the size of the context."""
    problems = []
    functions = set(program.functions())
    if strange := sorted(functions - _FUNCTIONS):
        problems.append(f"These functions cannot be used: {', '.join(strange)}.")
    macros = len(_ANY_MACRO.findall(text))
    if macros != len(_MACRO.findall(text)):
        problems.append("Of the macros that go through a list, `all`, `exists` and `exists_one` can be used.")
    if macros > 1:
        problems.append("At most one macro that goes through a list can be used.")
    if text.count("+") > (0 if macros else MOST_SUMS):
        problems.append(f"There are at most {MOST_SUMS} `+`, and none beside a macro that goes through a list.")
    return problems


def _try(condition: Condition) -> list[str]:
    """Evaluate an expression with some values of its parameters' types, which shows most that do not fit."""
    examples = {name: _EXAMPLES[kind] for name, kind in condition.parameters.items()}
    try:
        outcome = _compiled(condition.expression).execute(examples)
    except TypeError as error:
        return [f"The types do not fit: {str(error).splitlines()[0][:200]}."]
    except Exception:  # noqa: BLE001 - such as a map without a key: other values may have it
        return []
    return [] if isinstance(outcome, bool) else ["The expression is neither true nor false."]
