"""Turns messages, maps and lists of messages into the JSON of a jsonb column, so that a filter reaches inside them.

    in a message                     in the document
    ──────────────────────────────   ─────────────────────────────────────────────────────────────────────────
    key                              the field's name as written, in snake_case
    scalar without presence          always there, its default included
    `optional`, oneof, message       there when set
    integer of any width; bool       number; true or false
    float, double                    number; "NaN", "Infinity", "-Infinity" where JSON has none
    string; enum                     text; its number
    bytes                            left out
    Timestamp                        text of fixed width in UTC, so that text order is time order:
                                     "2013-01-01T10:17:00.000000Z"
    Duration                         number of microseconds
    map                              object; keys are text ("true", "-7")
    wrapper (StringValue, …)         its value
    Struct, Value, ListValue         plain JSON
    FieldMask                        list of paths
    Any                              {"type_url": …}
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.records.times import duration_micros, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    Convert = Callable[[Any], Any]

NUL = "\x00"


class HoldsNul(ValueError):  # noqa: N818  (it is caught and answered as a violation)
    """A text with a NUL byte, which Postgres cannot keep."""

    def __init__(self, path: str) -> None:
        """Take the path below the converted value."""
        super().__init__(path)
        self.path = path


class Documents:
    """Converters of message types, each planned once."""

    def __init__(self) -> None:
        """Start with no plan."""
        self._plans: dict[str, Convert] = {}

    def column(self, descriptor: FieldDescriptor) -> Callable[[Any], str]:
        """Return what turns a field's value (a message, a map, or a list of messages) into the text of its JSON."""
        convert = self._field(descriptor)
        return lambda value: json.dumps(convert(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def message(self, descriptor: Descriptor) -> Convert:
        """Return what turns a message into a value of `json`."""
        name = descriptor.full_name
        if name in _WELL_KNOWN:
            return _WELL_KNOWN[name]
        plan = self._plans.get(name)
        if plan is None:
            # A recursive message finds this entry while its own plan is made.
            self._plans[name] = lambda value: self._plans[name](value)
            plan = self._plans[name] = self._plan(descriptor)
        return plan

    def _plan(self, descriptor: Descriptor) -> Convert:
        steps = [
            (f.name, f.has_presence, self._field(f)) for f in descriptor.fields if f.type != FieldDescriptor.TYPE_BYTES
        ]

        def convert(message: Message) -> dict[str, Any]:
            document = {}
            for name, presence, step in steps:
                if presence and not message.HasField(name):
                    continue
                try:
                    document[name] = step(getattr(message, name))
                except HoldsNul as error:
                    raise HoldsNul(f".{name}{error.path}") from None
            return document

        return convert

    def _field(self, field: FieldDescriptor) -> Convert:
        if not field.is_repeated:
            return self._single(field)
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return self._map(message.fields_by_name["value"])
        single = self._single(field)

        def convert(values: Any) -> list[Any]:
            try:
                return [single(value) for value in values]
            except HoldsNul as error:
                index = next((i for i, value in enumerate(values) if _fails(single, value)), 0)
                raise HoldsNul(f"[{index}]{error.path}") from None

        return convert

    def _map(self, value_field: FieldDescriptor) -> Convert:
        if value_field.type == FieldDescriptor.TYPE_BYTES:
            return lambda values: {_key(key): "" for key in values}
        single = self._single(value_field)
        # Reading a missing key of a map of messages adds it; items() does not.
        return lambda values: {_key(key): single(value) for key, value in values.items()}

    def _single(self, field: FieldDescriptor) -> Convert:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            return _number
        if field.type == FieldDescriptor.TYPE_STRING:
            return _text
        if field.type == FieldDescriptor.TYPE_BYTES:
            return lambda _: ""
        return _same


def _fails(convert: Convert, value: Any) -> bool:
    try:
        convert(value)
    except HoldsNul:
        return True
    return False


def _same(value: Any) -> Any:
    return value


def _text(value: str) -> str:
    if NUL in value:
        raise HoldsNul("")
    return value


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return _text(str(key))


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return _list(value.list_value)
    if kind == "string_value":
        return _text(value.string_value)
    if kind == "number_value":
        return _number(value.number_value)
    return value.bool_value if kind == "bool_value" else None


def _struct(struct: Any) -> dict[str, Any]:
    return {_key(key): _value(value) for key, value in struct.fields.items()}


def _list(values: Any) -> list[Any]:
    return [_value(value) for value in values.values]


_WELL_KNOWN: dict[str, Convert] = {
    "google.protobuf.Timestamp": timestamp_text,
    "google.protobuf.Duration": duration_micros,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list,
    "google.protobuf.FieldMask": lambda mask: [_text(path) for path in mask.paths],
    "google.protobuf.Any": lambda packed: {"type_url": _text(packed.type_url)},
    "google.protobuf.BytesValue": lambda _: "",
    "google.protobuf.StringValue": lambda wrapper: _text(wrapper.value),
    "google.protobuf.FloatValue": lambda wrapper: _number(wrapper.value),
    "google.protobuf.DoubleValue": lambda wrapper: _number(wrapper.value),
} | {
    f"google.protobuf.{kind}Value": lambda wrapper: wrapper.value
    for kind in ("Bool", "Int32", "Int64", "UInt32", "UInt64")
}
