"""The rows that Python code reads in its own transaction: by name or by filter, locked where they are to change."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from services.records.filter import Filters
from services.records.reading.ordering import Orderings
from services.records.scope import scoped, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Row
    from services.records.filter import Filter
    from services.records.reading.ordering import Ordering
    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement

MAX_STATEMENTS = 64
"""Shapes of statements that one record keeps compiled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows are wanted."""

    filter: str = ""
    """What they pass (AIP-160)."""
    parent: str = ""
    """What they are below, or empty for wherever they are."""
    order_by: str = ""
    """Their order (AIP-132); that of their names where it is empty."""
    limit: int = 1000
    """The most rows."""


class Finding:
    """Reads rows of one record: each has `message`, `revision` and `shape`."""

    def __init__(self, table: RecordTable, names: Names) -> None:
        """Take what a record's statements are made of; they are compiled as their shapes come up."""
        self._table, self._names = table, names
        self._filters = Filters(table.descriptor, search=table.record.search)
        self._orderings = Orderings(table.record, table.descriptor)
        self._statements: OrderedDict[tuple[Any, ...], Statement] = OrderedDict()

    async def by_names(self, names: Sequence[str], call: Call, executor: Executor, *, lock: bool) -> list[Row]:
        """Return the rows of these names that are there for the caller, in the order of their names."""
        statement = self._statement(("names", lock), lambda: self._compile_names(lock=lock))
        return await executor.fetch(statement.sql, statement.arguments(call.caller, {"names": list(names)}))

    async def by_filter(self, wanted: Wanted, call: Call, executor: Executor, *, lock: bool) -> list[Row]:
        """Return the rows that are wanted.

        Locked rows are locked in the order of their names, so that two who lock the same never wait in a circle; one
        that was changed meanwhile and is wanted no more is left out.

        Raises:
            FilterInvalid: and OrderByInvalid: with every mistake.
        """
        if wanted.parent:
            self._names.check_parent(wanted.parent, "parent")
        chosen, ordering = self._filters.read(wanted.filter), self._orderings.read(wanted.order_by)
        values: dict[str, Any] = {**chosen.parameters, "parent": wanted.parent, "most_rows": wanted.limit}
        plain = len(ordering.keys) == 1 and not ordering.keys[0].descending
        key = (chosen.shape, ordering.shape, bool(wanted.parent))
        how = "lock" if lock and plain else "read"
        statement = self._statement((*key, how), lambda: self._compile(chosen, ordering, wanted, how))
        rows = await executor.fetch(statement.sql, statement.arguments(call.caller, values))
        if how == "lock" or not lock:
            return rows
        again = self._statement((*key, "again"), lambda: self._compile(chosen, ordering, wanted, "again"))
        values["names"] = [row["name"] for row in rows]
        locked = await executor.fetch(again.sql, again.arguments(call.caller, values))
        places = {name: place for place, name in enumerate(values["names"])}
        return sorted(locked, key=lambda row: places[row["name"]])

    def _statement(self, key: tuple[Any, ...], compile_: Callable[[], Statement]) -> Statement:
        found = self._statements.get(key)
        if found is None:
            found = self._statements[key] = compile_()
            if len(self._statements) > MAX_STATEMENTS:
                self._statements.popitem(last=False)
        self._statements.move_to_end(key)
        return found

    def _select(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        own, name = self._table.table.columns, self._table.columns["name"].label("name")
        found = sa.select(own["message"], own["revision"], own["shape"], name)
        found = found.where(visible(self._table), *conditions)
        return found.where(own["deleted_at"].is_(None)) if self._table.is_soft else found

    def _compile_names(self, *, lock: bool) -> Statement:
        found = self._select(self._is_named()).order_by(self._table.columns["name"])
        return scoped(self._table, _locked(found) if lock else found, writes=lock)

    def _compile(self, chosen: Filter, ordering: Ordering, wanted: Wanted, how: str) -> Statement:
        table = self._table
        found = self._select()
        if wanted.parent:
            found = found.where(table.table.columns["parent"] == sa.bindparam("parent", type_=sa.Text()))
        where = chosen.where(table.columns)
        if where is not None:
            found = found.where(where)
        if how == "again":
            found = found.where(self._is_named()).order_by(table.columns["name"])
        else:
            limit = sa.bindparam("most_rows", type_=sa.BigInteger())
            found = found.order_by(*ordering.order_by(table.columns)).limit(limit)
        return scoped(table, found if how == "read" else _locked(found), writes=how != "read")

    def _is_named(self) -> sa.ColumnElement[bool]:
        return self._table.columns["name"] == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text())))


def _locked(found: sa.Select[Any]) -> sa.Select[Any]:
    # Records below one may still be made: they only need that its name stays.
    return found.with_for_update(key_share=True)
