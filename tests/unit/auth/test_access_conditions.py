"""Conditions in CEL: three answers, typed parameters, and a bound on what an evaluation can cost."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from services.auth.domain.access.conditions import LARGEST_CONTEXT, MOST_VALUES, type_context
from services.auth.domain.access.model import Condition, ParameterType
from services.auth.domain.access.values import NO, OPEN, YES, Value
from services.auth.domain.errors.access import ContextInvalid
from services.auth.storage.conditions import LONGEST_EXPRESSION, CelConditions

CEL = CelConditions()
P = ParameterType


def condition(expression: str, **parameters: ParameterType) -> Condition:
    return Condition(name="c", expression=expression, parameters=parameters)


def open_for(*missing: str) -> Value:
    return Value(OPEN, missing=frozenset(missing))


@pytest.mark.parametrize(
    ("expression", "context", "expected"),
    [
        ("x == 1", {"x": 1}, YES),
        ("x == 1", {"x": 2}, NO),
        ("x == 1", {}, open_for("x")),
        ("x == 1 && flag", {"flag": False}, NO),
        ("x == 1 || flag", {"flag": True}, YES),
        ("flag || x == 1", {"flag": True}, YES),
        ("x == 1 || flag", {"flag": False}, open_for("x")),
        ("x == 1 && flag", {"flag": True}, open_for("x")),
        ("x == 1 && flag", {}, open_for("x", "flag")),
    ],
)
def test_an_answer_is_open_only_where_what_is_missing_decides_it(
    expression: str, context: dict[str, object], expected: Value
) -> None:
    assert CEL.judge(condition(expression, x=P.INT, flag=P.BOOL), context) == expected


@pytest.mark.parametrize(
    ("expression", "context", "cause"),
    [
        ("1 / x == 1", {"x": 0}, "division by zero"),
        ("m.key == 'a'", {"x": 0, "m": {}}, "key"),
        ("m['flag'] || m.key", {"x": 0, "m": {"flag": 3, "key": "a"}}, ""),
    ],
)
def test_what_cannot_be_evaluated_is_open_and_says_why(expression: str, context: dict[str, object], cause: str) -> None:
    value = CEL.judge(condition(expression, x=P.INT, m=P.MAP), context)
    assert value.is_open
    assert not value.missing
    assert cause in next(iter(value.failed))


def test_every_type_is_what_an_expression_expects() -> None:
    typed = type_context(
        {
            "i": "9007199254740993",
            "d": 1,
            "s": "a",
            "t": "2026-11-21T12:00:00+01:00",
            "u": "1.5s",
            "l": ["a", "b"],
            "m": {"n": 1.0},
            "b": True,
        },
        {
            "i": P.INT,
            "d": P.DOUBLE,
            "s": P.STRING,
            "t": P.TIMESTAMP,
            "u": P.DURATION,
            "l": P.STRINGS,
            "m": P.MAP,
            "b": P.BOOL,
        },
        "context",
    )
    assert typed["t"] == datetime(2026, 11, 21, 11, tzinfo=UTC)
    assert typed["u"] == timedelta(seconds=1.5)
    expression = (
        "i == 9007199254740993 && d < 1.5 && s == 'a' && t == timestamp('2026-11-21T11:00:00Z')"
        " && u > duration('1s') && 'b' in l && l.exists(x, x == s) && m.n == 1 && b"
    )
    kinds = {
        "i": P.INT,
        "d": P.DOUBLE,
        "s": P.STRING,
        "t": P.TIMESTAMP,
        "u": P.DURATION,
        "l": P.STRINGS,
        "m": P.MAP,
        "b": P.BOOL,
    }
    assert CEL.find_problems(condition(expression, **kinds)) == []
    assert CEL.judge(condition(expression, **kinds), typed) == YES


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (P.INT, 1.5),
        (P.INT, True),
        (P.INT, "x"),
        (P.INT, 2.0**60),
        (P.INT, float("inf")),
        (P.BOOL, "true"),
        (P.BOOL, 1),
        (P.DOUBLE, "1"),
        (P.DOUBLE, True),
        (P.STRING, 1),
        (P.STRING, None),
        (P.TIMESTAMP, "2026-11-21T12:00:00"),
        (P.TIMESTAMP, "noon"),
        (P.DURATION, "1h"),
        (P.STRINGS, ["a", 1]),
        (P.STRINGS, "a"),
        (P.MAP, ["a"]),
    ],
)
def test_a_value_of_another_type_is_refused(kind: ParameterType, value: object) -> None:
    with pytest.raises(ContextInvalid):
        type_context({"x": value}, {"x": kind}, "context")


def test_a_context_holds_what_is_asked_for_and_not_too_much() -> None:
    contexts: tuple[dict[str, object], ...] = (
        {"y": 1},
        {"now": "2026-11-21T12:00:00Z"},
        {"x": "a" * LARGEST_CONTEXT},
        {"l": ["a"] * MOST_VALUES},
        {"m": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}}}},
    )
    for context in contexts:
        with pytest.raises(ContextInvalid):
            type_context(context, {"x": P.STRING, "l": P.STRINGS, "m": P.MAP, "now": P.TIMESTAMP}, "context")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("x ==", "cannot be read"),
        ("x + 1", "neither true nor false"),
        ("x == 1 && y", "no parameters: y"),
        ("s == 1 + x", ""),
        ("s + x == 'a'", "types do not fit"),
        ("s.matches('(a+)+$')", "cannot be used: matches"),
        ("l.map(a, l).size() > 0", "`all`, `exists` and `exists_one`"),
        ("l.filter(a, true).size() > 0", "`all`, `exists` and `exists_one`"),
        ("l.all(a, l.all(b, a == b))", "At most one macro"),
        ("l.all(a, a + s == s)", "none beside a macro"),
        ("s" + " + s" * 9 + " == s", "at most 8"),
        ("x == 1 || " * 60 + "true", f"1 to {LONGEST_EXPRESSION}"),
    ],
)
def test_an_expression_that_cannot_or_must_not_be_used_is_refused(expression: str, said: str) -> None:
    problems = CEL.find_problems(condition(expression, x=P.INT, s=P.STRING, l=P.STRINGS))
    assert any(said in problem for problem in problems) if said else problems == []


@pytest.mark.parametrize(
    "expression",
    [
        "l.all(x, " + " && ".join(["l == l"] * 48) + ")",
        "l.all(x, !(" + " || ".join(["'b' in l"] * 38) + "))",
        "l.all(x, " + " && ".join(["s.contains('xy') == false"] * 16) + ")",
        "[" + ",".join(["l"] * 90) + "].all(x, [l,l,l,l,l,l,l,l,l,l,l,l] == [l,l,l,l,l,l,l,l,l,l,l,l])",
        "l + l + l + l + l + l + l + l + l != l",
        "s + s + s + s + s + s + s + s + s != s",
    ],
)
def test_the_worst_that_may_be_written_costs_little(expression: str) -> None:
    given = condition(expression, l=P.STRINGS, s=P.STRING)
    assert CEL.find_problems(given) == []
    context = {"l": ["a"] * (MOST_VALUES - 2), "s": "x" * 3600}
    typed = type_context(context, dict(given.parameters), "context")
    begun = time.process_time()
    assert CEL.judge(given, typed) == YES
    # Measured at 25 ms at most; a machine that is busy with other things gets time.
    assert time.process_time() - begun < 0.25
