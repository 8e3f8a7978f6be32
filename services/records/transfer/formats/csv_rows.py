"""Comma-separated values with a header (RFC 4180): one cell for each field."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from services.records.transfer.cells import put_cell, show_cells
from services.records.transfer.failures import BadValue, FileUnreadable
from services.records.transfer.formats.rows import MAX_DEPTH, MAX_ROW_BYTES, MAX_ROWS, Raw
from services.records.transfer.setting import Reading
from services.records.transfer.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from services.records.transfer.formats.rows import Target

    Put = Callable[[Any, str], None]

csv.field_size_limit(MAX_ROW_BYTES)

_MARK = b"\xef\xbb\xbf"
"""What some programs write at the beginning of a file to say that it is UTF-8."""


class CsvReader:
    """Reads rows below a header of fields: in snake_case, or as JSON has them, with dots for those inside messages."""

    seeks = False

    def __init__(self, target: Target, state: Mapping[str, Any]) -> None:
        """Take what rows are read into, and the state in which another reader ended."""
        self._target = target
        self._header: list[str] = list(state.get("header", ()))
        self._count = int(state.get("rows", 0))
        self._puts: list[tuple[str, bool, Put]] = []
        self._mask: list[str] = []
        if self._header:
            self._plan()

    def open(self, file: Any) -> None:
        """Read nothing here and there."""

    def state(self) -> dict[str, Any]:
        """Return the header and how many rows were read."""
        return {"header": self._header, "rows": self._count}

    def read(self, block: bytes, *, at_end: bool) -> tuple[Sequence[Raw], int]:
        """Return the rows at the beginning of a block, and how many bytes of it they have; raises FileUnreadable."""
        # A quoted name right after the mark would not be seen as quoted.
        mark = len(_MARK) if not self._header and block.startswith(_MARK) else 0
        found, used = self._read(block[mark:], at_end=at_end)
        return found, used + mark if used else 0

    def _read(self, block: bytes, *, at_end: bool) -> tuple[Sequence[Raw], int]:
        end = len(block) if at_end else block.rfind(b"\n") + 1
        # What is no UTF-8 is kept as it is, and refused where a field is to hold it.
        lines = io.StringIO(block[:end].decode("utf-8", "surrogateescape"), newline="\n").readlines()
        found: list[Raw] = []
        taken = 0
        for cells, count in _rows(lines):
            source = lines[taken:count]
            if not self._header:
                self._read_header(cells)
            elif cells != []:  # a line with nothing in it is no row
                self._count += 1
                found.append(Raw(self._count, cells, source))
            taken = count
            if len(found) == MAX_ROWS:
                break
        used = end if taken == len(lines) else len(_encoded(lines[:taken]))
        if used or not block or not (at_end or len(block) >= MAX_ROW_BYTES):
            return found, used
        return self._give_up(block)

    def _give_up(self, block: bytes) -> tuple[Sequence[Raw], int]:
        """Give up a row that has no end: its first line is a row that cannot be read, and the next begins anew."""
        if not self._header:
            raise FileUnreadable("The file has no header: its first row does not end. Is it CSV?")
        end = block.find(b"\n") + 1 or len(block)
        self._count += 1
        said = BadValue("The row does not end: a quote in it is never closed, or it is too long.")
        return [Raw(self._count, said, [block[:end].decode("utf-8", "surrogateescape")])], end

    def _read_header(self, cells: list[str] | BadValue) -> None:
        if isinstance(cells, BadValue) or not any(cells):
            raise FileUnreadable("The file has no header. Its first row names the fields of the columns.")
        self._header = [cell.strip() for cell in cells]
        self._plan()

    def _plan(self) -> None:
        columns, reading = self._target.columns(), Reading()
        unknown: list[str] = []
        for name in self._header:
            if self._target.identifier and name in _spellings(self._target.identifier):
                self._puts.append((name, True, _put_identifier(self._target.identifier)))
            elif name in columns:
                self._puts.append((name, False, put_cell(columns[name], reading)))
            elif (below := _below(self._target.descriptor, name, reading)) is not None:
                self._puts.append((name, False, below))
            else:
                unknown.append(name)
        self._mask = [_path(self._target.descriptor, name) for name, outside, _ in self._puts if not outside]
        self._mask = [path for path in self._mask if path != "name"]
        if unknown:
            # No message holds what is no UTF-8, as a header in another encoding has it.
            unknown = [_encoded([name[:60]]).decode("utf-8", "replace") for name in unknown[:10]]
            named = ", ".join(f"`{name}`" for name in unknown)
            raise FileUnreadable(
                f"The record has no field for the columns {named}. Remove them, or name fields.",
                metadata={"columns": ",".join(unknown)[:200]},
            )
        if len(set(self._header)) != len(self._header):
            raise FileUnreadable("Two columns have the same name. Remove one of them.")

    def put(self, payload: list[str], message: Any, body: Any) -> None:
        """Set the fields that have a cell with something in it."""
        if len(payload) != len(self._puts):
            raise BadValue(f"The row has {len(payload)} cells, and the header {len(self._puts)}.")
        for cell, (name, outside, put) in zip(payload, self._puts, strict=True):
            if cell:
                try:
                    put(message if outside else body, cell)
                except BadValue as error:
                    raise error.below(name) from None

    def mask(self, raw: Raw) -> list[str]:
        """Return the fields of the header: a cell with nothing in it empties its field."""
        del raw
        return self._mask

    def show(self, raw: Raw) -> str:
        """Return the lines of a row."""
        return _encoded(raw.source).decode("utf-8", "replace").rstrip("\r\n")


class CsvWriter:
    """Writes a header with the names of fields, and a row for each message."""

    content_type = "text/csv; charset=utf-8; header=present"

    def __init__(self, fields: Sequence[FieldDescriptor]) -> None:
        """Plan the cells."""
        showing = Showing()
        self._names = [field.name for field in fields]
        self._shows = [show_cells(field, showing) for field in fields]

    def begin(self) -> bytes:
        """Return the header."""
        return _lines([self._names])

    def write(self, messages: Sequence[Message]) -> bytes:
        """Return a row for each message."""
        return _lines(zip(*(show(messages) for show in self._shows), strict=True))

    def end(self) -> bytes:
        """Return nothing: the last row is the end."""
        return b""

    def close(self) -> None:
        """Do nothing: nothing is open."""


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _encoded(lines: Sequence[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")


def _rows(lines: list[str]) -> Iterator[tuple[list[str] | BadValue, int]]:
    """Yield each whole row and the number of lines until its end."""
    reader = csv.reader(lines, strict=True)
    while True:
        try:
            for cells in reader:
                yield cells, reader.line_num
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                return
            yield BadValue(f"The row is not CSV: {error}."), reader.line_num
        else:
            return


def _below(descriptor: Descriptor, name: str, reading: Reading) -> Put | None:
    """Return what sets a field inside of messages, such as `address.city`."""
    path: list[str] = []
    inner: Descriptor | None = descriptor
    field: FieldDescriptor | None = None
    if name.count(".") >= MAX_DEPTH:
        return None
    for part in name.split("."):
        if inner is None:
            return None
        field = next((each for each in inner.fields if part in (each.name, each.json_name)), None)
        if field is None or (field.is_repeated and not name.endswith(part)):
            return None
        path.append(field.name)
        inner = None if field.is_repeated else field.message_type
    if field is None or len(path) == 1:
        return None
    put, above = put_cell(field, reading), path[:-1]

    def put_below(body: Any, cell: str) -> None:
        for each in above:
            body = getattr(body, each)
        put(body, cell)

    return put_below


def _path(descriptor: Descriptor, name: str) -> str:
    """Return the path of a column's field in snake_case, as masks have it."""
    path: list[str] = []
    inner: Descriptor | None = descriptor
    for part in name.split("."):
        field = next(each for each in (inner.fields if inner else ()) if part in (each.name, each.json_name))
        path.append(field.name)
        inner = field.message_type
    return ".".join(path)


def _put_identifier(name: str) -> Put:
    def put(message: Any, cell: str) -> None:
        setattr(message, name, cell)

    return put


def _spellings(name: str) -> tuple[str, str]:
    first, *rest = name.split("_")
    return name, first + "".join(part.capitalize() for part in rest)
