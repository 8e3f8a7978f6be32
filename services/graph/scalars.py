"""The scalars that GraphQL lacks, written as protobuf's JSON writes them, and how they are read."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from google.protobuf import duration_pb2, field_mask_pb2, timestamp_pb2
from graphql import GraphQLError, GraphQLScalarType
from graphql.utilities import value_from_ast_untyped

if TYPE_CHECKING:
    from collections.abc import Callable

_WHOLE = re.compile(r"-?[0-9]{1,20}").fullmatch
_MASK = re.compile(r"\*|[A-Za-z0-9_.,`\" -]*").fullmatch


def _same(value: Any) -> Any:
    return value


def _scalar(name: str, read: Callable[[Any], Any], description: str) -> GraphQLScalarType:
    return GraphQLScalarType(name, coerce_output_value=_same, coerce_input_value=read, description=description)


def _whole(name: str, low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if (isinstance(value, str) and _WHOLE(value)) or (isinstance(value, float) and value.is_integer()):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise GraphQLError(f"{name} is a whole number from {low} to {high}, as a number or as a text.")
        return value

    return read


def _read_timestamp(value: Any) -> tuple[int, int]:
    found = timestamp_pb2.Timestamp()
    try:
        found.FromJsonString(value)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise GraphQLError("Timestamp is an instant as RFC 3339 writes it, such as 2013-01-01T10:15:00Z.") from error
    return found.seconds, found.nanos


def _read_duration(value: Any) -> tuple[int, int]:
    found = duration_pb2.Duration()
    try:
        found.FromJsonString(value)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise GraphQLError("Duration is seconds with an `s` behind them, such as 3.5s.") from error
    return found.seconds, found.nanos


def _read_mask(value: Any) -> list[str]:
    if not isinstance(value, str) or not _MASK(value):
        raise GraphQLError("FieldMask is a text of paths with commas between them, such as title,author.name.")
    if "_" in value or "`" in value or value == "*":
        return [path.strip() for path in value.split(",") if path.strip()]
    found = field_mask_pb2.FieldMask()
    try:
        found.FromJsonString(value.replace(" ", ""))
    except ValueError as error:
        raise GraphQLError(
            "FieldMask is a text of paths with commas between them, such as title,author.name."
        ) from error
    return list(found.paths)


def _read_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        text = value.replace("-", "+").replace("_", "/")
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except binascii.Error:
            pass
    raise GraphQLError("Bytes is a text in base64.")


INT64 = _scalar("Int64", _whole("Int64", -(2**63), 2**63 - 1), "A whole number of 64 bits; it is written as a text.")
UINT64 = _scalar("UInt64", _whole("UInt64", 0, 2**64 - 1), "A whole number of 64 bits, not below zero, as a text.")
UINT32 = _scalar("UInt32", _whole("UInt32", 0, 2**32 - 1), "A whole number of 32 bits that is not below zero.")
TIMESTAMP = _scalar("Timestamp", _read_timestamp, "An instant as RFC 3339 writes it: 2013-01-01T10:15:00Z.")
DURATION = _scalar("Duration", _read_duration, "Seconds with an `s` behind them: 3.5s.")
FIELD_MASK = _scalar("FieldMask", _read_mask, "Paths of fields with commas between them: title,author.name.")
BYTES = _scalar("Bytes", _read_bytes, "Bytes in base64.")
JSON = GraphQLScalarType(
    "JSON",
    coerce_output_value=_same,
    coerce_input_value=_same,
    coerce_input_literal=value_from_ast_untyped,
    description="Any value that JSON can write.",
)

NAMES = frozenset(scalar.name for scalar in (INT64, UINT64, UINT32, TIMESTAMP, DURATION, FIELD_MASK, BYTES, JSON)) | {
    "Int",
    "Float",
    "String",
    "Boolean",
    "ID",
    "Query",
    "Mutation",
    "Subscription",
    "PageInfo",
}
"""Names that no type of a contract can have."""
