"""How single values look as JSON at the edge: protobuf's scalars and its well-known types."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable

Node = dict[str, Any]
"""A part of an OpenAPI document."""


class Mode(enum.Enum):
    """What a schema describes; its value is what follows the message's name in the name of the schema."""

    ANSWER = ""
    """What the edge answers."""
    INPUT = "-input"
    """What a caller sends."""
    UPDATE = "-update"
    """What a caller sends to change a record: whatever it leaves out stays."""

    @property
    def below(self) -> Mode:
        """The mode of what is inside."""
        return Mode.INPUT if self is Mode.UPDATE else self


_SIGNED_32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
_UNSIGNED_32 = {"minimum": 0, "maximum": 2**32 - 1}
_NOT_A_NUMBER = {"enum": ["NaN", "Infinity", "-Infinity"]}


def integer_32(mode: Mode, *, signed: bool) -> Node:
    """Return a number. Only what is sent is bounded: an answer is what it is."""
    bounds = _SIGNED_32 if signed else _UNSIGNED_32
    format_ = "int32" if signed else "uint32"
    return {"type": "integer", "format": format_, **({} if mode is Mode.ANSWER else bounds)}


def integer_64(mode: Mode, *, signed: bool) -> Node:
    """Return a string of digits, since JSON's readers lose what is past 2^53; a number is taken as well."""
    format_, pattern = ("int64", "^-?[0-9]{1,19}$") if signed else ("uint64", "^[0-9]{1,20}$")
    if mode is Mode.ANSWER:
        return {"type": "string", "format": format_, "pattern": pattern}
    bounds = {"minimum": -(2**63), "maximum": 2**63 - 1} if signed else {"minimum": 0, "maximum": 2**64 - 1}
    return {"type": ["string", "integer"], "format": format_, "pattern": pattern, **bounds}


def floating(format_: str) -> Node:
    """Return a number, or one of the three that JSON has no number for."""
    return {"anyOf": [{"type": "number", "format": format_}, dict(_NOT_A_NUMBER)]}


def scalar(type_: int, mode: Mode) -> Node:
    """Return the schema of a scalar, by its number in `FieldDescriptor`."""
    if type_ in _INTEGERS_64:
        return integer_64(mode, signed=_INTEGERS_64[type_])
    if type_ in _INTEGERS_32:
        return integer_32(mode, signed=_INTEGERS_32[type_])
    return _OTHERS[type_]()


_INTEGERS_32 = {
    FieldDescriptor.TYPE_INT32: True,
    FieldDescriptor.TYPE_SINT32: True,
    FieldDescriptor.TYPE_SFIXED32: True,
    FieldDescriptor.TYPE_UINT32: False,
    FieldDescriptor.TYPE_FIXED32: False,
}
"""The types of 32-bit integers, and whether they may be negative."""

_INTEGERS_64 = {
    FieldDescriptor.TYPE_INT64: True,
    FieldDescriptor.TYPE_SINT64: True,
    FieldDescriptor.TYPE_SFIXED64: True,
    FieldDescriptor.TYPE_UINT64: False,
    FieldDescriptor.TYPE_FIXED64: False,
}
"""The types of 64-bit integers, and whether they may be negative."""

_OTHERS: dict[int, Callable[[], Node]] = {
    FieldDescriptor.TYPE_BOOL: lambda: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: lambda: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: lambda: {"type": "string", "format": "byte", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_FLOAT: lambda: floating("float"),
    FieldDescriptor.TYPE_DOUBLE: lambda: floating("double"),
}
"""The schemas of all other scalars."""

TIMESTAMP: Node = {"type": "string", "format": "date-time"}
DURATION: Node = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["3.5s"]}
FIELD_MASK: Node = {"type": "string", "examples": ["title,author.displayName"]}
ANY: Node = {"type": "object", "required": ["@type"], "properties": {"@type": {"type": "string"}}}

WELL_KNOWN: dict[str, Callable[[Mode], Node]] = {
    "google.protobuf.Timestamp": lambda _: dict(TIMESTAMP),
    "google.protobuf.Duration": lambda _: dict(DURATION),
    "google.protobuf.FieldMask": lambda _: dict(FIELD_MASK),
    "google.protobuf.Any": lambda _: dict(ANY),
    "google.protobuf.Empty": lambda _: {"type": "object"},
    "google.protobuf.Struct": lambda _: {"type": "object"},
    "google.protobuf.Value": lambda _: {},
    "google.protobuf.ListValue": lambda _: {"type": "array", "items": {}},
    "google.protobuf.BoolValue": lambda _: {"type": "boolean"},
    "google.protobuf.StringValue": lambda _: {"type": "string"},
    "google.protobuf.BytesValue": lambda mode: scalar(FieldDescriptor.TYPE_BYTES, mode),
    "google.protobuf.FloatValue": lambda _: floating("float"),
    "google.protobuf.DoubleValue": lambda _: floating("double"),
    "google.protobuf.Int32Value": lambda mode: integer_32(mode, signed=True),
    "google.protobuf.UInt32Value": lambda mode: integer_32(mode, signed=False),
    "google.protobuf.Int64Value": lambda mode: integer_64(mode, signed=True),
    "google.protobuf.UInt64Value": lambda mode: integer_64(mode, signed=False),
}
"""Messages that JSON writes in a form of their own."""

NO_QUERY = frozenset(
    {
        "google.protobuf.Any",
        "google.protobuf.Empty",
        "google.protobuf.Struct",
        "google.protobuf.Value",
        "google.protobuf.ListValue",
        "google.api.HttpBody",
    }
)
"""Messages that no query parameter can hold."""
