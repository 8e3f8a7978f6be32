"""Random messages of any type, by their descriptors: every kind of field, set, empty and unset."""

from __future__ import annotations

import math
import random
import struct
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from google.protobuf.message import Message

DEPTH = 2
"""How deep messages nest."""

F = FieldDescriptor
_RANGES = {
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), (-(2**31), 2**31 - 1)),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), (-(2**63), 2**63 - 1)),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), (0, 2**64 - 1)),
}
TEXTS = (
    "",
    '""',
    '"',
    '"\\"\\""',
    '"a"',
    "null",
    "{}",
    "a,b\r\nc",
    " ",
    "=1",
    "é",
    "\ufeff",
    "\u2028",
    "-0",
    "\U0001f600",
)
"""Texts that something could take for something else."""

FLOATS = (0.0, -0.0, 0.1, 1.5, -2e-45, 1e300, 3.4e38, math.inf, -math.inf, math.nan, 16777217.0, 1 / 3)


def messages(descriptor: Any, *, without: Collection[str] = ()) -> st.SearchStrategy[Any]:
    """Return messages of a type in which the fields `without` are left unset at the top level.

    They are made from a seed: a message of fifty fields that is drawn value by value takes seconds.
    """
    seeds = st.integers(0, 2**32)
    return seeds.map(lambda seed: make(random.Random(seed), descriptor, without=without))  # noqa: S311 - nothing secret


def make(chance: random.Random, descriptor: Any, *, without: Collection[str] = (), depth: int = DEPTH) -> Any:
    """Return a random message of a type."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.name not in without and chance.random() < 2 / 3:
            _fill(chance, message, field, depth)
    return message


def _fill(chance: random.Random, message: Any, field: Any, depth: int) -> None:
    inner, count = field.message_type, chance.randrange(3)
    if inner is not None and inner.GetOptions().map_entry:
        key, value = inner.fields_by_name["key"], inner.fields_by_name["value"]
        for _ in range(count):
            name = _scalar(chance, key)
            if value.message_type is None:
                getattr(message, field.name)[name] = _scalar(chance, value)
            else:
                getattr(message, field.name)[name].CopyFrom(_inside(chance, value.message_type, depth))
    elif field.is_repeated:
        values = [_scalar(chance, field) if inner is None else _inside(chance, inner, depth) for _ in range(count)]
        getattr(message, field.name).extend(values)
    elif inner is not None:
        getattr(message, field.name).CopyFrom(_inside(chance, inner, depth))
    else:
        setattr(message, field.name, _scalar(chance, field))


def _inside(chance: random.Random, descriptor: Any, depth: int) -> Message:
    name, kind = descriptor.full_name, GetMessageClass(descriptor)
    nanos = chance.choice((0, 1_000_000, chance.randrange(1_000_000) * 1000))
    if name == "google.protobuf.Timestamp":
        seconds = chance.choice((0, -62_135_596_800, 253_402_300_799, chance.randrange(-(10**10), 10**10)))
        return kind(seconds=seconds, nanos=nanos)
    if name == "google.protobuf.Duration":
        sign, seconds = chance.choice((1, -1)), chance.choice((0, 315_576_000_000, chance.randrange(10**6)))
        return kind(seconds=sign * seconds, nanos=sign * nanos)
    if name in ("google.protobuf.Struct", "google.protobuf.Value"):
        document = _json(chance, 2) if descriptor.name == "Value" else {chance.choice(TEXTS): _json(chance, 2)}
        return json_format.ParseDict(document, kind())
    if name == "google.protobuf.FieldMask":
        return kind(paths=chance.sample(["a", "b_c", "d.e_f"], 2))
    if not depth:
        return kind()
    made: Message = make(chance, descriptor, depth=depth - 1)
    return made


def _json(chance: random.Random, depth: int) -> Any:
    plain = (None, True, 7, -1.5, chance.choice(TEXTS))
    if depth and chance.random() < 1 / 3:
        return (
            [_json(chance, depth - 1)] if chance.random() < 1 / 2 else {chance.choice(TEXTS): _json(chance, depth - 1)}
        )
    return chance.choice(plain)


def _scalar(chance: random.Random, field: Any) -> Any:
    if field.type in _RANGES:
        low, high = _RANGES[field.type]
        return chance.choice((low, high, 0, 1, chance.randint(low, high)))
    choices: dict[int, Callable[[], Any]] = {
        # A number that an enum lacks is kept as it is.
        F.TYPE_ENUM: lambda: chance.choice([value.number for value in field.enum_type.values] + [77]),
        F.TYPE_STRING: lambda: chance.choice((*TEXTS, "".join(chance.choices('aé"\\,\n\t €', k=5)))),
        F.TYPE_BYTES: lambda: chance.randbytes(chance.randrange(4)),
        F.TYPE_BOOL: lambda: chance.random() < 1 / 2,
    }
    if field.type in choices:
        return choices[field.type]()
    number = chance.choice((*FLOATS, chance.uniform(-1e6, 1e6)))
    if field.type == F.TYPE_FLOAT and math.isfinite(number):
        return struct.unpack("<f", struct.pack("<f", max(-3.4e38, min(3.4e38, number))))[0]
    return number


def same(one: Message, other: Message) -> bool:
    """Whether two messages have the same bytes: NaN is the same as itself, and 0.0 is not -0.0."""
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
