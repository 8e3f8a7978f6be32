"""Makes the message of a request into one that is stored: what the server owns is set, the rest is cleared."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.api import field_behavior_pb2

from services.chassis.contract import Kind
from services.chassis.errors import Violation
from services.records.failures import Unstorable
from services.records.schema.columns import INPUT, Columns, array_text
from services.records.schema.times import set_timestamp
from services.records.schema.traits import clearing, cutting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.writing.references import Nested

_DELETION = ("delete_time", "purge_time")
_RANDOM = random.Random()  # noqa: S311 - it makes no secrets

MAX_RECORD_BYTES = 2 * 1024 * 1024
"""The largest message that is kept. Files and pictures belong beside a record, not in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A row that is ready to be written."""

    name: str
    """The record's name."""
    message: Message
    """The message as it is stored."""
    stored: bytes
    """Its bytes."""
    values: Mapping[str, Any]
    """The parameters of the row's columns."""

    def texts(self) -> dict[str, str]:
        """Return the values that a key may hold, as Postgres writes them, by column."""
        return {
            name.removeprefix(INPUT): ("t" if value else "f") if isinstance(value, bool) else str(value)
            for name, value in self.values.items()
            if isinstance(value, str | int)
        }


class Preparing:
    """Prepares messages of one record."""

    __slots__ = ("_clear", "_columns", "_cut", "_names", "_nested", "_owned", "_states", "_table")

    def __init__(
        self,
        table: RecordTable,
        names: Names,
        nested: Nested,
        states: Mapping[str, int],
    ) -> None:
        """Plan what is done to each message.

        `nested` finds the references inside messages; `states` has the number in which each state field begins.
        """
        self._table = table
        self._names = names
        self._nested = nested
        self._states = dict(states)
        self._columns = Columns(table)
        self._clear = clearing(table.descriptor, field_behavior_pb2.OUTPUT_ONLY)
        self._cut = cutting(table.descriptor)
        kinds = {
            "create_time": Kind.TIMESTAMP,
            "update_time": Kind.TIMESTAMP,
            "uid": Kind.STRING,
            "etag": Kind.STRING,
            **dict.fromkeys(_DELETION if table.is_soft else (), Kind.TIMESTAMP),
        }
        fields = {field.name: field for field in table.record.fields if not field.repeated}
        self._owned = [name for name, kind in kinds.items() if name in fields and fields[name].kind is kind]

    @property
    def has_etag(self) -> bool:
        """Whether the message carries an etag of ours."""
        return "etag" in self._owned

    def clean(self, body: Message) -> Message:
        """Return a copy without what a client may not set, its times cut to what a column keeps."""
        return self._cleaned(without_unknown(body))

    def _cleaned(self, message: Message) -> Message:
        for name in self._owned:
            message.ClearField(name)
        if self._cut is not None:
            self._cut(message)
        return message

    def new(
        self, body: Message, name: str, parent: str, now: datetime, path: str, *, trusted: bool = False
    ) -> Prepared:
        """Return the first version of a record. `trusted` code may set what clients may not (OUTPUT_ONLY).

        Raises:
            Unstorable: with all that no column can hold; `path` is the record's in the request.
        """
        return self._prepared(self.first(body, name, now, trusted=trusted), name, parent, path)

    def first(self, body: Message, name: str, now: datetime, *, trusted: bool = False, own: bool = False) -> Message:
        """Return the first version of a record as it is stored; its columns are yet to be read.

        `own` says that nobody else needs the body, so that it need not be copied.
        """
        message: Any = self._cleaned(body) if own else self.clean(body)
        if self._clear is not None and not trusted:
            self._clear(message)
        message.name = name
        for owned in self._owned:
            if owned in ("create_time", "update_time"):
                set_timestamp(getattr(message, owned), now)
            elif owned not in _DELETION:
                setattr(message, owned, str(uuid.uuid4()) if owned == "uid" else _new_etag())
        for state, first in self._states.items():
            if not getattr(message, state):
                setattr(message, state, first)
        stored: Message = message
        return stored

    def read(self, message: Message, name: str, parent: str, path: str) -> Prepared:
        """Return the first version of a record, ready to be written; raises Unstorable."""
        return self._prepared(message, name, parent, path)

    @property
    def owned(self) -> frozenset[str]:
        """The fields that are ours to set."""
        return frozenset(self._owned)

    def changed(
        self, stored: Message, result: Message, now: datetime, path: str, *, always: bool = False
    ) -> Prepared | None:
        """Return the next version of a record, or None where nothing has changed; `always` makes one all the same."""
        message: Any = result
        before: Any = stored
        for owned in self._owned:
            self._keep(before, message, owned)
        message.name = before.name
        # Not by `==`, for which NaN is never the same and -0.0 the same as 0.0.
        if not always and message.SerializeToString(deterministic=True) == before.SerializeToString(deterministic=True):
            return None
        return self._renewed(message, now, path, before)

    def deleted(self, stored: Message, now: datetime, purge: datetime | None) -> Prepared:
        """Return a record as it is kept once it is deleted, until `purge` where that is not for ever."""
        message: Any = self._copy(stored)
        for owned, moment in zip(_DELETION, (now, purge), strict=True):
            if owned in self._owned and moment is not None:
                set_timestamp(getattr(message, owned), moment)
        return self._renewed(message, now, self._table.record.singular, stored)

    def undeleted(self, stored: Message, now: datetime) -> Prepared:
        """Return a record as it is once its deletion is taken back; its references are all to be looked at again."""
        message: Any = self._copy(stored)
        for owned in _DELETION:
            if owned in self._owned:
                message.ClearField(owned)
        return self._renewed(message, now, self._table.record.singular, None)

    def _copy(self, stored: Message) -> Message:
        copy = type(stored)()
        copy.CopyFrom(stored)
        return copy

    def _renewed(self, message: Any, now: datetime, path: str, before: Message | None) -> Prepared:
        """Return a message as the next version of a record."""
        if "update_time" in self._owned:
            set_timestamp(message.update_time, now)
        if "etag" in self._owned:
            message.etag = _new_etag()
        return self._prepared(message, message.name, self._names.parent_of(message.name)[0], path, before)

    def _keep(self, before: Any, message: Any, owned: str) -> None:
        if owned in ("uid", "etag"):
            setattr(message, owned, getattr(before, owned))
        elif before.HasField(owned):
            getattr(message, owned).CopyFrom(getattr(before, owned))
        else:
            message.ClearField(owned)

    def _prepared(self, message: Message, name: str, parent: str, path: str, before: Message | None = None) -> Prepared:
        table = self._table
        values = self._columns.row(message, path)
        stored = message.SerializeToString()
        if len(stored) > MAX_RECORD_BYTES:
            description = f"The record has {len(stored):,} bytes; at most {MAX_RECORD_BYTES:,} can be kept."
            raise Unstorable([Violation(field=path, description=description, reason="RECORD_TOO_LARGE")])
        values[INPUT + "message"] = stored
        if self._nested.targets:
            values |= self._nested.values(message, before)
        if table.has_parent:
            values[INPUT + "parent"] = parent or None
            self._link(values, parent)
        if table.redact is not None:
            values["event_after"] = redacted(table, message)
        return Prepared(name=name, message=message, stored=stored, values=values)

    def _link(self, values: dict[str, Any], parent: str) -> None:
        """Fill the columns that point to parents of several types: all but one of them are NULL."""
        links = {link.column for link in self._table.parents} - {"parent"}
        if not links:
            return
        pattern = self._names.check_parent(parent, "parent")
        for column in links:
            found = any(link.column == column and link.pattern == pattern for link in self._table.parents)
            values[INPUT + column] = parent if found else None

    def together(self, rows: Sequence[Prepared]) -> dict[str, list[Any]]:
        """Return the parameters of many rows, one list per column."""
        nested = self._nested.together([row.values for row in rows])
        own = [{name: value for name, value in row.values.items() if name not in nested} for row in rows]
        return {**self.columns_together(own), **nested}

    def columns_together(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Return parameters of many rows as one list each; a list in a row becomes the text of its array."""
        return {
            name: [array_text(row[name]) if isinstance(row[name], list) else row[name] for row in rows]
            for name in rows[0]
        }


def redacted(table: RecordTable, message: Message) -> bytes:
    """Return the bytes of a message without what events may not hold."""
    known = without_unknown(message)
    if table.redact is not None:
        table.redact(known)
    return known.SerializeToString()


def without_unknown(message: Message) -> Message:
    """Return a copy of a message without the fields that its contract does not have."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy


def _new_etag() -> str:
    # A random value and not a hash: the same content written twice is still two versions. It is no secret, and unlike
    # `os.urandom` this lets no other thread go first, which an import would wait for at each of its rows.
    return f'"{_RANDOM.getrandbits(64):016x}"'


def now() -> datetime:
    """Return the present in UTC, in the microseconds that a column keeps."""
    return datetime.now(UTC)
