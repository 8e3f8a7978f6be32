"""Removes for good what was deleted so long ago that its time is over (AIP-164)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from services.chassis.call import Caller, CallerKind
from services.records.deletions import Going, Occasion
from services.records.preparing import now
from services.records.scope import scoped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.postgres import Pool
    from services.records.removing import Removing
    from services.records.scope import Statement
    from services.records.tables import RecordTable

AT_ONCE = 100
"""Rows of one transaction."""


class Purging:
    """Purges the records of one process."""

    def __init__(self, tables: Mapping[str, RecordTable], removing: Removing, pool: Pool, *, host: str) -> None:
        """Compile the statements; `host` is who the events name as their actor."""
        self._removing, self._pool = removing, pool
        # What lives below others comes first.
        self._due: list[tuple[RecordTable, Statement]] = [
            (table, _due(table)) for table in reversed(list(tables.values())) if table.is_soft
        ]
        self._caller = Caller(kind=CallerKind.WORKLOAD, workload=host)
        self._event = {"event_actor": f"workloads/{host}", "event_request_id": "", "event_trace": ""}

    async def purge(self) -> int:
        """Remove all whose time is over, and return how many that were. Several processes may do so at once."""
        count = 0
        for table, statement in self._due:
            while found := await self._purge_some(table, statement):
                count += found
        return count

    async def _purge_some(self, table: RecordTable, statement: Statement) -> int:
        moment = now()
        async with self._pool.transaction() as transaction:
            values: dict[str, Any] = {"moment": moment, "most_rows": AT_ONCE}
            rows = await transaction.fetch(statement.sql, statement.beyond_arguments(values))
            going = [Going(table=table, deleted=True, for_good=True, **row) for row in rows]
            occasion = Occasion(caller=self._caller, event={**self._event, "event_time": moment}, moment=moment)
            await self._removing.remove(going, occasion, transaction)
        return len(rows)


def _due(table: RecordTable) -> Statement:
    own = table.table.columns
    size = sa.func.octet_length(own["message"]).label("size")
    name = table.columns["name"].label("name")
    found = (
        sa.select(own["organization"], name, own["revision"], own["shape"], size)
        .where(own["purge_at"] <= sa.bindparam("moment", type_=sa.TIMESTAMP(timezone=True)))
        .order_by(own["purge_at"])
        .limit(sa.bindparam("most_rows", type_=sa.BigInteger()))
        .with_for_update(skip_locked=True)
    )
    return scoped(table, found, writes=True, beyond=True)
