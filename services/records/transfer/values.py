"""Values of fields as proto3 JSON has them, both ways, by converters that are planned once per type of message.

`google.protobuf.json_format` says the same and is ten times slower; it serves the well-known types that are rare.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from services.records.times import MAX_DURATION_SECONDS
from services.records.transfer.failures import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.descriptor import Descriptor, EnumDescriptor
    from google.protobuf.message import Message

    Show = Callable[[Any], Any]
    """Turns a field's value into one that `json` writes."""
    Take = Callable[[Sequence[Message]], list[Any]]
    Read = Callable[[Any], Any]
    """Turns what `json` has read into a scalar value; raises BadValue."""
    Put = Callable[[Message, Any], None]
    """Sets a field to what `json` has read; raises BadValue."""

NANOS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MICRO = timedelta(seconds=1), timedelta(microseconds=1)
_DAY = 86_400
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")
_FLOAT = struct.Struct("<f")
_DIGITS = range(6, 9)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
LONG = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_SFIXED64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED64,
    }
)
"""The types of whole numbers that are texts in JSON."""

WHOLE = LONG | {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
}
"""The types of whole numbers."""

_PAIRS = [f"{number:02}" for number in range(60)]
_MINUTES = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440)]

TIMESTAMP, DURATION = "google.protobuf.Timestamp", "google.protobuf.Duration"
_RARE = "google.protobuf."


# From messages to JSON


def taking(field: FieldDescriptor) -> Take:
    """Return what takes a field's values out of many messages at once; None stands for one that is unset."""
    name, get = field.name, attrgetter(field.name)
    if field.has_presence:
        return lambda messages: [get(message) if message.HasField(name) else None for message in messages]
    return lambda messages: list(map(get, messages))


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


def _show_rare(value: Message) -> Any:
    return json_format.MessageToDict(value)


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
        if name.startswith(_RARE):
            return _show_rare
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


def is_time(field: FieldDescriptor) -> bool:
    """Whether a field holds a Timestamp or a Duration, which have texts of their own."""
    return field.message_type is not None and field.message_type.full_name in (TIMESTAMP, DURATION)


def _show_key(key: Any, *, is_bool: bool) -> str:
    return ("true" if key else "false") if is_bool else str(key)


# From JSON to messages


def read_timestamp(text: Any) -> tuple[int, int]:
    """Return the seconds and nanoseconds of a time in RFC 3339."""
    if not isinstance(text, str):
        raise BadValue("A time is a text in RFC 3339, such as `2013-01-01T10:17:00Z`.")
    try:
        moment = datetime.fromisoformat(text)
        since = moment - _EPOCH
    except (ValueError, TypeError, OverflowError):
        raise BadValue(f"`{text[:40]}` is no time in RFC 3339, such as `2013-01-01T10:17:00Z`.") from None
    return since.days * _DAY + since.seconds, since.microseconds * 1000


def read_duration(text: Any) -> tuple[int, int]:
    """Return the seconds and nanoseconds of a duration such as `1.5s`."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or int(found[2]) > MAX_DURATION_SECONDS:
        raise BadValue(f"`{str(text)[:40]}` is no duration, such as `1.5s`.")
    sign = -1 if found[1] else 1
    return sign * int(found[2]), sign * int((found[3] or "0").ljust(9, "0"))


def read_whole(value: Any) -> int:
    """Return a whole number, which may come as a text."""
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is str and "_" not in value:
        try:
            return int(value)
        except ValueError:
            pass
    elif kind is float and value.is_integer():
        return int(value)
    raise BadValue(f"`{str(value)[:40]}` is no whole number.")


def read_number(value: Any) -> float:
    """Return a number, or what its name says: `NaN`, `Infinity`, `-Infinity`."""
    kind = type(value)
    if kind is float or kind is int:
        return float(value)
    if kind is str:
        if value in _SPECIAL:
            return _SPECIAL[value]
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if math.isfinite(found) and "_" not in value:
            return found
    raise BadValue(f"`{str(value)[:40]}` is no number.")


def read_float(value: Any) -> float:
    """Return a number that 32 bits can hold."""
    found = read_number(value)
    if math.isfinite(found):
        try:
            _FLOAT.pack(found)
        except OverflowError:
            raise BadValue(f"`{str(value)[:40]}` is beyond what a float holds.") from None
    return found


def read_bool(value: Any) -> bool:
    """Return a truth."""
    if value is True or value is False:
        return bool(value)
    raise BadValue(f"`{str(value)[:40]}` is neither true nor false.")


def read_text(value: Any) -> str:
    """Return a text."""
    if type(value) is str:
        return value
    raise BadValue(f"`{str(value)[:40]}` is no text.")


def read_bytes(value: Any) -> bytes:
    """Return the bytes of a text in base64, of either alphabet, padded or not."""
    if isinstance(value, bytes):
        return value
    try:
        plain = read_text(value).replace("-", "+").replace("_", "/")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        if isinstance(error, BadValue):
            raise
        raise BadValue("The text is not base64.") from None


def read_enum(enum: EnumDescriptor) -> Read:
    """Return what reads a value of an enum, by name or by number."""
    numbers = {value.name: value.number for value in enum.values}

    def read(value: Any) -> int:
        number = numbers.get(value) if type(value) is str else None
        if number is not None:
            return number
        try:
            return read_whole(value)
        except BadValue:
            raise BadValue(f"`{str(value)[:40]}` is no {enum.name}: {', '.join(list(numbers)[:10])}.") from None

    return read


class Reading:
    """Sets the fields of messages to what `json` has read."""

    def __init__(self) -> None:
        """Start with no plan."""
        self._plans: dict[str, Put] = {}

    def field(self, field: FieldDescriptor) -> Put:
        """Return what sets a field of a message; null leaves it unset."""
        name, message = field.name, field.message_type
        if message is not None and message.GetOptions().map_entry:
            return self._map(name, message)
        if field.is_repeated:
            return self._list(field)
        if message is not None:
            return self._below(name, self.message(message), takes_null=message.full_name == "google.protobuf.Value")
        return _put_scalar(field, self.single(field))

    def single(self, field: FieldDescriptor) -> Read:
        """Return what reads a scalar."""
        if field.enum_type is not None:
            return read_enum(field.enum_type)
        if field.type in WHOLE:
            return read_whole
        return {
            FieldDescriptor.TYPE_BOOL: read_bool,
            FieldDescriptor.TYPE_STRING: read_text,
            FieldDescriptor.TYPE_BYTES: read_bytes,
            FieldDescriptor.TYPE_FLOAT: read_float,
        }.get(field.type, read_number)

    def message(self, descriptor: Descriptor) -> Put:
        """Return what fills a message from an object; one that is there is added to."""
        name = descriptor.full_name
        if name == TIMESTAMP:
            return _put_timestamp
        if name == DURATION:
            return _put_duration
        if name.startswith(_RARE):
            return _put_rare
        plan = self._plans.get(name)
        if plan is None:
            self._plans[name] = lambda target, value: self._plans[name](target, value)  # noqa: PLW0108 - looked up late
            plan = self._plans[name] = self._plan(descriptor)
        return plan

    def _plan(self, descriptor: Descriptor) -> Put:
        steps: dict[str, Put] = {}
        for field in descriptor.fields:
            steps[field.name] = steps[field.json_name] = self.field(field)

        def put(target: Message, value: Any) -> None:
            if type(value) is not dict:
                raise BadValue(f"`{str(value)[:40]}` is no object with fields of {descriptor.name}.")
            for key, inner in value.items():
                step = steps.get(key)
                if step is None:
                    raise BadValue(f"{descriptor.name} has no such field.", str(key)[:100])
                try:
                    step(target, inner)
                except BadValue as error:
                    raise error.below(key) from None

        return put

    def _below(self, name: str, put: Put, *, takes_null: bool) -> Put:
        def put_below(target: Message, value: Any) -> None:
            if value is None and not takes_null:
                return
            inner = getattr(target, name)
            inner.SetInParent()
            put(inner, value)

        return put_below

    def _list(self, field: FieldDescriptor) -> Put:
        name = field.name
        put = None if field.message_type is None else self.message(field.message_type)
        read = self.single(field) if put is None else None

        def put_list(target: Message, values: Any) -> None:
            if values is None:
                return
            if type(values) is not list:
                raise BadValue(f"`{str(values)[:40]}` is no list.")
            found = getattr(target, name)
            for index, value in enumerate(values):
                try:
                    if read is not None:
                        _append(found, read(value))
                    elif put is not None:
                        put(found.add(), value)
                except BadValue as error:
                    raise error.below(f"[{index}]") from None

        return put_list

    def _map(self, name: str, entry: Descriptor) -> Put:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        read_key = _read_truth_key if key.type == FieldDescriptor.TYPE_BOOL else self.single(key)
        put = None if value.message_type is None else self.message(value.message_type)
        read = self.single(value) if put is None else _show_same

        def put_map(target: Message, entries: Any) -> None:
            if entries is None:
                return
            if type(entries) is not dict:
                raise BadValue(f"`{str(entries)[:40]}` is no object.")
            found = getattr(target, name)
            for word, inner in entries.items():
                try:
                    if put is not None:
                        put(found[read_key(word)], inner)
                    else:
                        found[read_key(word)] = read(inner)
                except BadValue as error:
                    raise error.below(f"[{json.dumps(word)}]") from None
                except (ValueError, TypeError) as error:
                    raise BadValue(_said(error), f"[{json.dumps(word)}]") from None

        return put_map


def _read_truth_key(word: str) -> bool:
    if word in ("true", "false"):
        return word == "true"
    raise BadValue(f"`{word[:40]}` is neither true nor false.")


def _put_scalar(field: FieldDescriptor, read: Read) -> Put:
    name = field.name
    # What `json` gives as it is needed is not looked at twice.
    is_text = field.type == FieldDescriptor.TYPE_STRING
    ready = str if is_text else int if field.type in WHOLE else None

    def put(target: Message, value: Any) -> None:
        if value is None:
            return
        try:
            setattr(target, name, value if value.__class__ is ready else read(value))
        except BadValue:
            raise
        except (ValueError, TypeError) as error:
            raise BadValue(_said(error)) from None

    return put


def _append(values: Any, value: Any) -> None:
    try:
        values.append(value)
    except (ValueError, TypeError) as error:
        raise BadValue(_said(error)) from None


def _said(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "The text is not UTF-8."
    return f"{str(error)[:200].rstrip('.')}."


def _put_timestamp(target: Any, value: Any) -> None:
    target.seconds, target.nanos = read_timestamp(value)


def _put_duration(target: Any, value: Any) -> None:
    target.seconds, target.nanos = read_duration(value)


def _put_rare(target: Message, value: Any) -> None:
    try:
        pool: Any = target.DESCRIPTOR.file.pool
        json_format.ParseDict(value, target, descriptor_pool=pool)
    except (json_format.ParseError, ValueError, TypeError) as error:
        raise BadValue(_said(error)) from None
