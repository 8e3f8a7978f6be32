"""Shows values of fields as proto3 JSON has them, by converters that are planned once per type of message.

`google.protobuf.json_format` says the same and is ten times slower; it serves the well-known types that are rare.
"""

from __future__ import annotations

import base64
import math
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from services.records.transfer.kinds import ANY, DURATION, LONG, TIMESTAMP, WELL_KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, EnumDescriptor
    from google.protobuf.message import Message

    Show = Callable[[Any], Any]
    """Turns a field's value into one that `json` writes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_FLOAT = struct.Struct("<f")
_DIGITS = range(6, 9)
_PAIRS = [f"{number:02}" for number in range(60)]
_MINUTES = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440)]


def show_timestamp(value: Any) -> str:
    """Return a Timestamp as RFC 3339 in UTC, with 0, 3, 6 or 9 digits of a fraction."""
    seconds, nanos = value.seconds, value.nanos
    if nanos:
        return _exact(seconds, nanos)
    return f"{_day(seconds // _DAY)}T{_MINUTES[seconds // 60 % 1440]}:{_PAIRS[seconds % 60]}Z"


@lru_cache(maxsize=256)
def _exact(seconds: int, nanos: int) -> str:
    # Rows that were written together have their moment in common.
    moment = f"{_day(seconds // _DAY)}T{_MINUTES[seconds // 60 % 1440]}:{_PAIRS[seconds % 60]}"
    return f"{moment}{_fraction(nanos)}Z"


@lru_cache(maxsize=1024)
def _day(day: int) -> str:
    moment = _EPOCH + timedelta(days=day)
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}"


def _fraction(nanos: int) -> str:
    if not nanos:
        return ""
    if nanos % 1000:
        return f".{nanos:09}"
    return f".{nanos // 1000:06}" if nanos % 1_000_000 else f".{nanos // 1_000_000:03}"


def show_duration(value: Any) -> str:
    """Return a Duration as proto3 JSON has it, such as `1.500s`."""
    seconds, nanos = value.seconds, value.nanos
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def show_float(value: float) -> float | str:
    """Return a `float` as the shortest number that is the same in 32 bits."""
    if not math.isfinite(value):
        return show_double(value)
    for digits in _DIGITS:
        short = float(f"{value:.{digits}g}")
        if abs(short) < math.inf and _is_same_float(short, value):
            return short
    return float(f"{value:.9g}")


def _is_same_float(one: float, other: float) -> bool:
    try:
        return _FLOAT.pack(one) == _FLOAT.pack(other)
    except OverflowError:
        return False


def show_double(value: float) -> float | str:
    """Return a number, or the name of what is none."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def show_bytes(value: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(value).decode()


def _show_enum(enum: EnumDescriptor) -> Show:
    # Of two names for a number, the first is the one that is written.
    names = {value.number: value.name for value in reversed(enum.values)}

    def show(number: Any) -> Any:
        return names.get(number, number)

    return show


def _show_same(value: Any) -> Any:
    return value


def _show_well_known(value: Any) -> Any:
    pool: Any = value.DESCRIPTOR.file.pool
    return json_format.MessageToDict(value, descriptor_pool=pool)


def _show_any(value: Any) -> Any:
    try:
        return _show_well_known(value)
    except (TypeError, ValueError):
        # Nobody here knows what it carries, so its bytes are what can be told.
        return {"@type": value.type_url, "value": show_bytes(value.value)}


class Showing:
    """Turns messages into what `json` writes."""

    def __init__(self) -> None:
        """Start with no plan."""
        self._plans: dict[str, Show] = {}

    def field(self, field: FieldDescriptor) -> Show:
        """Return what turns a field's value, a list or a map among them, into one for `json`."""
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            key, value = message.fields_by_name["key"], message.fields_by_name["value"]
            show, is_bool = self.single(value), key.type == FieldDescriptor.TYPE_BOOL
            return lambda entries: {_show_key(key, is_bool=is_bool): show(each) for key, each in entries.items()}
        single = self.single(field)
        return (lambda values: [single(value) for value in values]) if field.is_repeated else single

    def single(self, field: FieldDescriptor) -> Show:
        """Return what turns one value of a field into one for `json`."""
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return _show_enum(field.enum_type)
        if field.type in LONG:
            return str
        shown: dict[int, Show] = {
            FieldDescriptor.TYPE_FLOAT: show_float,
            FieldDescriptor.TYPE_DOUBLE: show_double,
            FieldDescriptor.TYPE_BYTES: show_bytes,
        }
        return shown.get(field.type, _show_same)

    def message(self, descriptor: Descriptor) -> Show:
        """Return what turns a message into an object for `json`: only what is set is in it."""
        name = descriptor.full_name
        if name == TIMESTAMP:
            return show_timestamp
        if name == DURATION:
            return show_duration
        if name.startswith(WELL_KNOWN):
            return _show_any if name == ANY else _show_well_known
        plan = self._plans.get(name)
        if plan is None:
            # A recursive message finds this entry while its own plan is made.
            self._plans[name] = lambda value: self._plans[name](value)  # noqa: PLW0108 - looked up when it is called
            plan = self._plans[name] = self._plan(descriptor)
        return plan

    def _plan(self, descriptor: Descriptor) -> Show:
        steps = {field.name: (field.json_name, self.field(field)) for field in descriptor.fields}

        def show(message: Message) -> dict[str, Any]:
            found = {}
            for field, value in message.ListFields():
                name, step = steps[field.name]
                found[name] = step(value)
            return found

        return show


def _show_key(key: Any, *, is_bool: bool) -> str:
    return ("true" if key else "false") if is_bool else str(key)
