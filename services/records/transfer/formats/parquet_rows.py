"""Apache Parquet: a column for each field, row group by row group. The library is loaded when a file needs it.

field                            column
──────────────────────────────   ────────────────────────────────────────────────────────────
number, bool, string, bytes      its own type; NULL where it is unset
enum                             string: its name
Timestamp                        timestamp in microseconds, UTC
Duration                         string such as `1.500s`
repeated, map, message           string: its JSON
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import queue
import threading
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.records.transfer.cells import put_cell
from services.records.transfer.failures import BadValue, FileUnreadable
from services.records.transfer.formats.parquet_parts import GROUP_BYTES, split_rows
from services.records.transfer.formats.rows import MAX_ROWS, Raw
from services.records.transfer.kinds import DURATION, TIMESTAMP, taking
from services.records.transfer.setting import Reading
from services.records.transfer.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from google.protobuf.message import Message

    from services.records.transfer.formats.rows import Target
    from services.records.transfer.setting import Put

    Show = Callable[[Sequence[Message]], list[Any]]

BATCH_ROWS = 100
"""Rows that the library reads at once. A few bytes of a file may say that each of them is as large as one can be."""

GROUP_ROWS = 20_000
"""Rows of one row group: so many are in memory at once."""

_MAGIC = b"PAR1"
_KINDS = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_SINT32: "int32",
    FieldDescriptor.TYPE_SFIXED32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_FIXED32: "uint32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_SINT64: "int64",
    FieldDescriptor.TYPE_SFIXED64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FIXED64: "uint64",
    FieldDescriptor.TYPE_FLOAT: "float32",
    FieldDescriptor.TYPE_DOUBLE: "float64",
    FieldDescriptor.TYPE_BYTES: "binary",
}


class ParquetReader:
    """Reads columns by the names of fields."""

    seeks = True

    def __init__(self, target: Target, state: Mapping[str, Any]) -> None:
        """Take what rows are read into, and the state in which another reader ended."""
        self._target = target
        self._skip = self._count = int(state.get("rows", 0))
        self._groups: Iterator[list[Any]] = iter(())
        self._puts: list[tuple[str, bool, Put]] = []
        self._mask: list[str] = []

    def open(self, file: Any) -> None:
        """Read where the columns are; raises FileUnreadable."""
        from arro3.io import read_parquet  # noqa: PLC0415 - it costs memory, and few processes read Parquet

        if file.read(len(_MAGIC)) != _MAGIC:
            raise FileUnreadable("The file is not Parquet.")
        file.seek(0)
        try:
            reader = read_parquet(file, batch_size=BATCH_ROWS)
        except BaseException as error:
            raise FileUnreadable(f"The file is not Parquet: {str(error)[:200]}.") from error
        self._groups = self._group(iter(reader))
        self._plan([(name, reader.schema.field(name).type) for name in reader.schema.names])

    def state(self) -> dict[str, Any]:
        """Return how many rows were read."""
        return {"rows": self._count}

    def read(self, block: bytes, *, at_end: bool) -> tuple[Sequence[Raw], int]:
        """Return the next rows; none at the end of the file. Raises FileUnreadable."""
        del block, at_end
        rows = next(self._groups, [])
        found = [Raw(self._count + place, row, None) for place, row in enumerate(rows, start=1)]
        self._count += len(rows)
        return found, 0

    def _group(self, batches: Iterator[Any]) -> Iterator[list[Any]]:
        """Yield rows, as many together as are not too large."""
        rows: list[Any] = []
        weight = 0
        while True:
            try:
                batch = next(batches, None)
            except BaseException as error:
                raise FileUnreadable(f"The file cannot be read further: {str(error)[:200]}.") from error
            if batch is None:
                break
            if self._skip >= batch.num_rows:
                self._skip -= batch.num_rows
                continue
            for part, size in split_rows(batch, self._skip):
                rows += part
                weight += size
                if len(rows) >= MAX_ROWS or weight >= GROUP_BYTES:
                    yield rows
                    rows, weight = [], 0
            self._skip = 0
        if rows:
            yield rows

    def _plan(self, found: Sequence[tuple[str, Any]]) -> None:
        columns, reading, names = self._target.columns(), Reading(), [name for name, _ in found]
        unknown = [name for name in names if name not in columns and name != self._target.identifier]
        if unknown:
            named = ", ".join(f"`{name[:60]}`" for name in unknown[:10])
            raise FileUnreadable(f"The record has no field for the columns {named}. Remove them, or name fields.")
        self._mask = [columns[name].name for name in names if name in columns and name != "name"]
        for name, kind in found:
            if name in columns:
                self._puts.append((name, False, _put_native(columns[name], kind, reading)))
            else:
                field: Any = self._target.message.DESCRIPTOR.fields_by_name[name]
                self._puts.append((name, True, reading.field(field)))

    def put(self, payload: Sequence[Any], message: Any, body: Any) -> None:
        """Set the fields that are not NULL."""
        for value, (name, outside, put) in zip(payload, self._puts, strict=True):
            if value is not None:
                try:
                    put(message if outside else body, value)
                except BadValue as error:
                    raise error.below(name) from None

    def mask(self, raw: Raw) -> list[str]:
        """Return the fields of the columns: NULL empties its field."""
        del raw
        return self._mask

    def show(self, raw: Raw) -> str:
        """Return a row as JSON; nothing of one that is too long."""
        if isinstance(raw.payload, BadValue):
            return ""
        values = {name: value for (name, _, _), value in zip(self._puts, raw.payload, strict=True)}
        return json.dumps(values, default=_told, ensure_ascii=False)


class ParquetWriter:
    """Writes messages as columns."""

    content_type = "application/vnd.apache.parquet"

    def __init__(self, fields: Sequence[FieldDescriptor]) -> None:
        """Plan the columns; the library is at work in a thread of its own until `end` or `close`."""
        showing = Showing()
        self._columns = [(field.name, _kind_of(field), _show_native(field, showing)) for field in fields]
        self._feed: queue.Queue[Any] = queue.Queue(maxsize=1)
        self._sink = _Sink()
        self._failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._work, name="parquet", daemon=True)

    def begin(self) -> bytes:
        """Return nothing: the file begins with its first row group."""
        self._thread.start()
        return b""

    def write(self, messages: Sequence[Message]) -> bytes:
        """Take these messages, and return what the file has by now beyond what was returned before."""
        batch = {name: _array(kind, show(messages)) for name, kind, show in self._columns}
        self._give(batch)
        return self._sink.take()

    def end(self) -> bytes:
        """Return what is left of the file."""
        self._give(None)
        self._thread.join()
        self._raise()
        return self._sink.take()

    def close(self) -> None:
        """Give the file up, where it has not ended."""
        self._failure.append(GivenUp())
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._feed.put_nowait(None)
            self._thread.join(0.05)

    def _give(self, batch: Any) -> None:
        while True:
            self._raise()
            try:
                self._feed.put(batch, timeout=1.0)
            except queue.Full:
                continue
            return

    def _raise(self) -> None:
        if self._failure:
            raise RuntimeError("The Parquet file could not be written.") from self._failure[0]

    def _work(self) -> None:
        from arro3.core import Field, RecordBatchReader, Schema  # noqa: PLC0415 - see `ParquetReader.open`
        from arro3.io import write_parquet  # noqa: PLC0415 - few processes need Parquet

        schema = Schema([Field(name, _type(kind), nullable=True) for name, kind, _ in self._columns])
        try:
            reader = RecordBatchReader.from_batches(schema, self._batches())
            sink: Any = self._sink
            write_parquet(reader, sink, compression="snappy", max_row_group_size=GROUP_ROWS)
        except BaseException as error:  # noqa: BLE001 - it is raised where the next rows are written
            self._failure.append(error)

    def _batches(self) -> Iterator[Any]:
        from arro3.core import RecordBatch  # noqa: PLC0415 - few processes need Parquet

        while (batch := self._feed.get()) is not None:
            yield RecordBatch.from_pydict(batch)


class GivenUp(Exception):
    """The file is not wanted any more."""


class _Sink(io.RawIOBase):
    """Collects what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        with self._lock:
            self._parts.append(bytes(content))
        return len(content)

    def take(self) -> bytes:
        with self._lock:
            found, self._parts = self._parts, []
        return b"".join(found)


def _kind_of(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "string"
    if field.message_type is not None:
        return "timestamp" if field.message_type.full_name == TIMESTAMP else "string"
    return _KINDS.get(field.type, "string")


def _type(kind: str) -> Any:
    from arro3.core import DataType  # noqa: PLC0415 - few processes need Parquet

    return DataType.timestamp("us", tz="UTC") if kind == "timestamp" else getattr(DataType, kind)()


def _array(kind: str, values: list[Any]) -> Any:
    from arro3.core import Array, DataType  # noqa: PLC0415 - few processes need Parquet

    if kind == "timestamp":
        return Array(values, type=DataType.int64()).cast(_type(kind))
    return Array(values, type=_type(kind))


def _show_native(field: FieldDescriptor, showing: Showing) -> Show:
    take, show = taking(field), _native(field, showing)
    if field.is_repeated:
        return lambda messages: [show(value) if value else None for value in take(messages)]
    if show is _same:
        return take
    if field.has_presence:
        return lambda messages: [None if value is None else show(value) for value in take(messages)]
    return lambda messages: list(map(show, take(messages)))


def _native(field: FieldDescriptor, showing: Showing) -> Callable[[Any], Any]:
    kind = field.message_type
    if kind is not None and not field.is_repeated and kind.full_name == TIMESTAMP:
        return lambda value: value.seconds * 1_000_000 + value.nanos // 1000
    if kind is not None and not field.is_repeated and kind.full_name == DURATION:
        return showing.single(field)
    if field.is_repeated or kind is not None:
        convert = showing.field(field)
        return lambda value: json.dumps(convert(value), ensure_ascii=False, separators=(",", ":"))
    if field.enum_type is not None:
        single = showing.single(field)
        return lambda value: str(single(value))
    return _same


def _put_native(field: FieldDescriptor, kind: Any, reading: Reading) -> Put:
    """Return what sets a field to a value of a column of some type; a moment comes as its microseconds."""
    from arro3.core import DataType  # noqa: PLC0415 - few processes need Parquet

    name, put_text, put_value = field.name, put_cell(field, reading), reading.field(field)
    if DataType.is_timestamp(kind):
        return _put_micros(name) if _is_timestamp(field) else _put_nothing
    if DataType.is_decimal(kind):
        return lambda message, value: put_value(message, _number(value))
    is_text = any(check(kind) for check in (DataType.is_string, DataType.is_large_string, DataType.is_string_view))
    if not is_text or (field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated):
        return put_value

    def put(message: Any, value: str) -> None:
        if value:
            put_text(message, value)

    return put


def _put_micros(name: str) -> Put:
    def put(message: Any, micros: int) -> None:
        seconds, rest = divmod(micros, 1_000_000)
        inner = getattr(message, name)
        inner.SetInParent()
        inner.seconds, inner.nanos = seconds, rest * 1000

    return put


def _put_nothing(_message: Any, _value: Any) -> None:
    raise BadValue("A time is given for a field that holds none.")


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _is_timestamp(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name == TIMESTAMP and not field.is_repeated


def _same(value: Any) -> Any:
    return value


def _told(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
