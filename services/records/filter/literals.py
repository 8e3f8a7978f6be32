"""Turns the text of a value into what a column of its kind is compared with."""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from services.chassis.contract import Kind
from services.records.filter.invalid import Mistake, excerpt
from services.records.schema.times import MAX_DURATION_SECONDS, MICROS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.descriptor import EnumDescriptor

    from services.records.filter.fields import FieldType
    from services.records.filter.lexer import Token

Literal = str | int | float | bool | Decimal | datetime
"""A value as the driver takes it. A Timestamp is a datetime in UTC, a Duration a number of microseconds."""

RANGES: Mapping[Kind, tuple[int, int]] = {
    Kind.INT32: (-(2**31), 2**31 - 1),
    Kind.UINT32: (0, 2**32 - 1),
    Kind.INT64: (-(2**63), 2**63 - 1),
    Kind.UINT64: (0, 2**64 - 1),
}
"""What each kind of integer holds."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_DURATION = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_MOST_DIGITS = 25
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SHOWN_VALUES = 30


def read_literal(type_: FieldType, value: Token) -> Literal:
    """Return a value of the field's kind.

    Raises:
        Mistake: if the text is not of that kind, or out of its range.
    """
    kind = type_.kind
    if kind is Kind.STRING:
        return value.text
    if kind is Kind.ENUM and type_.enum is not None:
        return _enum(type_.enum, value)
    return _READERS[kind](kind, value)


def _enum(enum: EnumDescriptor, value: Token) -> int:
    found = enum.values_by_name.get(value.text)
    if found is not None:
        return int(found.number)
    names = [known.name for known in enum.values]
    more = f" and {len(names) - _SHOWN_VALUES} more" if len(names) > _SHOWN_VALUES else ""
    raise Mistake(
        f"{excerpt(value.text)} is not a value of {enum.name}; its values are {', '.join(names[:_SHOWN_VALUES])}{more}",
        value.offset,
    )


def _bool(_: Kind, value: Token) -> bool:
    if value.text in ("true", "false"):
        return value.text == "true"
    raise Mistake(f"{excerpt(value.text)} is neither true nor false", value.offset)


def _integer(kind: Kind, value: Token) -> int | Decimal:
    text = value.text
    if _INTEGER.fullmatch(text):
        number = int(text)
    elif _NUMBER.fullmatch(text):
        exact = Decimal(text)
        # Looked at before it becomes an int: 1e999999 would fill the memory.
        if exact.adjusted() > _MOST_DIGITS:
            raise _out_of_range(kind, value)
        if exact != exact.to_integral_value():
            raise Mistake(f"{excerpt(text)} is not a whole number, and the field holds those alone", value.offset)
        number = int(exact)
    else:
        raise Mistake(f"{excerpt(text)} is not a number", value.offset)
    low, high = RANGES[kind]
    if not low <= number <= high:
        raise _out_of_range(kind, value)
    return Decimal(number) if kind is Kind.UINT64 else number


def _out_of_range(kind: Kind, value: Token) -> Mistake:
    low, high = RANGES[kind]
    return Mistake(f"{excerpt(value.text)} is out of range; the field holds {low} to {high}", value.offset)


def _real(kind: Kind, value: Token) -> float:
    text = value.text
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if not _NUMBER.fullmatch(text):
        raise Mistake(f"{excerpt(text)} is not a number", value.offset)
    number = float(text)
    if kind is Kind.FLOAT and math.isfinite(number):
        try:
            # A float field holds 0.1 as 0.10000000149…: what is compared with it must be rounded likewise.
            (number,) = struct.unpack("<f", struct.pack("<f", number))
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise Mistake(f"{excerpt(text)} is too large for the field", value.offset)
    return number


def _duration(_: Kind, value: Token) -> int:
    match = _DURATION.fullmatch(value.text)
    if match is None:
        raise Mistake(
            f"{excerpt(value.text)} is not a duration; write seconds with an s, such as 20s or 1.5s", value.offset
        )
    sign, seconds, fraction = match.groups()
    micros = int(seconds) * MICROS + int((fraction or "").ljust(6, "0")[:6])
    if int(seconds) > MAX_DURATION_SECONDS:
        raise Mistake(
            f"{excerpt(value.text)} is out of range; a duration has at most {MAX_DURATION_SECONDS} whole seconds",
            value.offset,
        )
    return -micros if sign else micros


def _timestamp(_: Kind, value: Token) -> datetime:
    match = _TIMESTAMP.fullmatch(value.text)
    if match is None:
        raise Mistake(
            f"{excerpt(value.text)} is not a time; write it by RFC 3339, such as 2012-04-21T11:30:00-04:00",
            value.offset,
        )
    *parts, fraction, sign, hours, minutes = match.groups()
    # Cut to microseconds, as stored times are, so that a client finds what it wrote.
    micros = int((fraction or "").ljust(6, "0")[:6])
    year, month, day, hour, minute, second = map(int, parts)
    try:
        zone = UTC if sign is None else timezone((1 if sign == "+" else -1) * _offset(int(hours), int(minutes)))
        return datetime(year, month, day, hour, minute, second, micros, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Mistake(f"{excerpt(value.text)} is a time that does not exist", value.offset) from None


def _offset(hours: int, minutes: int) -> timedelta:
    if minutes >= 60:  # noqa: PLR2004 - minutes of an hour
        raise ValueError
    return timedelta(hours=hours, minutes=minutes)


_READERS: Mapping[Kind, Callable[[Kind, Token], Literal]] = {
    Kind.BOOL: _bool,
    Kind.FLOAT: _real,
    Kind.DOUBLE: _real,
    Kind.DURATION: _duration,
    Kind.TIMESTAMP: _timestamp,
    **dict.fromkeys(RANGES, _integer),
}
