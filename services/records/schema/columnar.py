"""Reads the columns of many messages at once, a column at a time: for imports, where that is most of the work.

`Columns` reads the same from one message, and says what is wrong where something is.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from services.chassis.contract import Kind
from services.records.schema.columns import INPUT, Columns, array_text
from services.records.schema.times import MAX_NANOS, MAX_SECONDS, MIN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from google.protobuf.message import Message

    from services.chassis.contract import Field
    from services.records.schema.tables import RecordTable
    from services.records.writing.preparing import Preparing

    ReadAll = Callable[[Sequence[Message]], list[Any]]

# Postgres counts from the year 2000.
_EPOCH_SECONDS = 946_684_800
_NUL = "\x00"
_TIMES = frozenset({"create_time", "update_time"})


class NeedsCare(Exception):
    """Some message has what a column cannot hold."""


class Columnar:
    """The columns of one record."""

    def __init__(self, table: RecordTable, preparing: Preparing) -> None:
        """Plan how each column is read."""
        self._stamped = [INPUT + table.columns[name].name for name in preparing.owned & _TIMES if name in table.columns]
        single = Columns(table)
        self._read: list[tuple[str, ReadAll]] = []
        for field in table.record.fields:
            column = table.columns.get(field.name)
            if column is not None and (name := INPUT + column.name) not in self._stamped:
                self._read.append((name, _reader(field, single, name, table.limits.get(field.name))))

    def read(self, messages: Sequence[Message], moment: datetime) -> dict[str, list[Any]]:
        """Return the values of first versions that were made at a moment, by parameter.

        Raises:
            NeedsCare: where a message has what a column cannot hold.
        """
        values = {name: read(messages) for name, read in self._read}
        return values | {name: [moment] * len(messages) for name in self._stamped}


def _reader(field: Field, single: Columns, parameter: str, limit: int | None) -> ReadAll:
    name, get = field.name, attrgetter(field.name)
    if field.repeated or field.kind in (Kind.MESSAGE, Kind.MAP, Kind.DURATION):
        return _carefully(single, parameter)
    if field.kind is Kind.TIMESTAMP:
        return lambda messages: [_micros(get(m)) if m.HasField(name) else None for m in messages]
    if field.kind is Kind.STRING and field.presence:
        return lambda messages: _checked([get(m) if m.HasField(name) else None for m in messages], limit)
    if field.kind is Kind.STRING:
        return lambda messages: _checked(list(map(get, messages)), limit)
    if field.presence:
        return lambda messages: [get(m) if m.HasField(name) else None for m in messages]
    return lambda messages: list(map(get, messages))


def _carefully(single: Columns, parameter: str) -> ReadAll:
    read = single.reader(parameter)

    def read_all(messages: Sequence[Message]) -> list[Any]:
        try:
            values = [read(message) for message in messages]
        except ValueError as error:
            raise NeedsCare from error
        return [array_text(value) if isinstance(value, list) else value for value in values]

    return read_all


def _checked(values: list[Any], limit: int | None) -> list[Any]:
    texts = [value for value in values if value is not None] if None in values else values
    if _NUL in "".join(texts) or (limit is not None and max(map(len, texts), default=0) > limit):
        raise NeedsCare
    return values


def _micros(value: Any) -> tuple[int]:
    """Return a Timestamp as the pool takes it beside datetimes."""
    seconds, nanos = value.seconds, value.nanos
    if not (MIN_SECONDS <= seconds <= MAX_SECONDS and 0 <= nanos <= MAX_NANOS):
        raise NeedsCare
    return ((seconds - _EPOCH_SECONDS) * 1_000_000 + nanos // 1000,)
