"""How a field's value leaves a message, as JSON has it, and how what a client sends gets into one."""

from __future__ import annotations

import base64
import math
import struct
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

from services.graph.failures import ValueInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message

    Read = Callable[[Any], Any]
    """Takes a message and returns the value of one of its fields."""

    Write = Callable[[Any, Any, str], None]
    """Takes a message, the value of one of its fields, and the field's path, for errors."""

WRAPPERS = {
    "google.protobuf.DoubleValue": "double",
    "google.protobuf.FloatValue": "float",
    "google.protobuf.Int64Value": "int64",
    "google.protobuf.UInt64Value": "uint64",
    "google.protobuf.Int32Value": "int32",
    "google.protobuf.UInt32Value": "uint32",
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.StringValue": "string",
    "google.protobuf.BytesValue": "bytes",
}
"""Messages that hold one value, and are written as that value."""

JSON_TYPES = frozenset(
    {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue", "google.protobuf.Any"}
)
"""Messages that are written as whatever JSON they hold."""


def is_map(field: Any) -> bool:
    """Whether a field holds a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def is_plain(descriptor: Descriptor) -> bool:
    """Whether messages of a type are written as one value, and not field by field."""
    name = descriptor.full_name
    return name in WRAPPERS or name in JSON_TYPES or name in _TIMES or name == "google.protobuf.FieldMask"


def reader(field: Any, pool: DescriptorPool) -> Read:
    """Return what reads a field: its value as JSON has it, and messages and entries of maps as they are."""
    name = field.name
    if is_map(field):
        return _map_reader(field, pool)
    convert = _converter(field, pool)
    if field.is_repeated:
        return _list_reader(name, convert)
    if field.message_type is not None:
        plain = convert or _as_is
        return lambda message: plain(getattr(message, name)) if message.HasField(name) else None
    if field.has_presence:
        return _optional_reader(name, convert)
    if convert is None:
        return lambda message: getattr(message, name)
    return lambda message: convert(getattr(message, name))


def _list_reader(name: str, convert: Read | None) -> Read:
    if convert is None:
        return lambda message: list(getattr(message, name))
    return lambda message: [convert(value) for value in getattr(message, name)]


def _optional_reader(name: str, convert: Read | None) -> Read:
    if convert is None:
        return lambda message: getattr(message, name) if message.HasField(name) else None
    return lambda message: convert(getattr(message, name)) if message.HasField(name) else None


def _map_reader(field: Any, pool: DescriptorPool) -> Read:
    """Return the entries of a map in the order of their keys, each a pair of key and value."""
    name, entry = field.name, field.message_type
    key = _converter(entry.fields_by_name["key"], pool) or _as_is
    value = _converter(entry.fields_by_name["value"], pool) or _as_is

    def read(message: Any) -> list[tuple[Any, Any]]:
        entries = getattr(message, name)
        return [(key(each), value(entries[each])) for each in sorted(entries)]

    return read


def _converter(field: Any, pool: DescriptorPool) -> Read | None:
    """Return what turns one value of a field into what JSON has for it, or None where it is the same."""
    if field.message_type is not None:
        return _message_converter(field.message_type, pool)
    if field.enum_type is not None:
        known = frozenset(value.number for value in field.enum_type.values)
        return lambda number: number if number in known else None
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _write_bytes
    return _NUMBERS.get(field.cpp_type)


def _message_converter(descriptor: Descriptor, pool: DescriptorPool) -> Read | None:
    name = descriptor.full_name
    if name in WRAPPERS:
        inner = _converter(descriptor.fields_by_name["value"], pool) or _as_is
        return lambda wrapper: inner(wrapper.value)
    if name in JSON_TYPES:
        return lambda value: _write_json(value, pool)
    if name in _TIMES or name == "google.protobuf.FieldMask":
        return _write_text
    return None


def _as_is(value: Any) -> Any:
    return value


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _write_double(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _write_float(value: float) -> float | None:
    """Return the shortest number that is the same float of 32 bits."""
    if not math.isfinite(value):
        return None
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if abs(short) < 3.5e38 and struct.pack("f", short) == struct.pack("f", value):  # noqa: PLR2004 - above the largest float
            return short
    return value


def _write_text(value: Any) -> str | None:
    """Return what protobuf's JSON has for an instant, a span or a mask; None for one that JSON cannot write."""
    try:
        text: str = value.ToJsonString()
    except (ValueError, OverflowError):
        return None
    return text


def _write_json(value: Message, pool: DescriptorPool) -> Any:
    try:
        return json_format.MessageToDict(value, descriptor_pool=pool)
    except (json_format.Error, TypeError, ValueError, KeyError):
        # It holds what no contract here describes, or what JSON has no words for.
        return None


def write_message(message: Message, values: Mapping[str, Any], path: str = "") -> None:
    """Fill a message with what a client sent, by the fields' names in the contract; None leaves a field unset.

    Raises:
        ValueInvalid: where a value cannot be kept in its field.
    """
    fields: Any = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if value is not None and name in fields:
            _write(message, fields[name], value, f"{path}{name}")


def _write(message: Any, field: Any, value: Any, path: str) -> None:
    name = field.name
    try:
        if is_map(field):
            _write_map(getattr(message, name), field, value, path)
        elif field.message_type is None:
            if field.is_repeated:
                getattr(message, name).extend(value)
            else:
                setattr(message, name, value)
        elif field.is_repeated:
            for index, each in enumerate(value):
                _fill(getattr(message, name).add(), each, f"{path}[{index}]")
        else:
            target = getattr(message, name)
            target.SetInParent()
            _fill(target, value, path)
    except (TypeError, ValueError, OverflowError) as error:
        # What passes the scalars and still cannot be kept: a text with half a surrogate pair, a year beyond 9999.
        raise ValueInvalid(path, "The value cannot be kept in this field.") from error


def _write_map(entries: Any, field: Any, pairs: Any, path: str) -> None:
    holds_messages = field.message_type.fields_by_name["value"].message_type is not None
    for index, pair in enumerate(pairs):
        key, value = pair.get("key"), pair.get("value")
        if key is None or value is None:
            raise ValueInvalid(f"{path}[{index}]", "An entry has a key and a value.")
        if holds_messages:
            _fill(entries[key], value, f"{path}[{index}].value")
        else:
            entries[key] = value


def _fill(target: Any, value: Any, path: str) -> None:
    name = target.DESCRIPTOR.full_name
    if name in _TIMES:
        target.seconds, target.nanos = value
    elif name == "google.protobuf.FieldMask":
        target.paths.extend(value)
    elif name in WRAPPERS:
        target.value = value
    elif name in JSON_TYPES:
        _fill_json(target, value, path)
    else:
        write_message(target, value, f"{path}.")


def _fill_json(target: Message, value: Any, path: str) -> None:
    try:
        json_format.ParseDict(value, target)
    except (json_format.Error, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueInvalid(path, "The value is no JSON that this field can hold.") from error


_TIMES = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})

_NUMBERS: dict[int, Read] = {
    FieldDescriptor.CPPTYPE_INT64: str,
    FieldDescriptor.CPPTYPE_UINT64: str,
    FieldDescriptor.CPPTYPE_FLOAT: _write_float,
    FieldDescriptor.CPPTYPE_DOUBLE: _write_double,
}
