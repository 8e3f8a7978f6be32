"""Deletes records with what has to go with them: first all that is found and judged, then all that is written.

What depends on a record       when it is deleted
────────────────────────────   ────────────────────────────────────────────────────────────────────────────────
records below it               are in the way, unless the request says `force`: then they go with it
a reference, `RESTRICT`        is in the way, unless its record goes too
a reference, `CASCADE`         its record goes with it
a reference, `CLEAR`           is emptied, or is in the way where its record must have it (`buf.validate`)

A record that is deleted softly is kept, with its name; one that goes with another is so too, unless it lives below one
that is gone for good. What is deleted and kept stands in nobody's way: its references are looked at when it comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract import OnDelete
from services.records.deleting.dependents import dependents_of, find
from services.records.deleting.statements import MAX_ALONG, Going, Plan, by_table
from services.records.deleting.taking import Taking
from services.records.failures import RecordHasChildren, RecordReferenced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.chassis.call import Caller
    from services.chassis.postgres import Row, Transaction
    from services.records.deleting.dependents import Dependent
    from services.records.deleting.statements import Occasion
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.transactions.outbox import ServiceTables
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Writer


class Removing:
    """Deletes records of one process."""

    def __init__(
        self,
        tables: Mapping[str, RecordTable],
        service: ServiceTables,
        writer_of: Callable[[str], Writer],
        may_read: Callable[[RecordTable, Caller], bool],
    ) -> None:
        """Take the tables, the service's own, what writes each record, and who may read it."""
        self._may_read = may_read
        self._taking = Taking(tables, service, writer_of, self._held)
        self._dependents: dict[str, tuple[Dependent, ...]] = {
            message: dependents_of(table, tables) for message, table in tables.items()
        }
        self._statements: dict[tuple[int, bool, bool], Statement] = {}

    def is_alone(self, table: RecordTable) -> bool:
        """Whether nothing can depend on a record of this table."""
        return not self._dependents[table.record.message]

    async def remove(
        self, rows: Sequence[Going], occasion: Occasion, transaction: Transaction, *, force: bool = False
    ) -> dict[str, Prepared]:
        """Delete rows that are locked, with what goes with them; return those of them that are kept, by name.

        Raises:
            RecordHasChildren: where records below are in the way.
            RecordReferenced: where a reference is in the way.
            CascadeTooLarge: where too many records would go with them.
        """
        plan = Plan(going={row.key: row for row in rows})
        frontier: Sequence[Going] = rows
        while frontier:
            frontier = await self._spread(plan, frontier, transaction, force=force)
        await self._judge_references(plan, occasion.caller, transaction)
        await self._taking.clear(plan, occasion, transaction)
        kept = await self._taking.delete(plan, occasion, transaction)
        return {row.name: kept[row.key] for row in rows if row.key in kept}

    async def lowest(self, rows: Sequence[Going], transaction: Transaction) -> list[Going]:
        """Lock and return some of what was deleted below rows and has nothing below itself; nothing is the end.

        Raises:
            RecordHasChildren: where something is live there.
        """
        for message, above in by_table(rows):
            for dependent in self._dependents[message]:
                if not dependent.link:
                    continue
                found = await self._find(Plan(), dependent, above, transaction, locks=True, live=False)
                for row in found:
                    if not row["deleted"]:
                        raise _has_children(dependent, row)
                if found:
                    below = [_going(dependent.table, row, for_good=True) for row in found]
                    return await self.lowest(below, transaction) or below
        return []

    async def _spread(
        self, plan: Plan, frontier: Sequence[Going], transaction: Transaction, *, force: bool
    ) -> list[Going]:
        """Find what goes with the rows of the frontier."""
        found: list[Going] = []
        for message, rows in by_table(frontier):
            for dependent in self._dependents[message]:
                if dependent.link:
                    found += await self._below(plan, dependent, rows, transaction, force=force)
                elif dependent.on_delete is OnDelete.CASCADE:
                    for row in await self._find(plan, dependent, rows, transaction, locks=True, live=True):
                        found += _take(plan, dependent.table, row, for_good=not dependent.table.is_soft)
        return found

    async def _below(
        self, plan: Plan, dependent: Dependent, rows: Sequence[Going], transaction: Transaction, *, force: bool
    ) -> list[Going]:
        """Find what lives below rows: it goes with them, or is in the way."""
        found: list[Going] = []
        for for_good in (True, False):
            above = [row for row in rows if row.for_good is for_good]
            # What was deleted before, below what was deleted before, is kept as long as that and no longer.
            after = all(row.deleted for row in above)
            for row in await self._find(plan, dependent, above, transaction, locks=True, live=not for_good):
                if not force and not (row["deleted"] and after):
                    raise _has_children(dependent, row)
                found += _take(plan, dependent.table, row, for_good=for_good or not dependent.table.is_soft)
        return found

    async def _judge_references(self, plan: Plan, caller: Caller, transaction: Transaction) -> None:
        """Refuse what others refer to, and note what is to be emptied."""
        for message, rows in by_table([row for row in plan.going.values() if not row.deleted]):
            for dependent in self._dependents[message]:
                if dependent.link or dependent.on_delete is OnDelete.CASCADE:
                    continue
                clears = dependent.on_delete is OnDelete.CLEAR
                found = await self._find(plan, dependent, rows, transaction, locks=clears, live=not clears)
                if found and not clears:
                    raise self._held(dependent, found[0], caller)
                for row in found:
                    key = dependent.table.record.message, row["organization"], row["name"]
                    if key not in plan.cleared:
                        plan.count()
                    plan.cleared.setdefault(key, []).append((dependent, row))

    async def _find(
        self,
        plan: Plan,
        dependent: Dependent,
        rows: Sequence[Going],
        transaction: Transaction,
        *,
        locks: bool,
        live: bool,
    ) -> list[Row]:
        """Return who depends on rows, without those that go anyway and cannot go any further."""
        if not rows:
            return []
        going = [
            each
            for each in plan.going.values()
            if each.table is dependent.table and (each.for_good or not dependent.link)
        ]
        key = id(dependent), locks, live
        statement = self._statements.get(key)
        if statement is None:
            statement = self._statements[key] = find(dependent, locks=locks, live=live)
        values = {
            "gone_organizations": [row.organization for row in rows],
            "gone_names": [row.name for row in rows],
            "going_organizations": [each.organization for each in going],
            "going_names": [each.name for each in going],
            # Where one is enough, Postgres would hope to meet it soon, and read the table instead of the index.
            "most_rows": MAX_ALONG + 1,
        }
        return await transaction.fetch(statement.sql, statement.beyond_arguments(values))

    def _held(self, dependent: Dependent, row: Row, caller: Caller, why: str = "") -> RecordReferenced:
        table, target = dependent.table, dependent.target.record.type
        own = row["organization"] == caller.organization or table.is_global
        seen = own and (not table.is_owned or row["owner"] == caller.subject) and self._may_read(table, caller)
        example = f", such as `{row['name']}`" if seen else ""
        metadata = {"resource": target, "name": row["target"], "referrer": table.record.type, "field": dependent.field}
        return RecordReferenced(
            f"{target} `{row['target']}` is referred to by `{dependent.field}` of a {table.record.type}{example}{why}. "
            "Change or delete what refers to it first.",
            metadata=metadata | ({"example": row["name"]} if seen else {}),
        )


def _take(plan: Plan, table: RecordTable, row: Row, *, for_good: bool) -> list[Going]:
    """Add a row to those that go, and return it where what depends on it is to be looked for."""
    going = _going(table, row, for_good=for_good)
    known = plan.going.get(going.key)
    if known is not None and (known.for_good or not for_good):
        return []
    if known is None:
        plan.count()
    plan.going[going.key] = going
    return [going]


def _going(table: RecordTable, row: Row, *, for_good: bool) -> Going:
    return Going(
        table=table,
        organization=row["organization"],
        name=row["name"],
        revision=row["revision"],
        shape=row["shape"],
        size=row["size"],
        deleted=row["deleted"],
        for_good=for_good,
    )


def _has_children(dependent: Dependent, row: Row) -> RecordHasChildren:
    resource, name = dependent.target.record.type, row["target"]
    said = "deleted records below it that are still kept. Expunge" if row["deleted"] else "records below it. Delete"
    return RecordHasChildren(
        f"{resource} `{name}` has {said} them first, or send `force` where the method has it.",
        metadata={"resource": resource, "name": name},
    )
