"""Reads settings from the environment into frozen dataclasses, and reports all that is wrong at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from services.chassis.refusal import StartRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


class SettingsError(StartRefused, ValueError):
    """Some variables of the environment cannot be used; `problems` has one sentence for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Take all that is wrong."""
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(variable: str, *, default: Any = dataclasses.MISSING, secret: bool = False, shown: bool = False) -> Any:
    """Return a dataclass field that is read from `variable`.

    Without a default it must be set. A `secret` is neither printed nor shown; only what is `shown` appears in
    `show_settings`.
    """
    metadata = {"variable": variable, "shown": shown and not secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


def load_settings(cls: type[T], environ: Mapping[str, str]) -> T:
    """Return settings of the dataclass `cls`, whose fields were made by `setting`.

    Fields may be str, int, float, bool, Path, timedelta (such as `15s`, `1.5h`, `200ms`), or one of them or None.
    An empty variable counts as unset.

    Raises:
        SettingsError: Where variables are missing or malformed; all of them are named.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # settings are dataclasses
        variable = field.metadata.get("variable")
        if variable is None:
            continue
        text = environ.get(variable, "").strip()
        if text:
            try:
                values[field.name] = _parser(hints[field.name])(text)
            except ValueError as error:
                problems.append(f"{variable}: {error}")
        elif field.default is dataclasses.MISSING:
            problems.append(f"{variable} is not set. Mend: set it; `tenon up` does so for the processes it starts.")
    if not problems:
        try:
            return cls(**values)
        except SettingsError as error:
            problems.extend(error.problems)
    raise SettingsError(tuple(problems))


def show_settings(settings: Any) -> dict[str, str]:
    """Return the settings that may be printed, by variable: an allow-list, so that nothing slips through."""
    return {
        field.metadata["variable"]: str(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
        if field.metadata.get("shown")
    }


def _parser(hint: Any) -> Callable[[str], Any]:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    return _PARSERS[hint]


def _parse_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("not a whole number. Mend: write digits only, such as 3.") from None


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("not a number. Mend: write it as 0.25.") from None


def _parse_bool(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("neither true nor false. Mend: write 1 or 0.")


def _parse_timedelta(text: str) -> dt.timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration. Mend: write a number and ms, s, m, h or d, such as 15s.")
    return dt.timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _parse_int,
    float: _parse_float,
    bool: _parse_bool,
    Path: Path,
    dt.timedelta: _parse_timedelta,
}
