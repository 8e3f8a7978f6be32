"""Goes on where a newer contract has given a table or a column another name: both versions serve one database.

A column is known by the number of its field. Whoever finds that a name is gone reads what it is now, derives its
statements again, and does once more what it was asked for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg

from services.chassis.errors import Aborted
from services.records.migrating.catalogue import read_schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from services.chassis.postgres import Pool
    from services.records.migrating.catalogue import FoundTable

RENAMED = (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError)
"""What Postgres says of a name that is gone."""


class TablesChanged(Aborted):
    """The tables have got other names in the middle of a transaction."""

    reason = "TABLES_CHANGED"


class Adaptable(Protocol):
    """What can derive its statements again."""

    def current(self, path: str) -> Callable[..., Awaitable[bytes]]:
        """Return what serves a method now."""

    async def adapt(self) -> bool:
        """Derive the statements by the names that the tables have now; False where they have had them already."""


def adapting(engine: Adaptable, path: str) -> Callable[..., Awaitable[bytes]]:
    """Return what serves a method, whatever its tables and columns are called by now."""

    async def serve(request: Any, call: Any, executor: Any = None) -> bytes:
        function = engine.current(path)
        try:
            return await function(request, call, executor)
        except RENAMED as error:
            # Another call may have adapted the engine since this one began.
            if not await engine.adapt() and engine.current(path) is function:
                raise
            if executor is not None:
                raise TablesChanged("The tables have just been changed. Retry.") from error
        return await engine.current(path)(request, call, executor)

    return serve


class FoundNames:
    """The tables of some schemas as they are."""

    def __init__(self, pool: Pool, schemas: Iterable[str]) -> None:
        """Take where they are; nothing is read yet."""
        self._pool = pool
        self._schemas = tuple(dict.fromkeys(schemas))
        self._lock = asyncio.Lock()
        self._known: dict[str, tuple[str, dict[int, str]]] = {}

    async def read(self) -> Mapping[str, FoundTable] | None:
        """Return the tables by their message, or None where they are called as when they were read last."""
        async with self._lock:
            found: dict[str, FoundTable] = {}
            async with self._pool.connection() as connection:
                for schema in self._schemas:
                    found |= {table.message: table for table in await read_schema(connection, schema) if table.message}
            known = {message: (table.name, names_of(table)) for message, table in found.items()}
            if known == self._known:
                return None
            self._known = known
            return found


def names_of(table: FoundTable) -> dict[int, str]:
    """Return the columns of a table by the numbers of their fields."""
    return {column.number: column.name for column in table.columns if column.number is not None}
