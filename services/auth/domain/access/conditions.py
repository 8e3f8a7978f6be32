"""The context that conditions speak of, with the types that they ask for, and the port that evaluates them."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.access.model import ParameterType
from services.auth.domain.errors.access import ContextInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.auth.domain.access.model import Condition
    from services.auth.domain.access.values import Value

NOW = "now"
"""The parameter that the server itself sets, where a condition asks for it."""

LARGEST_CONTEXT = 4096
"""Bytes of the largest context, as JSON: it bounds what an evaluation can cost."""

MOST_VALUES = 100
"""Values in the lists and maps of a context, all counted together."""

DEEPEST_CONTEXT = 8
"""Maps and lists that may be nested in a context."""

_EXACT = 2**53
_DURATION = re.compile(r"(-?\d{1,12})(\.\d{1,9})?s")


class Conditions(Protocol):
    """Evaluates conditions."""

    def find_problems(self, condition: Condition) -> list[str]:
        """Return why a condition cannot be used, a sentence each."""

    def judge(self, condition: Condition, context: Mapping[str, object]) -> Value:
        """Return whether a condition holds, open where the context lacks something that decides it.

        It never raises: a condition that cannot be evaluated is open, and says why.
        """


def type_context(given: Mapping[str, object], parameters: Mapping[str, ParameterType], field: str) -> dict[str, object]:
    """Return a context of JSON values with the types that conditions ask for.

    Raises:
        ContextInvalid: a value has another type, is none that any condition asks for, or there is too much of it.
    """
    if len(json.dumps(given, separators=(",", ":"))) > LARGEST_CONTEXT:
        raise ContextInvalid(field, f"The context has more than {LARGEST_CONTEXT} bytes as JSON.")
    if _count(given) > MOST_VALUES:
        raise ContextInvalid(field, f"The context has more than {MOST_VALUES} values.")
    typed: dict[str, object] = {}
    for name, value in given.items():
        path = f"{field}.{name}"
        if name == NOW:
            raise ContextInvalid(path, "`now` is set by the server.")
        if name not in parameters:
            raise ContextInvalid(path, f"No condition asks for `{name}`.")
        typed[name] = _typed(value, parameters[name], path)
    return typed


def _typed(value: object, kind: ParameterType, path: str) -> object:
    converted = _convert(value, kind)
    if converted is None:
        raise ContextInvalid(path, f"The value is no {kind.value}.")
    return converted


def _convert(value: object, kind: ParameterType) -> object | None:  # noqa: PLR0911 - one line for each type
    match kind, value:
        case ParameterType.BOOL, bool():
            return value
        case ParameterType.INT, _:
            return _integer(value)
        case ParameterType.DOUBLE, int() | float() if not isinstance(value, bool):
            return float(value)
        case ParameterType.STRING, str():
            return value
        case ParameterType.TIMESTAMP, str():
            return _timestamp(value)
        case ParameterType.DURATION, str():
            found = _DURATION.fullmatch(value)
            return timedelta(seconds=float(value[:-1])) if found else None
        case ParameterType.STRINGS, list() if all(isinstance(one, str) for one in value):
            return value
        case ParameterType.MAP, dict() if _depth(value) <= DEEPEST_CONTEXT:
            return value
    return None


def _integer(value: object) -> int | None:
    """Return an integer, which JSON may write as a number or, where it is large, as a text."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    exact = math.isfinite(value) and value == int(value) and abs(value) <= _EXACT
    return int(value) if exact else None


def _timestamp(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _count(value: object) -> int:
    if isinstance(value, dict):
        return sum(1 + _count(one) for one in value.values())
    if isinstance(value, list):
        return sum(1 + _count(one) for one in value)
    return 0


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(one) for one in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(one) for one in value), default=0)
    return 0
