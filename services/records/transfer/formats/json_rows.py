"""JSON Lines: one message a line, as proto3 JSON."""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.records.transfer.failures import BadValue
from services.records.transfer.formats.rows import MAX_ROW_BYTES, MAX_ROWS, Raw
from services.records.transfer.kinds import LONG, WHOLE, is_time, taking
from services.records.transfer.setting import Reading
from services.records.transfer.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from google.protobuf.message import Message

    from services.records.transfer.formats.rows import Target
    from services.records.transfer.kinds import Take
    from services.records.transfer.setting import Put

_NUMBERS = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})
_SPACE = b" \t\r\n"


class JsonReader:
    """Reads an object a line; null leaves a field unset."""

    seeks = False

    def __init__(self, target: Target, state: Mapping[str, Any]) -> None:
        """Take what rows are read into, and the state in which another reader ended."""
        reading = Reading()
        self._count = int(state.get("rows", 0))
        self._puts: dict[str, Put] = {name: reading.field(field) for name, field in target.columns().items()}
        self._names = {name: field.name for name, field in target.columns().items()}
        self._outside: dict[str, Put] = {}
        if target.identifier:
            field: Any = target.message.DESCRIPTOR.fields_by_name[target.identifier]
            self._outside = {name: reading.field(field) for name in (field.name, field.json_name)}

    def open(self, file: Any) -> None:
        """Read nothing here and there."""

    def state(self) -> dict[str, Any]:
        """Return how many rows were read."""
        return {"rows": self._count}

    def read(self, block: bytes, *, at_end: bool) -> tuple[Sequence[Raw], int]:
        """Return the rows at the beginning of a block, and how many bytes of it they have."""
        end = len(block) if at_end else block.rfind(b"\n") + 1
        if not end and len(block) >= MAX_ROW_BYTES:
            self._count += 1
            return [Raw(self._count, BadValue("The row is too long."), block)], len(block)
        lines = block[:end].split(b"\n")
        found: list[Raw] = []
        used = 0
        for line in lines:
            used += len(line) + 1
            if line.strip(_SPACE):
                self._count += 1
                found.append(Raw(self._count, _parse(line), line))
                if len(found) == MAX_ROWS:
                    break
        return found, min(used, end)

    def put(self, payload: Any, message: Any, body: Any) -> None:
        """Set the fields that the object has."""
        if type(payload) is not dict:
            raise BadValue("The row is no JSON object.")
        puts = self._puts
        for name, value in payload.items():
            put, target = puts.get(name), body
            if put is None:
                put, target = self._outside.get(name, _put_nothing), message
            try:
                put(target, value)
            except BadValue as error:
                raise error.below(name[:100]) from None

    def mask(self, raw: Raw) -> list[str]:
        """Return the fields that the object names; null empties one."""
        return [name for key in raw.payload if (name := self._names.get(key)) is not None and name != "name"]

    def show(self, raw: Raw) -> str:
        """Return the line of a row."""
        source: bytes = raw.source
        return source.decode("utf-8", "replace").rstrip("\r\n")


class JsonWriter:
    """Writes a line for each message: only what is set is in it."""

    content_type = "application/jsonl"

    def __init__(self, fields: Sequence[FieldDescriptor]) -> None:
        """Plan the values."""
        showing = Showing()
        self._members = [_members(field, showing) for field in fields]

    def begin(self) -> bytes:
        """Return nothing: the file is its lines."""
        return b""

    def write(self, messages: Sequence[Message]) -> bytes:
        """Return a line for each message."""
        rows = zip(*(members(messages) for members in self._members), strict=True)
        return "".join([f"{{{''.join(row)[1:]}}}\n" for row in rows]).encode()

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def close(self) -> None:
        """Do nothing: nothing is open."""


def _members(field: FieldDescriptor, showing: Showing) -> Callable[[Sequence[Message]], list[str]]:
    """Return what turns a field of many messages into members of their objects, such as `,"page":7`; empty if unset."""
    take, head, encode = taking(field), f',"{field.json_name}":', _encoding(field, showing)
    if field.type in WHOLE and field.type not in LONG and not field.is_repeated:
        return _whole_members(take, head, has_presence=field.has_presence)
    if field.has_presence:
        return lambda messages: ["" if value is None else f"{head}{encode(value)}" for value in take(messages)]
    if field.type in _NUMBERS:
        # 0.0 is left out, and -0.0 is another number.
        return lambda messages: [f"{head}{encode(v)}" if v or str(v) == "-0.0" else "" for v in take(messages)]
    return lambda messages: [f"{head}{encode(value)}" if value else "" for value in take(messages)]


def _whole_members(take: Take, head: str, *, has_presence: bool) -> Callable[[Sequence[Message]], list[str]]:
    if has_presence:
        return lambda messages: ["" if value is None else f"{head}{value}" for value in take(messages)]
    return lambda messages: [f"{head}{value}" if value else "" for value in take(messages)]


def _encoding(field: FieldDescriptor, showing: Showing) -> Callable[[Any], str]:
    show = showing.field(field)
    if field.is_repeated or (field.message_type is not None and not is_time(field)):
        return lambda value: _ENCODER.encode(show(value))
    if field.type == FieldDescriptor.TYPE_STRING:
        return encode_basestring
    if field.type == FieldDescriptor.TYPE_BOOL:
        return lambda value: "true" if value else "false"
    if field.type in LONG:
        return lambda value: f'"{value}"'
    return str if field.type in WHOLE else lambda value: _quoted(show(value))


def _quoted(value: float | str) -> str:
    """Return a number as it is, and the text of a time, of bytes, of an enum or of what is no number in quotes."""
    return f'"{value}"' if type(value) is str else repr(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _put_nothing(_target: Any, _value: Any) -> None:
    raise BadValue("The record has no such field.")


def _parse(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return BadValue("The row is not UTF-8.")
    except ValueError as error:
        return BadValue(f"The row is not JSON: {str(error)[:200]}.")
    except RecursionError:
        return BadValue("The JSON of the row nests too deeply.")
