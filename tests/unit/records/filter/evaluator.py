"""What a filter means, said a second time: plain Python over a message, sharing with the engine its parser alone."""

from __future__ import annotations

import math
import re
import string
import struct
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.records.filter.lexer import Sort
from services.records.filter.parser import parse
from services.records.filter.syntax import Conjunction, Disjunction, Expression, Negation, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.records.filter.lexer import Token

_TEXTS = ("code", "remark", "maybe_text", "tags", "origin", "title", "owner")
"""Where words are looked for in a specimen."""

_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_TIMES = {"google.protobuf.Timestamp": Timestamp, "google.protobuf.Duration": Duration}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    ":": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def matches(text: str, message: Any) -> bool:
    """Whether a message passes a filter."""
    expression = parse(text)
    return expression is None or _holds(expression, message)


def _holds(expression: Expression, message: Any) -> bool:
    if isinstance(expression, Negation):
        return not _holds(expression.term, message)
    if isinstance(expression, Conjunction):
        return all(_holds(term, message) for term in expression.terms)
    if isinstance(expression, Disjunction):
        return any(_holds(term, message) for term in expression.terms)
    if isinstance(expression, Word):
        return any(_says(expression, text) for name in _TEXTS for text in _texts(message, name))
    words = [word.text for word in expression.path]
    value = expression.value
    star = expression.operator == ":" and value.sort is Sort.TEXT and value.text == "*"
    return _ask(message, words, expression.operator, None if star else value)


def _texts(message: Any, name: str) -> Sequence[str]:
    held = getattr(message, name)
    return [held] if isinstance(held, str) else list(held)


def _says(word: Word, text: str) -> bool:
    pieces = [piece.translate(_FOLD) for piece in word.pieces or (word.text,)]
    return re.search(".*".join(map(re.escape, pieces)), text.translate(_FOLD), re.DOTALL) is not None


def _ask(message: Any, words: Sequence[str], operator: str, value: Token | None) -> bool:
    """Ask a field of a message; `value` None asks for presence."""
    field = message.DESCRIPTOR.fields_by_name[words[0]]
    held, rest = getattr(message, field.name), words[1:]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _ask_map(field, held, rest, operator, value)
    if field.is_repeated:
        if rest:
            return any(_ask(element, rest, operator, value) for element in held)
        return len(held) > 0 if value is None else any(_compare(field, element, "=", value) for element in held)
    if field.has_presence and not message.HasField(field.name):
        return False
    return _ask_one(field, held, rest, operator, value)


def _ask_map(field: FieldDescriptor, held: Any, rest: Sequence[str], operator: str, value: Token | None) -> bool:
    kinds: Any = field.message_type
    key_field, value_field = kinds.fields_by_name["key"], kinds.fields_by_name["value"]
    if not rest:
        return len(held) > 0 if value is None else _key(key_field, value.text) in held
    key = _key(key_field, rest[0])
    if key not in held:
        return False
    if value is None and not rest[1:]:
        return True
    return _ask_one(value_field, held[key], rest[1:], operator, value)


def _ask_one(field: FieldDescriptor, held: Any, rest: Sequence[str], operator: str, value: Token | None) -> bool:
    """Ask a single value that is there."""
    message = field.message_type
    if message is not None and not message.full_name.startswith("google.protobuf."):
        if rest:
            return _ask(held, rest, operator, value)
        return True if value is None else _ask(held, [value.text], ":", None)
    if value is None:
        return message is not None or held != field.default_value
    return _compare(field, held, operator, value)


def _compare(field: FieldDescriptor, held: Any, operator: str, value: Token) -> bool:
    if field.message_type is not None and field.message_type.full_name in _TIMES:
        wanted: Any = _TIMES[field.message_type.full_name]()
        # RFC 3339 lets t and z be small, protobuf's own reader does not.
        wanted.FromJsonString(value.text.replace("t", "T").replace("z", "Z"))
        return _COMPARE[operator](_micros(held), _micros(wanted))
    if field.message_type is not None:
        field, held = field.message_type.fields_by_name["value"], held.value
    if field.type == FieldDescriptor.TYPE_STRING and value.pieces and operator in {"=", ":", "!="}:
        alike = re.fullmatch(".*".join(map(re.escape, value.pieces)), held, re.DOTALL) is not None
        return alike is not (operator == "!=")
    return _COMPARE[operator](_ordered(held), _ordered(_literal(field, value.text)))


def _literal(field: FieldDescriptor, text: str) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    if field.enum_type is not None:
        return field.enum_type.values_by_name[text].number
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False}[text]
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return struct.unpack("<f", struct.pack("<f", float(text)))[0]
    return float(text) if field.type == FieldDescriptor.TYPE_DOUBLE else int(text)


def _ordered(value: Any) -> Any:
    """Put NaN behind every other number, and make it equal to itself."""
    return (math.isnan(value), 0.0 if math.isnan(value) else value) if isinstance(value, float) else value


def _micros(value: Any) -> int:
    micros: int = value.seconds * 1_000_000 + math.trunc(value.nanos / 1000)
    return micros


def _key(field: FieldDescriptor, text: str) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return text
    return {"true": True, "false": False}[text] if field.type == FieldDescriptor.TYPE_BOOL else int(text)
