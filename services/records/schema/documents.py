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

from services.records.schema.times import duration_micros, is_duration, is_timestamp, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    Convert = Callable[[Any], Any]

NUL = "\x00"


class Unfit(ValueError):
    """A value that Postgres cannot keep."""

    def __init__(self, path: str, description: str, rule: str) -> None:
        """Take the path below the converted value, what is wrong, and the rule that says so."""
        super().__init__(path, description)
        self.path = path
        self.description = description
        self.rule = rule

    def below(self, path: str) -> Unfit:
        """Return the same, seen from above."""
        return Unfit(path + self.path, self.description, self.rule)


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
            self._plans[name] = lambda value: self._plans[name](value)  # noqa: PLW0108 - looked up when it is called
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
                except Unfit as error:
                    raise error.below(f".{name}") from None
            return document

        return convert

    def _field(self, field: FieldDescriptor) -> Convert:
        if not field.is_repeated:
            return self._single(field)
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return self._map(message.fields_by_name["value"])
        single = self._single(field)

        return lambda values: convert_each(single, values)

    def _map(self, value_field: FieldDescriptor) -> Convert:
        if value_field.type == FieldDescriptor.TYPE_BYTES:
            return lambda values: {_key(key): "" for key in values}
        single = self._single(value_field)
        return lambda values: _convert_values(single, values)

    def _single(self, field: FieldDescriptor) -> Convert:
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            return _number
        if field.type == FieldDescriptor.TYPE_STRING:
            return checked_text
        if field.type == FieldDescriptor.TYPE_BYTES:
            return lambda _: ""
        return _same


def convert_each(convert: Convert, values: Any) -> list[Any]:
    """Return the converted values of a list."""
    found = []
    for index, value in enumerate(values):
        try:
            found.append(convert(value))
        except Unfit as error:
            raise error.below(f"[{index}]") from None
    return found


def _convert_values(convert: Convert, values: Any) -> dict[str, Any]:
    found = {}
    # items() does not add a missing key, as reading one would.
    for key, value in values.items():
        try:
            found[_key(key)] = convert(value)
        except Unfit as error:
            raise error.below(f"[{json.dumps(key)}]") from None
    return found


def _same(value: Any) -> Any:
    return value


def checked_text(value: str) -> str:
    """Return a text that Postgres can keep."""
    if NUL in value:
        raise Unfit("", "A text cannot hold a NUL character.", "string.nul")
    return value


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return checked_text(str(key))


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
        return checked_text(value.string_value)
    if kind == "number_value":
        return _number(value.number_value)
    return value.bool_value if kind == "bool_value" else None


def _struct(struct: Any) -> dict[str, Any]:
    return {_key(key): _value(value) for key, value in struct.fields.items()}


def _list(values: Any) -> list[Any]:
    return [_value(value) for value in values.values]


def checked_timestamp(value: Any) -> Any:
    """Return a Timestamp that is in its range."""
    if not is_timestamp(value):
        raise Unfit("", "A time must lie in the years 1 to 9999.", "timestamp.range")
    return value


def checked_duration(value: Any) -> Any:
    """Return a Duration that is in its range."""
    if not is_duration(value):
        raise Unfit("", "A duration must lie within 10,000 years, with one sign for both parts.", "duration.range")
    return value


_WELL_KNOWN: dict[str, Convert] = {
    "google.protobuf.Timestamp": lambda value: timestamp_text(checked_timestamp(value)),
    "google.protobuf.Duration": lambda value: duration_micros(checked_duration(value)),
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list,
    "google.protobuf.FieldMask": lambda mask: [checked_text(path) for path in mask.paths],
    "google.protobuf.Any": lambda packed: {"type_url": checked_text(packed.type_url)},
    "google.protobuf.BytesValue": lambda _: "",
    "google.protobuf.StringValue": lambda wrapper: checked_text(wrapper.value),
    "google.protobuf.FloatValue": lambda wrapper: _number(wrapper.value),
    "google.protobuf.DoubleValue": lambda wrapper: _number(wrapper.value),
} | {
    f"google.protobuf.{kind}Value": lambda wrapper: wrapper.value
    for kind in ("Bool", "Int32", "Int64", "UInt32", "UInt64")
}
