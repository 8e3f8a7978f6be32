"""Get and BatchGet, and what callers are shown of a record. Stored bytes are handed on wherever that is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.api import field_behavior_pb2

from services.records.failures import BatchTooLarge, NameInvalid, RecordNotFound, invalid
from services.records.reading.guards import Guards
from services.records.reading.views import Views, clear_fields
from services.records.reading.wire import Listing
from services.records.schema.parents import Parents
from services.records.schema.traits import clearing
from services.records.scope import scoped, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Call, Caller
    from services.chassis.errors import InvalidArgument
    from services.chassis.postgres import Executor
    from services.records.reading.views import Step
    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement

MAX_BATCH = 1000
"""The most records of one batch."""

BATCH_BYTES = 4_000_000
"""The most bytes of the records that one BatchGet returns."""

_MAX_KNOWN = 64
"""The most sets of hidden fields that are remembered."""


class Shown:
    """What a caller is shown of a stored message."""

    __slots__ = ("_known", "_steps", "_table", "guards", "shape")

    def __init__(self, table: RecordTable, steps: tuple[Step, ...] | None = None) -> None:
        """Take what hides parts of messages of this record; left out, it hides what no caller is ever shown."""
        if steps is None:
            hide = clearing(table.descriptor, field_behavior_pb2.INPUT_ONLY)
            steps = () if hide is None else (hide,)
        self._table, self._steps = table, steps
        self._known: dict[frozenset[str], Shown] = {}
        self.guards = Guards(table.record)
        """The fields that not every caller may read."""
        # No row has this shape, so every row is decoded where something is to be hidden.
        self.shape = None if steps else table.shape

    def for_caller(self, caller: Caller) -> Shown:
        """Return what this caller is shown: itself, where the record has no field that not everyone may read."""
        if not self.guards:
            return self
        hidden = self.guards.hidden(caller)
        if not hidden:
            return self
        found = self._known.get(hidden)
        if found is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            found = self._known[hidden] = self.through(clear_fields(sorted(hidden)))
        return found

    @property
    def hides(self) -> bool:
        """Whether there is anything that some caller is not shown."""
        return bool(self._steps) or bool(self.guards)

    def hide(self, message: Message) -> None:
        """Take out of a message what is not shown."""
        for step in self._steps:
            step(message)

    def through(self, step: Step) -> Shown:
        """Return the same, of which `step` takes still more away."""
        return Shown(self._table, (*self._steps, step))

    def of_row(self, stored: bytes) -> bytes:
        """Return the bytes of a row that cannot go out as it is: it has hidden fields, or was written under others."""
        message = self._table.message.FromString(stored)
        message.DiscardUnknownFields()
        return self.of_message(message)

    def of_message(self, message: Message) -> bytes:
        """Return the bytes of a message, which is changed where it has hidden fields."""
        self.hide(message)
        return message.SerializeToString()


class Get:
    """Reads one record."""

    def __init__(self, table: RecordTable, names: Names, shown: Shown, executor: Executor, request: Descriptor) -> None:
        """Compile the statement."""
        self._table, self._names, self._shown, self._executor = table, names, shown, executor
        self._views = Views(table.record, table.descriptor, request, shown.guards)
        self._is_plain = self._views.is_plain and not shown.guards
        columns = table.table.columns
        named = table.columns["name"] == sa.bindparam("name", type_=sa.Text())
        self._statement = scoped(table, sa.select(columns["message"], columns["shape"]).where(visible(table), named))

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        name: str = request.name
        arguments = self._statement.arguments(call.caller, {"name": name})
        self._names.check(name, "name")
        shown = self._shown if self._is_plain else part(self._shown, self._views, request, call)
        rows = await (executor or self._executor).fetch(self._statement.sql, arguments, repeatable=True)
        if not rows:
            raise RecordNotFound(self._table.record.type, name)
        message, shape = rows[0]
        return message if shape == shown.shape else shown.of_row(message)


def part(shown: Shown, views: Views, request: Any, call: Call, *, pages: bool = False) -> Shown:
    """Return what a caller is shown of what it asks for. `pages` says whether an unset view is the basic one."""
    own = shown.for_caller(call.caller)
    step = views.read(request, call.caller, pages=pages)
    return own if step is None else own.through(step)


def by_names(table: RecordTable, message: sa.ColumnElement[Any]) -> Statement:
    """Return the statement that reads message, shape and name of the records with the given `names`."""
    name = table.columns["name"]
    named = name == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text())))
    return scoped(table, sa.select(message, table.table.columns["shape"], name).where(visible(table), named))


class BatchGet:
    """Reads many records by name: all of them or none, in the order that was asked."""

    def __init__(
        self,
        table: RecordTable,
        names: Names,
        shown: Shown,
        executor: Executor,
        *,
        request: Descriptor,
        response: Descriptor,
    ) -> None:
        """Compile the statement."""
        self._table, self._names, self._shown, self._executor = table, names, shown, executor
        self._parents = Parents(table, names)
        self._views = Views(table.record, table.descriptor, request, shown.guards)
        self._is_plain = self._views.is_plain and not shown.guards
        self._listing = Listing(response, table.record.message)
        message = table.table.columns["message"]
        limit: sa.ColumnElement[int] = sa.literal_column(str(BATCH_BYTES))
        # With one byte too many Postgres returns no message at all, so that no request fills this process.
        whole = sa.case((sa.func.sum(sa.func.octet_length(message)).over() <= limit, message))
        self._statement = by_names(table, whole)

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        names = list(request.names)
        arguments = self._statement.arguments(call.caller, {"names": names})
        self._check(request, names)
        shown = self._shown if self._is_plain else part(self._shown, self._views, request, call)
        rows = await (executor or self._executor).fetch(self._statement.sql, arguments, repeatable=True)
        if rows and rows[0][0] is None:
            raise _too_heavy()
        found = {name: message if shape == shown.shape else shown.of_row(message) for message, shape, name in rows}
        for name in names:
            if name not in found:
                raise RecordNotFound(self._table.record.type, name)
        answer = [found[name] for name in names]
        # A name may be asked for many times: Postgres weighs its record once, the answer holds it each time.
        if sum(map(len, answer)) > BATCH_BYTES:
            raise _too_heavy()
        return self._listing.encode(answer)

    def _check(self, request: Any, names: Sequence[str]) -> None:
        if len(names) > MAX_BATCH:
            raise invalid(BatchTooLarge, "names", f"A batch has at most {MAX_BATCH:,} names, not {len(names):,}.")
        parent = getattr(request, "parent", "")
        below = self._parents.read(parent) if parent else None
        for index, name in enumerate(names):
            self._names.check(name, f"names[{index}]")
            if below is not None and not below.has(self._names.parent_of(name)[0]):
                raise invalid(NameInvalid, f"names[{index}]", f"`{name}` is not below the parent `{parent}`.")


def _too_heavy() -> InvalidArgument:
    description = f"The records have more than {BATCH_BYTES:,} bytes together. Ask for fewer at once."
    return invalid(BatchTooLarge, "names", description)
