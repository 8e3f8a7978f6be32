"""The first picture of a watch: pages of records in the order of their names, each as one snapshot sees it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from services.records.scope import scoped
from services.records.watching.snapshots import Snapshot

if TYPE_CHECKING:
    from services.chassis.call import Caller
    from services.chassis.postgres import Executor
    from services.records.reading.selecting import Selected
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.watching.limits import WatchLimits

MAX_STATEMENTS = 64
"""Shapes of statements that are kept compiled."""


class Picture:
    """Reads the pages of one record's pictures."""

    def __init__(self, table: RecordTable, executor: Executor, limits: WatchLimits) -> None:
        """Take the record, what runs statements, each in a transaction of its own, and how large a page is."""
        self._table, self._executor, self._limits = table, executor, limits
        self._statements: OrderedDict[tuple[Any, ...], Statement] = OrderedDict()

    async def page(self, selected: Selected, caller: Caller, after: str) -> tuple[list[Any], Snapshot, str | None]:
        """Return rows with names after one, what saw them, and the last of their names, None where no more follow.

        A row is the stored message and its shape.
        """
        statement = self._statement(selected)
        arguments = statement.arguments(caller, {**selected.parameters(), "after": after})
        found = await self._executor.fetch(statement.sql, arguments, repeatable=True)
        seen = Snapshot.parse(found[0]["seen"])
        rows = [row for row in found if row["name"] is not None]
        # The statement marks the last row of a page that is full, for its rows or for their size.
        last = rows[-1]["name"] if rows and rows[-1]["is_full"] else None
        return [(row["message"], row["shape"]) for row in rows], seen, last

    def _statement(self, selected: Selected) -> Statement:
        found = self._statements.get(selected.shape)
        if found is not None:
            self._statements.move_to_end(selected.shape)
            return found
        found = self._statements[selected.shape] = self._compile(selected)
        if len(self._statements) > MAX_STATEMENTS:
            self._statements.popitem(last=False)
        return found

    def _compile(self, selected: Selected) -> Statement:
        table = self._table
        own, name = table.table.columns, table.columns["name"]
        wanted = (
            sa.select(own["message"], own["shape"], name.label("name"))
            .where(*selected.conditions(table), name > sa.bindparam("after", type_=sa.Text()))
            .order_by(name)
            .limit(sa.literal_column(str(self._limits.page_rows)))
            .subquery("wanted")
        )
        size = sa.func.octet_length(wanted.c.message)
        so_far = sa.func.sum(size).over(order_by=wanted.c.name, rows=(None, 0))
        place = sa.func.row_number().over(order_by=wanted.c.name)
        weighed = sa.select(*wanted.c, size.label("size"), so_far.label("so_far"), place.label("place")).subquery(
            "weighed"
        )
        bound: sa.ColumnElement[int] = sa.literal_column(str(self._limits.page_bytes))
        most: sa.ColumnElement[int] = sa.literal_column(str(self._limits.page_rows))
        is_full = sa.or_(weighed.c.so_far >= bound, weighed.c.place == most).label("is_full")
        page = (
            sa.select(weighed.c.message, weighed.c.shape, weighed.c.name, is_full)
            .where(weighed.c.so_far - weighed.c.size < bound)
            .subquery("page")
        )
        # There is always a row, which says what saw the page, even if nothing is on it.
        seen = sa.select(sa.literal_column("pg_current_snapshot()::text", sa.Text()).label("seen")).subquery("now")
        found = sa.select(seen.c.seen, *page.c).select_from(seen.outerjoin(page, sa.true())).order_by(page.c.name)
        return scoped(table, found)
