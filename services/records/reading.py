"""The standard methods that read: Get, List and BatchGet. They hand on the stored bytes wherever that is right."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.api import field_behavior_pb2

from services.chassis.contract import Scope
from services.records.failures import BatchTooLarge, NameInvalid, RecordNotFound, invalid
from services.records.filter import Filters
from services.records.ordering import Orderings
from services.records.pages import fingerprint, page_size
from services.records.scope import admit, scoped, visible
from services.records.traits import clearing
from services.records.wire import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.errors import InvalidArgument
    from services.chassis.postgres import Executor
    from services.records.filter import Filter
    from services.records.names import Names
    from services.records.ordering import Ordering
    from services.records.pages import KeyValue, PageTokens
    from services.records.scope import Statement
    from services.records.tables import RecordTable

MAX_BATCH = 1000
"""The most records of one batch."""

INLINE_BYTES = 16 * 1024
"""A page is read with the records up to this size in it; larger ones are read by name once they are known to fit."""

PAGE_BYTES = 2 * 1024 * 1024
"""A page ends with the record that reaches this size, so that it is below what gRPC clients take, which is 4 MiB."""

BATCH_BYTES = 4_000_000
"""The most bytes of the records that one BatchGet returns."""

MAX_STATEMENTS = 256
"""Shapes of List statements that one record keeps compiled."""

_SIZE, _KEYS = 2, 3
"""Where a row of a page holds the size of its message, and where its order keys begin; the last one is the name."""


class Shown:
    """What a caller is shown of a stored message."""

    __slots__ = ("_hide", "_message", "shape")

    def __init__(self, table: RecordTable) -> None:
        """Plan what is hidden in messages of this record."""
        self._message = table.message
        self._hide = clearing(table.descriptor, field_behavior_pb2.INPUT_ONLY)
        # No row has this shape, so every row is decoded where something is to be hidden.
        self.shape = table.shape if self._hide is None else None

    def of_row(self, stored: bytes) -> bytes:
        """Return the bytes of a row that cannot go out as it is: it has hidden fields, or was written under others."""
        message = self._message.FromString(stored)
        message.DiscardUnknownFields()
        return self.of_message(message)

    def of_message(self, message: Message) -> bytes:
        """Return the bytes of a message, which is changed where it has hidden fields."""
        if self._hide is not None:
            self._hide(message)
        return message.SerializeToString()


class Get:
    """Reads one record."""

    def __init__(self, table: RecordTable, names: Names, shown: Shown, executor: Executor) -> None:
        """Compile the statement."""
        self._table, self._names, self._shown, self._executor = table, names, shown, executor
        columns = table.table.columns
        named = table.columns["name"] == sa.bindparam("name", type_=sa.Text())
        self._statement = scoped(table, sa.select(columns["message"], columns["shape"]).where(visible(table), named))

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        name: str = request.name
        arguments = self._statement.arguments(call.caller, {"name": name})
        self._names.check(name, "name")
        rows = await (executor or self._executor).fetch(self._statement.sql, arguments, repeatable=True)
        if not rows:
            raise RecordNotFound(self._table.record.type, name)
        message, shape = rows[0]
        return message if shape == self._shown.shape else self._shown.of_row(message)


def by_names(table: RecordTable, message: sa.ColumnElement[Any]) -> Statement:
    """Return the statement that reads message, shape and name of the records with the given `names`."""
    name = table.columns["name"]
    named = name == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text())))
    return scoped(table, sa.select(message, table.table.columns["shape"], name).where(visible(table), named))


class BatchGet:
    """Reads many records by name: all of them or none, in the order that was asked."""

    def __init__(
        self, table: RecordTable, names: Names, shown: Shown, executor: Executor, response: Descriptor
    ) -> None:
        """Compile the statement."""
        self._table, self._names, self._shown, self._executor = table, names, shown, executor
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
        rows = await (executor or self._executor).fetch(self._statement.sql, arguments, repeatable=True)
        if rows and rows[0][0] is None:
            raise _too_heavy()
        shown = self._shown
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
        if parent:
            self._names.check_parent(parent, "parent")
        for index, name in enumerate(names):
            self._names.check(name, f"names[{index}]")
            if parent and self._names.parent_of(name)[0] != parent:
                raise invalid(NameInvalid, f"names[{index}]", f"`{name}` is not below the parent `{parent}`.")


def _too_heavy() -> InvalidArgument:
    description = f"The records have more than {BATCH_BYTES:,} bytes together. Ask for fewer at once."
    return invalid(BatchTooLarge, "names", description)


def count_fitting(rows: Sequence[Any], size: int) -> int:
    """Return how many rows make a page: at most `size`, and no more after the one that reaches `PAGE_BYTES`."""
    held = 0
    for count, row in enumerate(rows[:size], start=1):
        held += row[_SIZE]
        if held >= PAGE_BYTES:
            return count
    return min(size, len(rows))


class List:
    """Reads a page of records."""

    def __init__(
        self,
        table: RecordTable,
        names: Names,
        shown: Shown,
        executor: Executor,
        *,
        tokens: PageTokens,
        request: Descriptor,
        response: Descriptor,
    ) -> None:
        """Take what a List is made of; statements are compiled as their shapes come up."""
        self._table, self._names, self._shown, self._executor = table, names, shown, executor
        self._tokens = tokens
        self._listing = Listing(response, table.record.message)
        self._filters = Filters(table.descriptor)
        self._orderings = Orderings(table.record, table.descriptor)
        fields = request.fields_by_name
        self._has_parent = table.has_parent and "parent" in fields
        self._has_filter, self._has_order = "filter" in fields, "order_by" in fields
        self._by_names = by_names(table, table.table.columns["message"])
        self._statements: OrderedDict[tuple[str, ...], Statement] = OrderedDict()

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        admit(self._table, call.caller, writes=False)
        size = page_size(request.page_size)
        values: dict[str, Any] = {"page_rows": size + 1}
        below = self._has_parent and bool(request.parent)
        if self._has_parent:
            self._names.check_parent(request.parent, "parent")
        if below:
            values["parent"] = request.parent
        chosen = self._filters.read(request.filter if self._has_filter else "")
        ordering = self._orderings.read(request.order_by if self._has_order else "")
        bound, after = b"", None
        if request.page_token:
            bound = self._bound(request, call, ordering)
            after = self._tokens.open(request.page_token, bound)
            values.update(ordering.parameters(after))
        values.update(chosen.parameters)
        statement = self._statement(chosen, ordering, after, below)
        arguments = statement.arguments(call.caller, values)
        on = executor or self._executor
        found = await on.fetch(statement.sql, arguments, repeatable=True)
        rows = found[: count_fitting(found, size)]
        token = ""
        if len(rows) < len(found):
            token = self._tokens.seal(rows[-1][_KEYS:], bound or self._bound(request, call, ordering))
        if any(row[0] is None for row in rows):
            return self._listing.encode(await self._read_large(rows, call, on), token)
        shown = self._shown
        return self._listing.encode([row[0] if row[1] == shown.shape else shown.of_row(row[0]) for row in rows], token)

    async def _read_large(self, rows: Sequence[Any], call: Call, executor: Executor) -> list[bytes]:
        """Return the messages of rows of which some are yet to be read; one that is gone meanwhile is left out."""
        names = [row[-1] for row in rows if row[0] is None]
        arguments = self._by_names.arguments(call.caller, {"names": names})
        read = await executor.fetch(self._by_names.sql, arguments, repeatable=True)
        large = {name: (message, shape) for message, shape, name in read}
        both = [(row[0], row[1]) if row[0] is not None else large.get(row[-1]) for row in rows]
        shown = self._shown
        return [one[0] if one[1] == shown.shape else shown.of_row(one[0]) for one in both if one is not None]

    def _bound(self, request: Message, call: Call, ordering: Ordering) -> bytes:
        # Owners see each other's rows no more than organizations do, so a token of one is none of another's.
        owner = call.caller.subject if self._table.record.scope is Scope.OWNER else ""
        return fingerprint(call.method.path, call.caller.organization, request, shape=f"{ordering.shape} {owner}")

    def _statement(
        self, chosen: Filter, ordering: Ordering, after: Sequence[KeyValue] | None, below: bool
    ) -> Statement:
        page = "" if after is None else f"after {ordering.after_shape(after)}"
        key = (chosen.shape, ordering.shape, page, "below" if below else "")
        found = self._statements.get(key)
        if found is not None:
            self._statements.move_to_end(key)
            return found
        found = self._statements[key] = self._compile(chosen, ordering, after, below)
        if len(self._statements) > MAX_STATEMENTS:
            self._statements.popitem(last=False)
        return found

    def _compile(self, chosen: Filter, ordering: Ordering, after: Sequence[KeyValue] | None, below: bool) -> Statement:
        table = self._table
        columns, own = table.columns, table.table.columns
        conditions = [visible(table)]
        if below:
            conditions.append(own["parent"] == sa.bindparam("parent", type_=sa.Text()))
        elif self._has_parent:
            conditions.append(own["parent"].is_(None))
        where = chosen.where(columns)
        if where is not None:
            conditions.append(where)
        if after is not None:
            conditions.append(ordering.after(columns, after))
        keys = ordering.expressions(columns)
        size = sa.func.octet_length(own["message"])
        inline = sa.case((size <= sa.literal_column(str(INLINE_BYTES)), own["message"]))
        found = sa.select(inline, own["shape"], size, *keys).where(*conditions)
        found = found.order_by(*ordering.order_by(columns)).limit(sa.bindparam("page_rows", type_=sa.BigInteger()))
        return scoped(table, found)
