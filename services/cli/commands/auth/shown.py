"""How answers are shown: as tables and sentences to people, as JSON to programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What a command has to say."""

    text: str
    """What people read."""
    value: Any
    """What programs read: a message, messages, or what JSON knows; None for nothing."""
    code: int = 0
    """The command's exit code."""


def render(shown: Shown, *, as_json: bool) -> str:
    """Return what is printed."""
    if as_json and shown.value is not None:
        return json.dumps(_plain(shown.value), indent=2, ensure_ascii=False) + "\n"
    return f"{shown.text}\n" if shown.text else ""


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], value: Any, *, nothing: str) -> Shown:
    """Return rows under their headings, or a sentence where there is none."""
    cells = [tuple(_printable(cell) for cell in row) for row in rows]
    if not cells:
        return Shown(text=nothing, value=value)
    table = [tuple(columns), *cells]
    widths = [max(len(row[column]) for row in table) for column in range(len(columns))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return Shown(text="\n".join(lines), value=value)


def show_fields(fields: Iterable[tuple[str, str]], value: Any) -> Shown:
    """Return what is known of one thing, a line for each field that says something."""
    told = [(name, _printable(text)) for name, text in fields if text]
    width = max((len(name) for name, _ in told), default=0)
    return Shown(text="\n".join(f"{name.ljust(width)}  {text}" for name, text in told), value=value)


def write_time(message: Any, field: str) -> str:
    """Return a time to the second, or nothing where there is none."""
    if not message.HasField(field):
        return ""
    moment: Timestamp = getattr(message, field)
    return moment.ToDatetime().strftime("%Y-%m-%d %H:%M:%S UTC")


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return MessageToDict(value, always_print_fields_with_no_presence=True)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _printable(text: str) -> str:
    # A name that somebody chose must not move the cursor, nor colour what follows it.
    return "".join(character if character.isprintable() else "�" for character in text)
