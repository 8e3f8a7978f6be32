"""Removes for good what was deleted so long ago that its time is over (AIP-164).

What is due is removed some rows at a time, each time in a transaction of its own. Where that fails, each of the rows
has its own, so that one that cannot go keeps no other; and of one that takes too many along, these go first.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from services.chassis.call import Caller, CallerKind
from services.chassis.errors import TenonError
from services.chassis.postgres import FAILURES, DatabaseUnavailable
from services.records.deleting.statements import Going, Occasion
from services.records.failures import CascadeTooLarge
from services.records.scope import scoped
from services.records.writing.preparing import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.chassis.postgres import Pool, Row, Transaction
    from services.records.deleting.removing import Removing
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement

AT_ONCE = 100
"""Rows of one transaction."""

_log = logging.getLogger(__name__)
_TEXT, _MOMENT = sa.Text(collation="C"), sa.TIMESTAMP(timezone=True)


class Purging:
    """Purges the records of one process."""

    def __init__(self, tables: Mapping[str, RecordTable], removing: Removing, pool: Pool, *, host: str) -> None:
        """Compile the statements; `host` is who the events name as their actor."""
        self._removing, self._pool = removing, pool
        # What lives below others comes first.
        soft = [table for table in reversed(list(tables.values())) if table.is_soft]
        self._due = {table.record.message: (table, _due(table), _lock(table)) for table in soft}
        self._caller = Caller(kind=CallerKind.WORKLOAD, workload=host)
        self._event = {"event_actor": f"workloads/{host}", "event_request_id": "", "event_trace": ""}

    async def purge(self) -> int:
        """Remove all whose time is over, and return how many that were. Several processes may do so at once."""
        moment = now()
        return sum([await self._purge_table(message, moment) for message in self._due])

    async def _purge_table(self, message: str, moment: datetime) -> int:
        table, due, _ = self._due[message]
        count, last, failures = 0, {"after_moment": None, "after_organization": "", "after_name": ""}, 0
        while True:
            values = {**last, "moment": moment, "most_rows": AT_ONCE}
            rows = await self._pool.fetch(due.sql, due.beyond_arguments(values), repeatable=True)
            if not rows:
                break
            done, failed = await self._purge_rows(message, rows, moment)
            count, failures = count + done, failures + failed
            last = {f"after_{name}": rows[-1][name] for name in ("moment", "organization", "name")}
        if failures:
            _log.warning("%d deleted records of %s were not purged.", failures, table.record.type)
        return count

    async def _purge_rows(self, message: str, rows: Sequence[Row], moment: datetime) -> tuple[int, int]:
        """Remove rows, together or else one by one; return how many went and how many could not go."""
        try:
            return await self._remove(message, rows, moment), 0
        except DatabaseUnavailable:
            raise
        except (TenonError, *FAILURES):
            done = failed = 0
            for row in rows:
                try:
                    done += await self._purge_alone(message, row, moment)
                except DatabaseUnavailable:
                    raise
                except (TenonError, *FAILURES) as error:
                    failed += 1
                    _log.warning("`%s` was not purged: %s", row["name"], error)
            return done, failed

    async def _purge_alone(self, message: str, row: Row, moment: datetime) -> int:
        """Remove one row and, if it takes too many along for one transaction, these before it."""
        while True:
            try:
                return await self._remove(message, [row], moment)
            except CascadeTooLarge:
                async with self._pool.transaction() as transaction:
                    held = await self._hold(message, [row], moment, transaction)
                    lowest = await self._removing.lowest(held, transaction)
                    if not lowest:
                        raise
                    await self._removing.remove(lowest, self._occasion(moment), transaction)

    async def _remove(self, message: str, rows: Sequence[Row], moment: datetime) -> int:
        async with self._pool.transaction() as transaction:
            held = await self._hold(message, rows, moment, transaction)
            await self._removing.remove(held, self._occasion(moment), transaction)
        return len(held)

    async def _hold(self, message: str, rows: Sequence[Row], moment: datetime, transaction: Transaction) -> list[Going]:
        """Lock those of the rows that are still due, and that nobody else has locked."""
        table, _, lock = self._due[message]
        values = {
            "organizations": [row["organization"] for row in rows],
            "names": [row["name"] for row in rows],
            "moment": moment,
        }
        found = await transaction.fetch(lock.sql, lock.beyond_arguments(values))
        return [Going(table=table, deleted=True, for_good=True, **row) for row in found]

    def _occasion(self, moment: datetime) -> Occasion:
        return Occasion(caller=self._caller, event={**self._event, "event_time": moment}, moment=moment)


def _due(table: RecordTable) -> Statement:
    """Return the statement that finds what is due, in the order of its time, after the row of the last time."""
    own, name = table.table.columns, table.columns["name"]
    key = sa.tuple_(own["purge_at"], own["organization"], name)
    moment, after = (sa.bindparam(each, type_=_MOMENT) for each in ("moment", "after_moment"))
    last = sa.tuple_(after, *(sa.bindparam(each, type_=_TEXT) for each in ("after_organization", "after_name")))
    found = (
        sa.select(own["purge_at"].label("moment"), own["organization"], name.label("name"))
        .where(own["purge_at"] <= moment, sa.or_(after.is_(None), key > last))
        .order_by(own["purge_at"], own["organization"], name)
        .limit(sa.bindparam("most_rows", type_=sa.BigInteger()))
    )
    return scoped(table, found, writes=True, beyond=True)


def _lock(table: RecordTable) -> Statement:
    own: Any = table.table.columns
    name = table.columns["name"]
    sent = (sa.bindparam(each, type_=ARRAY(sa.Text())) for each in ("organizations", "names"))
    kinds = [sa.column("organization", sa.Text()), sa.column("name", sa.Text())]
    wanted = sa.func.unnest(*sent).table_valued(*kinds, name="wanted").render_derived()
    size = sa.func.octet_length(own["message"]).label("size")
    found = (
        sa.select(own["organization"], name.label("name"), own["revision"], own["shape"], size)
        .where(sa.tuple_(own["organization"], name).in_(sa.select(wanted.c.organization, wanted.c.name)))
        .where(own["purge_at"] <= sa.bindparam("moment", type_=_MOMENT))
        .order_by(own["organization"], name)
        .with_for_update(of=table.table, skip_locked=True)
    )
    return scoped(table, found, writes=True, beyond=True)
