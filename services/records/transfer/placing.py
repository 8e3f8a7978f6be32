"""Writes judged rows into their table, and finds those that the database refuses without losing the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from tenon.records.v1 import transfer_pb2

from services.chassis.errors import TenonError, Violation
from services.chassis.postgres import FAILURES, translate
from services.records.failures import (
    BatchTooLarge,
    RecordDeleted,
    RecordExists,
    RecordNotFound,
    ReferenceNotFound,
    find_culprit,
    is_name_taken,
    missing_parent,
)
from services.records.schema.columns import INPUT
from services.records.scope import organization_of, scoped, visible
from services.records.transactions.atomicity import savepoint
from services.records.transfer.failures import BadValue
from services.records.transfer.judging import Rejected, violations_of
from services.records.writing.changing import changed
from services.records.writing.missing import PARENT
from services.records.writing.preparing import now
from services.records.writing.rewriting import rewrite
from services.records.writing.writer import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.chassis.call import Call
    from services.chassis.postgres import Row, Transaction
    from services.records.transfer.judging import Fit, Judged
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Current, Writer

    Write = Callable[[Sequence[Fit]], Awaitable[Sequence[Row]]]

SINGLED_OUT = 8
"""Rows of one batch that are taken out by what Postgres says of them, before halves are tried."""

LOCKED_AT_ONCE = 500
"""Records that an update locks at once."""

FAIL, SKIP, UPDATE = transfer_pb2.ON_CONFLICT_FAIL, transfer_pb2.ON_CONFLICT_SKIP, transfer_pb2.ON_CONFLICT_UPDATE


@dataclass(slots=True)
class Placed:
    """What became of rows. It is not frozen: it is added to as they are written."""

    created: int = 0
    """Rows whose record was created."""
    updated: int = 0
    """Rows whose record is as the row says now."""
    skipped: int = 0
    """Rows that were left out since their record exists."""
    rejected: list[Rejected] = field(default_factory=list)
    """Rows that the database refuses."""


@dataclass(slots=True)
class _Change:
    """A row whose record exists, and the record's next version."""

    fit: Fit
    """The row."""
    current: Current
    """The record as it is."""
    row: Prepared
    """The record as it is to be."""


class Placing:
    """Writes the rows of one import."""

    def __init__(self, writer: Writer, on_conflict: int, mask: Callable[[Fit], list[str]]) -> None:
        """Take what writes the record, what is done where one exists, and what says which fields a row has."""
        self.writer, self.on_conflict, self.mask = writer, on_conflict, mask
        name = writer.table.columns["name"]
        named = name == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text())))
        chosen = sa.select(name.label("name")).where(visible(writer.table), named)
        self.present = scoped(writer.table, chosen, writes=True)
        self.rewrite = rewrite(writer.table, writer.service, writer.references, writer.nested, verb="updated")
        self.expects_conflicts = False
        """Whether some record is known to be there already: most imports create all that they have, and never ask."""

    async def place(self, judged: Judged, call: Call, transaction: Transaction) -> Placed:
        """Write rows in a transaction. What the database refuses is rejected; what fails otherwise is raised."""
        batch = _Batch(self, judged, call, transaction)
        waiting = judged.fit
        while waiting:
            # A name that comes twice is written twice, one after the other.
            first: dict[str, Fit] = {}
            again = [fit for fit in waiting if first.setdefault(fit.name, fit) is not fit]
            await batch.write(list(first.values()))
            self.expects_conflicts |= bool(again)
            waiting = again
        return batch.placed


class _Batch:
    """Rows that are written in one transaction."""

    def __init__(self, placing: Placing, judged: Judged, call: Call, transaction: Transaction) -> None:
        self.placed = Placed()
        self._placing, self._writer = placing, placing.writer
        self._columns, self._call, self._transaction = judged.columns, call, transaction
        self._singular = self._writer.table.record.singular

    async def write(self, fits: list[Fit]) -> None:
        """Write rows, no two of which have the same name."""
        if self._placing.expects_conflicts:
            fits = await self._divide(fits)
        self.placed.created += await self._try(fits, self._create)

    async def _create(self, part: Sequence[Fit]) -> Sequence[Row]:
        statement = self._writer.statement("insert_many", remembered=False)
        values = {**self._together(part), **self._writer.event(self._call, now())}
        return await self._transaction.fetch(statement.sql, statement.arguments(self._call.caller, values))

    def _together(self, part: Sequence[Fit]) -> dict[str, list[Any]]:
        """Return the parameters of rows, one list per column."""
        columns = self._columns
        if columns is None:
            return self._writer.preparing.together([fit.row for fit in part if fit.row is not None])
        if len(part) == len(columns[f"{INPUT}message"]):
            return columns
        places = [fit.place for fit in part]
        return {name: [values[place] for place in places] for name, values in columns.items()}

    async def _divide(self, fits: list[Fit]) -> list[Fit]:
        """Deal with the rows whose records exist, and return the others."""
        present = self._placing.present
        arguments = present.arguments(self._call.caller, {"names": [fit.name for fit in fits]})
        there = {row["name"] for row in await self._transaction.fetch(present.sql, arguments)}
        known = [fit for fit in fits if fit.name in there]
        if self._placing.on_conflict == SKIP:
            self.placed.skipped += len(known)
        elif self._placing.on_conflict == UPDATE:
            for place in range(0, len(known), LOCKED_AT_ONCE):
                await self._update(known[place : place + LOCKED_AT_ONCE])
        else:
            self.placed.rejected += [Rejected(fit.raw, [self._exists(fit)]) for fit in known]
        return [fit for fit in fits if fit.name not in there]

    def _exists(self, fit: Fit) -> Violation:
        said = f"{self._writer.table.record.type} `{fit.name}` exists."
        return Violation(field="name", description=said, reason=RecordExists.reason)

    async def _update(self, fits: Sequence[Fit]) -> None:
        """Change the records of rows."""
        rows = await self._lock(fits)
        changes: dict[int, _Change] = {}
        for fit in fits:
            try:
                change = self._change(fit, rows.get(fit.name))
            except (TenonError, BadValue) as error:
                self._reject(fit, error)
                continue
            if change is None:
                self.placed.updated += 1
            else:
                changes[id(fit)] = change
        changed_fits = [change.fit for change in changes.values()]
        self.placed.updated += await self._try(
            changed_fits, lambda part: self._rewrite([changes[id(fit)] for fit in part])
        )

    async def _lock(self, fits: Sequence[Fit]) -> dict[str, Row]:
        """Return the rows of the records, locked; one by one where they are too large together."""
        writer, names = self._writer, [fit.name for fit in fits]
        try:
            rows = await writer.lock(names, self._call, self._transaction, deletes=False)
        except BatchTooLarge:
            found = [await writer.lock([name], self._call, self._transaction, deletes=False) for name in names]
            rows = [row for each in found for row in each]
        return {row["name"]: row for row in rows}

    def _change(self, fit: Fit, found: Row | None) -> _Change | None:
        """Return the change that a row asks for, or None where the record is so already."""
        if found is None or found["deleted"]:
            raise RecordDeleted(self._writer.table.record.type, fit.name)
        current = self._writer.current_of_row(found)
        fit.body.name = fit.name
        row = changed(self._writer, current, fit.body, self._placing.mask(fit), call=self._call, moment=now())
        return None if row is None else _Change(fit, current, row)

    async def _rewrite(self, changes: Sequence[_Change]) -> Sequence[Row]:
        writer, statement = self._writer, self._placing.rewrite
        pairs = [(change.current, change.row) for change in changes]
        values = {
            **writer.preparing.together([change.row for change in changes]),
            **writer.rewritten(pairs),
            **writer.together_checks([writer.checks(current.message, row) for current, row in pairs]),
            **writer.event(self._call, now()),
        }
        rows = await self._transaction.fetch(statement.sql, statement.arguments(self._call.caller, values))
        return [row for row in rows if row["field"]]

    async def _try(self, fits: Sequence[Fit], write: Write, singled_out: int = 0) -> int:
        """Write rows and return how many were written; those that the database refuses are taken out."""
        if not fits:
            return 0
        try:
            async with savepoint(self._transaction):
                missing = await write(fits)
        except FAILURES as error:
            if translate(error) is not None:
                raise
            rest = await self._take_out(error, fits, singled_out)
            if rest is not None:
                return await self._try(rest, write, singled_out + 1)
            middle = len(fits) // 2
            return await self._try(fits[:middle], write) + await self._try(fits[middle:], write)
        if not missing:
            return len(fits)
        refused = self._reject_missing(fits, missing)
        return await self._try([fit for place, fit in enumerate(fits) if place not in refused], write, singled_out)

    async def _take_out(self, error: BaseException, fits: Sequence[Fit], singled_out: int) -> list[Fit] | None:
        """Deal with the rows that a failure is about and return the others, or None where that cannot be told."""
        writer = self._writer
        if is_name_taken(writer.table, error) and not self._placing.expects_conflicts:
            self._placing.expects_conflicts = True
            return await self._divide(list(fits))
        place: int | None = 0
        if len(fits) > 1:
            own = {"organization": organization_of(writer.table, self._call.caller), "owner": self._call.caller.subject}
            texts = [{**own, **self._texts(fit)} for fit in fits] if singled_out < SINGLED_OUT else []
            place = find_culprit(writer.table, error, texts)
        if place is None:
            return None
        await self._explain(error, fits[place])
        return [*fits[:place], *fits[place + 1 :]]

    def _texts(self, fit: Fit) -> dict[str, str]:
        """Return the values that a key may hold, as Postgres writes them, by column."""
        row = fit.row or self._writer.preparing.read(fit.message, fit.name, fit.parent, "")
        return row.texts()

    async def _explain(self, error: BaseException, fit: Fit) -> None:
        """Reject a row for what a failure of Postgres means, or raise that failure where it means nothing."""
        try:
            await refuse(
                self._writer,
                error,
                self._call,
                self._transaction,
                field=self._singular,
                name=fit.name,
                parent=fit.parent,
            )
        except TenonError as refused:
            self._reject(fit, refused)
        else:
            raise error

    def _reject(self, fit: Fit, error: TenonError | BadValue) -> None:
        self.placed.rejected.append(Rejected(fit.raw, violations_of(error, f"{self._singular}.")))

    def _reject_missing(self, fits: Sequence[Fit], missing: Sequence[Row]) -> set[int]:
        """Reject the rows that refer to what does not exist, and return their places."""
        found: dict[int, list[Violation]] = {}
        for ordinal, name, resource in sorted({(row["ordinal"], row["field"], row["resource"]) for row in missing}):
            if name == PARENT:
                said, reason = missing_parent(self._writer.table, fits[ordinal].parent).message, RecordNotFound.reason
            else:
                said, reason = f"No {resource} of that name exists for this caller.", ReferenceNotFound.reason
            violation = Violation(field="name" if name == PARENT else name, description=said, reason=reason)
            found.setdefault(ordinal, []).append(violation)
        self.placed.rejected += [Rejected(fits[ordinal].raw, violations) for ordinal, violations in found.items()]
        return set(found)
