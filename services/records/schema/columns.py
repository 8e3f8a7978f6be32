"""Reads the values of a row's columns from a message, and finds all that no column can hold."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import ARRAY

from services.chassis.contract import Kind
from services.chassis.errors import Violation
from services.records.failures import Unstorable
from services.records.schema.documents import (
    Documents,
    Unfit,
    checked_duration,
    checked_text,
    checked_timestamp,
    convert_each,
)
from services.records.schema.times import duration_micros, timestamp_datetime

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from services.chassis.contract import Field
    from services.records.schema.tables import RecordTable

    Read = Callable[[Message], Any]

INPUT = "in_"
"""Parameters that hold the values of a row begin with this, and go on with the column's name."""


class Columns:
    """The columns of one record, each with what reads it from a message."""

    __slots__ = ("_plain", "_read", "lists")

    def __init__(self, table: RecordTable) -> None:
        """Plan how each column is read."""
        documents = Documents()
        self._plain: list[tuple[str, str]] = []
        self._read: list[tuple[str, str, Read]] = []
        self.lists: set[str] = set()
        for field in table.record.fields:
            column = table.columns.get(field.name)
            if column is None:
                continue
            name = INPUT + column.name
            if isinstance(column.type, ARRAY):
                self.lists.add(name)
            if _is_plain(field):
                self._plain.append((name, field.name))
            else:
                self._read.append((name, field.name, _reader(field, table, documents)))

    def reader(self, parameter: str) -> Read:
        """Return what reads one column that takes more than its field's value."""
        return next(read for name, _, read in self._read if name == parameter)

    def row(self, message: Message, path: str) -> dict[str, Any]:
        """Return the columns' values by parameter.

        Raises:
            Unstorable: with everything that a column cannot hold; `path` is the record's in the request.
        """
        values = {name: getattr(message, field) for name, field in self._plain}
        violations: list[Violation] = []
        for name, field, read in self._read:
            try:
                values[name] = read(message)
            except Unfit as error:
                where = f"{path}.{field}{error.path}" if path else f"{field}{error.path}"
                violations.append(Violation(field=where, description=error.description, reason=error.rule))
        if violations:
            raise Unstorable(violations)
        return values


def array_text(values: list[Any]) -> str:
    """Return the text of a Postgres array (PostgreSQL manual §8.15.6)."""
    return "{" + ",".join(map(_element_text, values)) + "}"


def _element_text(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, bool):
        return "t" if value else "f"
    return repr(value) if isinstance(value, float) else str(value)


def _is_plain(field: Field) -> bool:
    numbers = (Kind.BOOL, Kind.INT32, Kind.UINT32, Kind.INT64, Kind.UINT64, Kind.FLOAT, Kind.DOUBLE, Kind.ENUM)
    return not field.presence and not field.repeated and field.kind in numbers


def _reader(field: Field, table: RecordTable, documents: Documents) -> Read:
    name = field.name
    if field.kind in (Kind.MESSAGE, Kind.MAP):
        convert: Callable[[Any], Any] = documents.column(table.descriptor.fields_by_name[name])
    else:
        convert = _scalar(field, table.limits.get(name))
    if field.repeated and field.kind is not Kind.MESSAGE:
        return lambda message: convert_each(convert, getattr(message, name))
    if field.repeated or field.kind is Kind.MAP:
        return lambda message: convert(getattr(message, name))
    if field.presence or field.kind in (Kind.MESSAGE, Kind.TIMESTAMP, Kind.DURATION):
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None
    return lambda message: convert(getattr(message, name))


def _scalar(field: Field, limit: int | None) -> Callable[[Any], Any]:
    if field.kind is Kind.TIMESTAMP:
        return lambda value: timestamp_datetime(checked_timestamp(value))
    if field.kind is Kind.DURATION:
        return lambda value: duration_micros(checked_duration(value))
    if field.kind is Kind.STRING:
        return checked_text if limit is None else lambda value: _short_text(value, limit)
    return lambda value: value


def _short_text(value: str, limit: int) -> str:
    if len(value) > limit:
        raise Unfit("", f"An indexed text has at most {limit} characters, not {len(value)}.", "string.max_len")
    return checked_text(value)
