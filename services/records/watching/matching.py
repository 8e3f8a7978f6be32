"""Asks of messages whether they pass a filter: in Postgres, so that a filter means here what it means in a List.

Events hold neither sensitive nor INPUT_ONLY fields, and a filter can name neither.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

from services.records.schema.columns import INPUT, Columns, array_text
from services.records.writing.missing import ORDINAL
from services.records.writing.statements import many_rows

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from services.chassis.postgres import Executor
    from services.records.filter import Filter
    from services.records.schema.tables import RecordTable

MAX_STATEMENTS = 64
"""Shapes of filters whose statement is kept."""

_DIALECT = PGDialect_asyncpg(paramstyle="numeric_dollar")


class Matching:
    """Filters over messages of one record."""

    __slots__ = ("_columns", "_executor", "_statements", "_table", "_turns")

    def __init__(self, table: RecordTable, executor: Executor, turns: asyncio.Semaphore) -> None:
        """Take the record, what runs statements, and what is held while one runs: each filter asks for itself."""
        self._table, self._executor, self._turns = table, executor, turns
        self._columns = Columns(table)
        self._statements: OrderedDict[str, tuple[str, Sequence[str]]] = OrderedDict()

    async def passing(self, chosen: Filter, messages: Sequence[Message]) -> set[int]:
        """Return the places of the messages that pass."""
        if chosen.condition is None or not messages:
            return set(range(len(messages)))
        rows = [self._columns.row(message, "") for message in messages]
        sql, order = self._statement(chosen)
        lists = self._columns.lists
        values: dict[str, Any] = {
            name: [array_text(row[name]) if name in lists else row[name] for row in rows] for name in rows[0]
        }
        values |= chosen.parameters
        async with self._turns:
            found = await self._executor.fetch(sql, [values[name] for name in order], repeatable=True)
        return {row[0] for row in found}

    def _statement(self, chosen: Filter) -> tuple[str, Sequence[str]]:
        found = self._statements.get(chosen.shape)
        if found is not None:
            self._statements.move_to_end(chosen.shape)
            return found
        found = self._statements[chosen.shape] = self._compile(chosen)
        if len(self._statements) > MAX_STATEMENTS:
            self._statements.popitem(last=False)
        return found

    def _compile(self, chosen: Filter) -> tuple[str, Sequence[str]]:
        columns = self._table.columns
        given = many_rows({column.name: (INPUT + column.name, column.type) for column in columns.values()})
        condition = chosen.where({name: given.c[column.name] for name, column in columns.items()})
        if condition is None:
            raise AssertionError("A filter that lets all through is not asked.")
        compiled: Any = sa.select(given.c[ORDINAL]).where(condition).compile(dialect=_DIALECT)
        return str(compiled), tuple(compiled.positiontup or ())
