"""Sets fields to values as proto3 JSON has them, by converters that are planned once per type of message."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from services.records.schema.times import MAX_DURATION_SECONDS
from services.records.transfer.failures import BadValue
from services.records.transfer.kinds import ANY, DURATION, TIMESTAMP, WELL_KNOWN, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, EnumDescriptor
    from google.protobuf.message import Message

    Read = Callable[[Any], Any]
    """Turns what `json` has read into a scalar value; raises BadValue."""
    Put = Callable[[Message, Any], None]
    """Sets a field to what `json` has read; raises BadValue."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")
_FLOAT = struct.Struct("<f")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


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
        try:
            return float(value)
        except OverflowError:
            raise BadValue("The number is beyond what a double holds.") from None
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
        if name.startswith(WELL_KNOWN):
            return _put_any if name == ANY else _put_well_known
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
        read = self.single(value) if put is None else _same

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
                    raise BadValue(said(error), f"[{json.dumps(word)}]") from None

        return put_map


def _same(value: Any) -> Any:
    return value


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
            raise BadValue(said(error)) from None

    return put


def _append(values: Any, value: Any) -> None:
    try:
        values.append(value)
    except (ValueError, TypeError) as error:
        raise BadValue(said(error)) from None


def said(error: Exception) -> str:
    """Return what protobuf says of a value that it does not take, as a sentence."""
    if isinstance(error, UnicodeEncodeError):
        return "The text is not UTF-8."
    return f"{str(error)[:200].rstrip('.')}."


def _put_timestamp(target: Any, value: Any) -> None:
    target.seconds, target.nanos = read_timestamp(value)


def _put_duration(target: Any, value: Any) -> None:
    target.seconds, target.nanos = read_duration(value)


def _put_well_known(target: Message, value: Any) -> None:
    try:
        pool: Any = target.DESCRIPTOR.file.pool
        json_format.ParseDict(value, target, descriptor_pool=pool)
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise BadValue(said(error)) from None


def _put_any(target: Any, value: Any) -> None:
    try:
        _put_well_known(target, value)
    except BadValue:
        # One that nobody here knew was shown by its bytes.
        if type(value) is not dict or value.keys() != {"@type", "value"}:
            raise
        target.Clear()
        target.type_url, target.value = read_text(value["@type"]), read_bytes(value["value"])
