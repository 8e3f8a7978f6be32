"""Writes what a deletion comes to: fields are emptied, rows removed or marked, each with its event."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import asyncpg

from services.records.deleting.statements import in_chunks
from services.records.failures import explain
from services.records.schema.columns import INPUT
from services.records.writing.preparing import redacted
from services.records.writing.rewriting import Deletion, fetch, remove, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.chassis.call import Caller
    from services.chassis.postgres import Row, Transaction
    from services.records.deleting.dependents import Dependent
    from services.records.deleting.statements import Going, Key, Occasion, Plan
    from services.records.failures import RecordReferenced
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.transactions.outbox import ServiceTables
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Current, Writer

    Change = tuple[str, Current, Prepared]
    """Whose a row is, what it is, and what it becomes."""

CLEARED_AT_ONCE = 50
"""Rows that are held in memory while their fields are emptied."""


class Taking:
    """Writes the deletions of one process."""

    def __init__(
        self,
        tables: Mapping[str, RecordTable],
        service: ServiceTables,
        writer_of: Callable[[str], Writer],
        held: Callable[[Dependent, Row, Caller, str], RecordReferenced],
    ) -> None:
        """Take the tables, the service's own, what writes each record, and what is said of a reference in the way."""
        self._tables, self._service, self._writer_of, self._held = tables, service, writer_of, held
        self._statements: dict[tuple[str, ...], Statement] = {}

    async def clear(self, plan: Plan, occasion: Occasion, transaction: Transaction) -> None:
        """Empty the fields that refer to what goes.

        Raises:
            RecordReferenced: where a record would break a rule of its contract without its reference.
        """
        for message, found in groupby(sorted(plan.cleared), key=lambda key: key[0]):
            writer, keys = self._writer_of(message), list(found)
            for start in range(0, len(keys), CLEARED_AT_ONCE):
                rows = await self._fetch(writer.table, keys[start : start + CLEARED_AT_ONCE], transaction)
                changes = []
                for row in rows:
                    current = writer.current_of_row(row)
                    fields = plan.cleared[message, row["organization"], row["name"]]
                    result = _emptied(current, fields)
                    if broken := writer.rules.broken(current.message, result):
                        why = f", and cannot be emptied there ({broken[0].field}: {broken[0].description.rstrip('.')})"
                        raise self._held(*fields[0], occasion.caller, why)
                    singular = writer.table.record.singular
                    made = writer.preparing.changed(current.message, result, occasion.moment, singular)
                    if made is not None:
                        changes.append((row["organization"], current, made))
                await self._rewrite(writer, changes, occasion.event, transaction, verb="updated")

    async def delete(self, plan: Plan, occasion: Occasion, transaction: Transaction) -> dict[Key, Prepared]:
        """Delete all that goes, and return what is kept of it.

        What lives below others goes before them: tables are in the order of parents.
        """
        kept: dict[Key, Prepared] = {}
        for message in reversed(list(self._tables)):
            rows = [row for row in plan.going.values() if row.table.record.message == message]
            for chunk in in_chunks([row for row in rows if row.for_good]):
                await self._remove(chunk, occasion, transaction)
            for chunk in in_chunks([row for row in rows if not row.for_good and not row.deleted]):
                kept |= await self._keep(chunk, occasion, transaction)
        return kept

    async def _remove(self, rows: Sequence[Going], occasion: Occasion, transaction: Transaction) -> None:
        """Delete rows of one table for good."""
        table = rows[0].table
        before = await self._told(table, rows, transaction)
        for verb, deleted in (("deleted", False), ("expunged", True)):
            chosen = [row for row in rows if row.deleted is deleted]
            if not chosen:
                continue
            statement = self._statement("remove", table, verb) or self._add(
                "remove", table, verb, remove(table, self._service, verb=verb)
            )
            values = {
                **occasion.event,
                INPUT + table.columns["name"].name: [row.name for row in chosen],
                "row_organization": [row.organization for row in chosen],
                "event_before": [before.get(row.key) for row in chosen],
                "expected": [row.revision for row in chosen],
            }
            try:
                await transaction.fetch(statement.sql, statement.beyond_arguments(values))
            except asyncpg.ForeignKeyViolationError as error:
                # Below it is what this contract does not have: a newer one has it, or an older one had.
                raise _held_below(table, chosen, error) from error

    async def _told(self, table: RecordTable, rows: Sequence[Going], transaction: Transaction) -> dict[Key, bytes]:
        """Return what events say of rows whose bytes they may not hold as they are."""
        told = [row.key for row in rows if table.redact is not None or row.shape != table.shape]
        if not told:
            return {}
        writer = self._writer_of(table.record.message)
        return {
            (table.record.message, row["organization"], row["name"]): redacted(
                table, writer.current_of_row(row).message
            )
            for row in await self._fetch(table, told, transaction)
        }

    async def _keep(self, rows: Sequence[Going], occasion: Occasion, transaction: Transaction) -> dict[Key, Prepared]:
        """Delete rows of one table softly, and return them as they are kept."""
        table = rows[0].table
        writer = self._writer_of(table.record.message)
        purge = writer.purge_time(occasion.moment)
        changes = []
        for row in await self._fetch(table, [row.key for row in rows], transaction):
            current = writer.current_of_row(row)
            made = writer.preparing.deleted(current.message, occasion.moment, purge)
            changes.append((row["organization"], current, made))
        values = {**occasion.event, "purge_at": purge}
        await self._rewrite(writer, changes, values, transaction, verb="deleted", deletion=Deletion.SET)
        return {(table.record.message, whose, made.name): made for whose, _, made in changes}

    async def _rewrite(
        self,
        writer: Writer,
        changes: Sequence[Change],
        event: Mapping[str, Any],
        transaction: Transaction,
        *,
        verb: str,
        deletion: Deletion = Deletion.LEAVE,
    ) -> None:
        if not changes:
            return
        table = writer.table
        statement = self._statement("rewrite", table, verb) or self._add(
            "rewrite", table, verb, rewrite(table, self._service, {}, None, verb=verb, deletion=deletion, beyond=True)
        )
        values = {
            **writer.preparing.together([made for _, _, made in changes]),
            **writer.rewritten([(current, made) for _, current, made in changes]),
            **event,
            "row_organization": [whose for whose, _, _ in changes],
        }
        await transaction.fetch(statement.sql, statement.beyond_arguments(values))

    async def _fetch(self, table: RecordTable, keys: Sequence[Key], transaction: Transaction) -> list[Row]:
        statement = self._statement("fetch", table) or self._add("fetch", table, "", fetch(table))
        name = INPUT + table.columns["name"].name
        values = {"row_organization": [key[1] for key in keys], name: [key[2] for key in keys]}
        return await transaction.fetch(statement.sql, statement.beyond_arguments(values))

    def _statement(self, kind: str, table: RecordTable, verb: str = "") -> Statement | None:
        return self._statements.get((kind, table.record.message, verb))

    def _add(self, kind: str, table: RecordTable, verb: str, statement: Statement) -> Statement:
        self._statements[kind, table.record.message, verb] = statement
        return statement


def _held_below(table: RecordTable, rows: Sequence[Going], error: asyncpg.ForeignKeyViolationError) -> Exception:
    said = error.detail or ""
    name = next((row.name for row in rows if f"=({row.organization}, {row.name}) " in said), rows[0].name)
    return explain(table, error, field="name", name=name) or error


def _emptied(current: Current, fields: Sequence[tuple[Dependent, Row]]) -> Any:
    """Return a message without its references to what goes."""
    result: Any = type(current.message)()
    result.CopyFrom(current.message)
    for dependent, row in fields:
        if dependent.table.descriptor.fields_by_name[dependent.field].is_repeated:
            left = [each for each in getattr(result, dependent.field) if each != row["target"]]
            result.ClearField(dependent.field)
            getattr(result, dependent.field).extend(left)
        else:
            result.ClearField(dependent.field)
    return result
