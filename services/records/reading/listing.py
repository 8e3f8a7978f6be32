"""List: a page of the records that a request asks for, in its order."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from services.chassis.contract import Scope
from services.records.reading.getting import by_names, part
from services.records.reading.ordering import Orderings, Phase
from services.records.reading.pages import fingerprint, page_size, rows_to_skip
from services.records.reading.selecting import Selecting
from services.records.reading.views import Views
from services.records.reading.wire import Listing
from services.records.scope import admit, estimated, scoped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor
    from services.records.filter.sql import Columns
    from services.records.reading.getting import Shown
    from services.records.reading.pages import KeyValue, PageTokens
    from services.records.reading.selecting import Selected
    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement

INLINE_BYTES = 16 * 1024
"""A page is read with the records up to this size in it; larger ones are read by name once they are known to fit."""

PAGE_BYTES = 2 * 1024 * 1024
"""A page ends with the record that reaches this size, so that it is below what gRPC clients take, which is 4 MiB."""

COUNTED = 10_000
"""The most records that `total_size` counts; of more, it is Postgres' own estimate."""

MAX_STATEMENTS = 256
"""Shapes of statements that one method keeps compiled."""

MAX_TOTAL = 2**31 - 1
"""The largest `total_size` that its field holds."""

_SIZE, _KEYS = 2, 3
"""Where a row of a page holds the size of its message, and where its order keys begin; the last one is the name."""

_ALL = Phase(0, 0, "all")
"""The one phase of a first page."""


class Order(Protocol):
    """The order of pages; the last key is the name, so that no two rows share their keys."""

    @property
    def shape(self) -> str:
        """The key of its SQL."""

    def expressions(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        """Return the keys."""

    def order_by(self, columns: Columns) -> list[sa.ColumnElement[Any]]:
        """Return what to order by."""

    def parameters(self, values: Sequence[KeyValue]) -> Mapping[str, Any]:
        """Return the parameters of `within`."""

    def after_shape(self, values: Sequence[KeyValue]) -> str:
        """Return the key of the SQL of `within`."""

    def phases(self, values: Sequence[KeyValue]) -> Sequence[Phase]:
        """Return in which phases the rows after one are read."""

    def within(self, columns: Columns, values: Sequence[KeyValue], phase: Phase) -> sa.ColumnElement[bool]:
        """Return that a row is of a phase."""


@dataclass(slots=True)
class Page:
    """What one call reads: it is made on every call, and so not frozen."""

    selected: Selected
    """The rows, of which the page is a part."""
    order: Order
    """Their order."""
    matches: Callable[[RecordTable], sa.ColumnElement[bool]] | None
    """What must hold of them beside."""
    parameters: dict[str, Any]
    """The values of all parameters but those of the place in the order."""
    after: Sequence[KeyValue] | None = None
    """The order keys of the row before the page, or None for the first page."""
    total: int | None = None
    """How many rows there are in all, where that is known."""


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
        self._table, self._shown, self._executor, self._tokens = table, shown, executor, tokens
        self._listing = Listing(response, table.record.message)
        self._selecting = Selecting(table, names, shown.guards, request)
        self._views = Views(table.record, table.descriptor, request, shown.guards)
        self._orderings = Orderings(table.record, table.descriptor)
        fields = request.fields_by_name
        self._has_order, self._has_skip = "order_by" in fields, "skip" in fields
        self._is_plain = self._views.is_plain and not shown.guards
        self._by_names = by_names(table, table.table.columns["message"])
        self._statements: OrderedDict[tuple[Any, ...], Statement] = OrderedDict()

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        admit(self._table, call.caller, writes=False)
        size = page_size(request.page_size)
        skip = rows_to_skip(request.skip) if self._has_skip else 0
        page = self._asked(request, call)
        shown = self._shown if self._is_plain else part(self._shown, self._views, request, call, pages=True)
        bound = b""
        if request.page_token:
            bound = self._bound(request, call, page.order)
            self._turn(page, self._tokens.open(request.page_token, bound))
        on = executor or self._executor
        found = await self._rows(page, size + 1, skip, call, on)
        rows = found[: count_fitting(found, size)]
        is_last = len(rows) == len(found)
        if self._listing.has_total and page.total is None:
            # Where all rows are on this page, they are counted already.
            known = skip + len(rows) if is_last and (rows or not skip) else None
            page.total = await self._total(page, call, on) if known is None else min(known, MAX_TOTAL)
        token = "" if is_last else self._seal(rows[-1], page, bound or self._bound(request, call, page.order))
        if any(row[0] is None for row in rows):
            messages = await self._read_large(rows, shown, call, on)
        else:
            messages = [row[0] if row[1] == shown.shape else shown.of_row(row[0]) for row in rows]
        return self._listing.encode(messages, token, page.total or 0)

    def _asked(self, request: Any, call: Call) -> Page:
        """Return what the request asks for."""
        selected = self._selecting.read(request, call.caller)
        ordering = self._orderings.read(request.order_by if self._has_order else "")
        if self._shown.guards:
            self._shown.guards.refuse(ordering.roots, call.caller)
        return Page(selected, ordering, None, selected.parameters())

    def _bound(self, request: Message, call: Call, order: Order) -> bytes:
        # Owners see each other's rows no more than organizations do, so a token of one is none of another's.
        owner = call.caller.subject if self._table.record.scope is Scope.OWNER else ""
        # Words of a filter are looked for in what the caller may read, and the token holds how many rows that gave.
        hidden = ",".join(sorted(self._shown.guards.hidden(call.caller))) if getattr(request, "filter", "") else ""
        shape = f"{order.shape} {owner} {hidden}"
        return fingerprint(call.method.path, call.caller.organization, request, shape=shape)

    def _seal(self, row: Any, page: Page, bound: bytes) -> str:
        # The total goes along, so that no later page counts again.
        counted = (page.total,) if self._listing.has_total else ()
        return self._tokens.seal((*row[_KEYS:], *counted), bound)

    def _turn(self, page: Page, values: Sequence[KeyValue]) -> None:
        """Go to the page after the row that a token names."""
        if self._listing.has_total and values:
            *values, total = values
            page.total = total if isinstance(total, int) else 0
        page.parameters.update(page.order.parameters(values))
        page.after = values

    async def _rows(self, page: Page, most: int, skip: int, call: Call, executor: Executor) -> Sequence[Any]:
        """Return the rows of a page and, where there is one, the next."""
        phases = [_ALL] if page.after is None else page.order.phases(page.after)
        if skip and len(phases) > 1:
            # Only one statement can say how many rows it left out.
            phases = [Phase(0, 0, "any")]
        found: list[Any] = []
        for phase in phases:
            statement = self._statement(page, phase, skips=bool(skip))
            arguments = statement.arguments(
                call.caller, {**page.parameters, "page_rows": most - len(found), "skipped_rows": skip}
            )
            rows = await executor.fetch(statement.sql, arguments, repeatable=True)
            found = [*found, *rows] if found else rows
            if len(found) >= most:
                break
        return found

    async def _total(self, page: Page, call: Call, executor: Executor) -> int:
        """Return how many rows there are in all; only a first page asks."""
        key = ("count", *page.selected.shape, page.order.shape)
        statement = self._kept(key, lambda: self._compile_count(page))
        arguments = statement.arguments(call.caller, {**page.parameters, "counted_rows": COUNTED + 1})
        counted: int = (await executor.fetch(statement.sql, arguments, repeatable=True))[0][0]
        if counted <= COUNTED:
            return counted
        statement = self._kept(("estimate", *key), lambda: estimated(scoped(self._table, self._matching(page))))
        arguments = statement.arguments(call.caller, page.parameters)
        plan = json.loads((await executor.fetch(statement.sql, arguments, repeatable=True))[0][0])
        return max(counted, min(int(plan[0]["Plan"]["Plan Rows"]), MAX_TOTAL))

    async def _read_large(self, rows: Sequence[Any], shown: Shown, call: Call, executor: Executor) -> list[bytes]:
        """Return the messages of rows of which some are yet to be read; one that is gone meanwhile is left out."""
        names = [row[-1] for row in rows if row[0] is None]
        arguments = self._by_names.arguments(call.caller, {"names": names})
        read = await executor.fetch(self._by_names.sql, arguments, repeatable=True)
        large = {name: (message, shape) for message, shape, name in read}
        both = [(row[0], row[1]) if row[0] is not None else large.get(row[-1]) for row in rows]
        return [one[0] if one[1] == shown.shape else shown.of_row(one[0]) for one in both if one is not None]

    def _statement(self, page: Page, phase: Phase, *, skips: bool) -> Statement:
        order, after = page.order, page.after
        place = "" if after is None else order.after_shape(after)
        key = (*page.selected.shape, order.shape, place, phase, skips)
        return self._kept(key, lambda: self._compile(page, phase, skips=skips))

    def _kept(self, key: tuple[Any, ...], compile_: Callable[[], Statement]) -> Statement:
        found = self._statements.get(key)
        if found is not None:
            self._statements.move_to_end(key)
            return found
        found = self._statements[key] = compile_()
        if len(self._statements) > MAX_STATEMENTS:
            self._statements.popitem(last=False)
        return found

    def _conditions(self, page: Page) -> list[sa.ColumnElement[bool]]:
        table = self._table
        found = page.selected.conditions(table)
        return found if page.matches is None else [*found, page.matches(table)]

    def _compile(self, page: Page, phase: Phase, *, skips: bool) -> Statement:
        table, order = self._table, page.order
        columns, own = table.columns, table.table.columns
        conditions = self._conditions(page)
        if page.after is not None:
            conditions.append(order.within(columns, page.after, phase))
        size = sa.func.octet_length(own["message"])
        inline = sa.case((size <= sa.literal_column(str(INLINE_BYTES)), own["message"]))
        found = sa.select(inline, own["shape"], size, *order.expressions(columns)).where(*conditions)
        found = found.order_by(*order.order_by(columns)).limit(sa.bindparam("page_rows", type_=sa.BigInteger()))
        if skips:
            found = found.offset(sa.bindparam("skipped_rows", type_=sa.BigInteger()))
        return scoped(table, found)

    def _compile_count(self, page: Page) -> Statement:
        some = self._matching(page).limit(sa.bindparam("counted_rows", type_=sa.BigInteger()))
        return scoped(self._table, sa.select(sa.func.count()).select_from(some.subquery()))

    def _matching(self, page: Page) -> sa.Select[Any]:
        found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(self._table.table)
        return found.where(*self._conditions(page))
