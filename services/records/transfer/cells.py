"""Cells of a table: one text for each top-level field of a record, the way CSV files have them.

field                              cell
────────────────────────────────   ─────────────────────────────────────────────────────────────────────────────
number, bool, enum                 as in proto3 JSON, without quotes: `7`, `true`, `COLOR_RED`, `NaN`
string                             itself
Timestamp, Duration                `2013-01-01T10:17:00Z`, `1.5s`
bytes                              base64
repeated, map, message             its JSON
unset                              nothing
set, and empty all the same        `""`: two quotes are in the cell, so a CSV file has six
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.records.transfer.failures import BadValue
from services.records.transfer.kinds import TIMESTAMP, WHOLE, is_time, taking
from services.records.transfer.setting import read_bytes, read_duration, read_timestamp, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.message import Message

    from services.records.transfer.setting import Put, Read, Reading
    from services.records.transfer.showing import Showing

    ShowCells = Callable[[Sequence[Message]], list[Any]]

EMPTY = '""'
"""The cell of a value that is set and has no character."""

_TRUTHS = {"true": True, "false": False, "t": True, "f": False, "TRUE": True, "FALSE": False}


def show_cells(field: FieldDescriptor, showing: Showing) -> ShowCells:
    """Return what turns a field of many messages into their cells; what `csv` writes as it should is left as it is."""
    take, show = taking(field), _shown(field, showing)
    if field.is_repeated:
        return lambda messages: [show(value) if value else "" for value in take(messages)]
    if show is _same:
        return take if not field.has_presence else lambda messages: ["" if v is None else v for v in take(messages)]
    if field.has_presence:
        return lambda messages: ["" if value is None else show(value) for value in take(messages)]
    return lambda messages: list(map(show, take(messages)))


def _shown(field: FieldDescriptor, showing: Showing) -> Callable[[Any], Any]:
    if field.is_repeated or (field.message_type is not None and not is_time(field)):
        convert = showing.field(field)
        return lambda value: json.dumps(convert(value), ensure_ascii=False, separators=(",", ":"))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda value: "true" if value else "false"
    if field.type == FieldDescriptor.TYPE_STRING:
        return _show_present_text if field.has_presence else _same
    single = showing.single(field)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (lambda value: single(value) or EMPTY) if field.has_presence else single
    # A number is its own text.
    return _same if field.enum_type is None and field.type in WHOLE else single


def put_cell(field: FieldDescriptor, reading: Reading) -> Put:
    """Return what sets a field of a message to what a cell says, which has at least one character."""
    name = field.name
    if field.is_repeated or (field.message_type is not None and not is_time(field)):
        put = reading.field(field)
        return lambda message, cell: put(message, _parsed(cell))
    if is_time(field):
        return _put_time(name, field.message_type.full_name)  # type: ignore[union-attr]  # a time is a message
    read = _read_text_of(field, reading)

    def put_scalar(message: Message, cell: str) -> None:
        try:
            setattr(message, name, read(cell))
        except BadValue:
            raise
        except (ValueError, TypeError) as error:
            raise BadValue(said(error)) from None

    return put_scalar


def _read_text_of(field: FieldDescriptor, reading: Reading) -> Read:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _read_truth
    if field.type == FieldDescriptor.TYPE_STRING:
        return _read_present_text if field.has_presence else _same
    if field.type == FieldDescriptor.TYPE_BYTES:
        return (lambda cell: b"" if cell == EMPTY else read_bytes(cell)) if field.has_presence else read_bytes
    return reading.single(field)


def _put_time(name: str, kind: str) -> Put:
    read = read_timestamp if kind == TIMESTAMP else read_duration

    def put(message: Message, cell: str) -> None:
        seconds, nanos = read(cell)
        inner = getattr(message, name)
        inner.SetInParent()
        if seconds:
            inner.seconds = seconds
        if nanos:
            inner.nanos = nanos

    return put


def _parsed(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError as error:
        raise BadValue(f"The cell is not JSON: {error}.") from None
    except RecursionError:
        raise BadValue("The JSON in the cell nests too deeply.") from None


def _read_truth(cell: str) -> bool:
    found = _TRUTHS.get(cell)
    if found is None:
        raise BadValue(f"`{cell[:40]}` is neither true nor false.")
    return found


def _show_present_text(value: str) -> str:
    # What would be read as something else is written as JSON once more, so that each text has a cell of its own.
    return value if value and value[0] != '"' else json.dumps(value) if _is_quoting(value) else value


def _read_present_text(cell: str) -> str:
    return str(json.loads(cell)) if cell[0] == '"' and _is_quoting(cell) else cell


def _is_quoting(text: str) -> bool:
    """Whether a text is empty, or what JSON makes of the empty text in one or more steps."""
    while text.startswith('"') and text.endswith('"') and len(text) > 1 and text.isascii():
        try:
            inner = json.loads(text)
        except ValueError:
            return False
        if not isinstance(inner, str) or json.dumps(inner) != text:
            return False
        text = inner
    return not text


def _same(value: Any) -> Any:
    return value
