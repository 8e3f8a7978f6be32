"""Writes judged rows into their table, and finds those that the database refuses without losing the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from tenon.records.v1 import transfer_pb2

from services.chassis.errors import TenonError, Violation
from services.chassis.postgres import FAILURES, translate
from services.records.atomicity import savepoint
from services.records.changing import changed
from services.records.columns import INPUT
from services.records.failures import (
    BatchTooLarge,
    RecordDeleted,
    RecordExists,
    ReferenceNotFound,
    find_culprit,
    is_name_taken,
    missing_parent,
)
from services.records.missing import PARENT
from services.records.preparing import now
from services.records.rewriting import rewrite
from services.records.scope import organization_of, scoped, visible
from services.records.transfer.failures import BadValue
from services.records.transfer.judging import Rejected, violations_of
from services.records.writing import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.chassis.call import Call
    from services.chassis.postgres import Row, Transaction
    from services.records.preparing import Prepared
    from services.records.transfer.judging import Fit, Judged
    from services.records.writing import Current, Writer

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
        self._writer, self._on_conflict, self._mask = writer, on_conflict, mask
        name = writer.table.columns["name"]
        named = name == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text())))
        chosen = sa.select(name.label("name")).where(visible(writer.table), named)
        self._present = scoped(writer.table, chosen, writes=True)
        self._rewrite = rewrite(writer.table, writer.service, writer.references, writer.nested, verb="updated")
        # Asked for only where some record is known to be there: most imports create all that they have.
        self._expects_conflicts = False
        self._columns: dict[str, list[Any]] | None = None

    async def place(self, judged: Judged, call: Call, transaction: Transaction) -> Placed:
        """Write rows in a transaction. What the database refuses is rejected; what fails otherwise is raised."""
        placed = Placed()
        self._columns = judged.columns
        waiting = list(judged.fit)
        while waiting:
            # A name that comes twice is written twice, one after the other.
            first: dict[str, Fit] = {}
            again: list[Fit] = []
            for fit in waiting:
                if first.setdefault(fit.name, fit) is not fit:
                    again.append(fit)
            await self._place_once(list(first.values()), call, transaction, placed)
            self._expects_conflicts |= bool(again)
            waiting = again
        return placed

    async def _place_once(self, fits: list[Fit], call: Call, transaction: Transaction, placed: Placed) -> None:
        if self._expects_conflicts:
            fits = await self._divide(fits, call, transaction, placed)

        async def create(part: Sequence[Fit]) -> Sequence[Row]:
            writer = self._writer
            statement = writer.statement("insert_many", remembered=False)
            values = {**self._together(part), **writer.event(call, now())}
            return await transaction.fetch(statement.sql, statement.arguments(call.caller, values))

        placed.created += await self._try(fits, create, call, transaction, placed)

    def _together(self, part: Sequence[Fit]) -> dict[str, list[Any]]:
        """Return the parameters of rows, one list per column."""
        columns = self._columns
        if columns is None:
            return self._writer.preparing.together([fit.row for fit in part if fit.row is not None])
        if len(part) == len(columns[f"{INPUT}message"]):
            return columns
        places = [fit.place for fit in part]
        return {name: [values[place] for place in places] for name, values in columns.items()}

    def _texts(self, fit: Fit) -> dict[str, str]:
        """Return the values that a key may hold, as Postgres writes them, by column."""
        row = fit.row or self._writer.preparing.read(fit.message, fit.name, fit.parent, "")
        return row.texts()

    async def _divide(self, fits: list[Fit], call: Call, transaction: Transaction, placed: Placed) -> list[Fit]:
        """Deal with the rows whose records exist, and return the others."""
        names = [fit.name for fit in fits]
        arguments = self._present.arguments(call.caller, {"names": names})
        there = {row["name"] for row in await transaction.fetch(self._present.sql, arguments)}
        known = [fit for fit in fits if fit.name in there]
        if self._on_conflict == SKIP:
            placed.skipped += len(known)
        elif self._on_conflict == UPDATE:
            await self._update(known, call, transaction, placed)
        else:
            placed.rejected += [Rejected(fit.raw, [self._exists(fit)]) for fit in known]
        return [fit for fit in fits if fit.name not in there]

    def _exists(self, fit: Fit) -> Violation:
        said = f"{self._writer.table.record.type} `{fit.name}` exists."
        return Violation(field="name", description=said, reason=RecordExists.reason)

    async def _update(self, fits: list[Fit], call: Call, transaction: Transaction, placed: Placed) -> None:
        """Change the records of rows, a few at a time: as many as may be locked at once."""
        for place in range(0, len(fits), LOCKED_AT_ONCE):
            part = fits[place : place + LOCKED_AT_ONCE]
            rows = await self._lock(part, call, transaction)
            changes = []
            for fit in part:
                try:
                    change = self._change(fit, rows.get(fit.name), call)
                except (TenonError, BadValue) as error:
                    placed.rejected.append(Rejected(fit.raw, violations_of(error, self._prefix)))
                    continue
                if change is None:
                    placed.updated += 1
                else:
                    changes.append(change)
            await self._write_changes(changes, call, transaction, placed)

    async def _lock(self, part: Sequence[Fit], call: Call, transaction: Transaction) -> dict[str, Row]:
        """Return the rows of the records, locked; one by one where they are too large together."""
        names = [fit.name for fit in part]
        try:
            rows = await self._writer.lock(names, call, transaction, deletes=False)
        except BatchTooLarge:
            rows = [row for name in names for row in await self._writer.lock([name], call, transaction, deletes=False)]
        return {row["name"]: row for row in rows}

    def _change(self, fit: Fit, found: Row | None, call: Call) -> _Change | None:
        """Return the change that a row asks for, or None where the record is so already."""
        if found is None or found["deleted"]:
            raise RecordDeleted(self._writer.table.record.type, fit.name)
        current = self._writer.current_of_row(found)
        fit.body.name = fit.name
        row = changed(self._writer, current, fit.body, self._mask(fit), call=call, moment=now())
        return None if row is None else _Change(fit, current, row)

    async def _write_changes(
        self, changes: list[_Change], call: Call, transaction: Transaction, placed: Placed
    ) -> None:
        writer, by_fit = self._writer, {id(change.fit): change for change in changes}

        async def write(part: Sequence[Fit]) -> Sequence[Row]:
            mine = [by_fit[id(fit)] for fit in part]
            pairs = [(change.current, change.row) for change in mine]
            values = {
                **writer.preparing.together([change.row for change in mine]),
                **writer.rewritten(pairs),
                **writer.together_checks([writer.checks(current.message, row) for current, row in pairs]),
                **writer.event(call, now()),
            }
            rows = await transaction.fetch(self._rewrite.sql, self._rewrite.arguments(call.caller, values))
            return [row for row in rows if row["field"]]

        placed.updated += await self._try([change.fit for change in changes], write, call, transaction, placed)

    async def _try(
        self,
        fits: Sequence[Fit],
        write: Callable[[Sequence[Fit]], Awaitable[Sequence[Row]]],
        call: Call,
        transaction: Transaction,
        placed: Placed,
        singled_out: int = 0,
    ) -> int:
        """Write rows and return how many were written; those that the database refuses are taken out."""
        if not fits:
            return 0
        try:
            async with savepoint(transaction):
                missing = await write(fits)
        except FAILURES as error:
            if translate(error) is not None:
                raise
            if (rest := await self._take_out(error, fits, call, transaction, placed, singled_out)) is not None:
                return await self._try(rest, write, call, transaction, placed, singled_out + 1)
            middle = len(fits) // 2
            return sum(
                [await self._try(half, write, call, transaction, placed) for half in (fits[:middle], fits[middle:])]
            )
        if not missing:
            return len(fits)
        refused = self._reject_missing(fits, missing, placed)
        rest = [fit for place, fit in enumerate(fits) if place not in refused]
        return await self._try(rest, write, call, transaction, placed, singled_out)

    async def _take_out(
        self,
        error: BaseException,
        fits: Sequence[Fit],
        call: Call,
        transaction: Transaction,
        placed: Placed,
        singled_out: int,
    ) -> list[Fit] | None:
        """Deal with the rows that a failure is about and return the others, or None where that cannot be told."""
        writer = self._writer
        if is_name_taken(writer.table, error) and not self._expects_conflicts:
            self._expects_conflicts = True
            return await self._divide(list(fits), call, transaction, placed)
        if len(fits) == 1:
            fit = fits[0]
        elif singled_out < SINGLED_OUT:
            own = {"organization": organization_of(writer.table, call.caller), "owner": call.caller.subject}
            place = find_culprit(writer.table, error, [{**own, **self._texts(each)} for each in fits])
            if place is None:
                return None
            fit = fits[place]
        else:
            return None
        placed.rejected.append(Rejected(fit.raw, await self._explain(error, fit, call, transaction)))
        return [each for each in fits if each is not fit]

    async def _explain(self, error: BaseException, fit: Fit, call: Call, transaction: Transaction) -> list[Violation]:
        singular = self._writer.table.record.singular
        names = {"field": singular, "name": fit.name, "parent": fit.parent}
        try:
            await refuse(self._writer, error, call, transaction, **names)
        except TenonError as refused:
            return violations_of(refused, self._prefix)
        raise error

    def _reject_missing(self, fits: Sequence[Fit], missing: Sequence[Row], placed: Placed) -> set[int]:
        """Reject the rows that refer to what does not exist, and return their places."""
        found: dict[int, list[Violation]] = {}
        for row in sorted({(row["ordinal"], row["field"], row["resource"]) for row in missing}):
            ordinal, name, resource = row
            if name == PARENT:
                said = violations_of(missing_parent(self._writer.table, fits[ordinal].parent))[0].description
                violation = Violation(field="name", description=said, reason="RECORD_NOT_FOUND")
            else:
                said = f"No {resource} of that name exists for this caller."
                violation = Violation(field=name, description=said, reason=ReferenceNotFound.reason)
            found.setdefault(ordinal, []).append(violation)
        placed.rejected += [Rejected(fits[ordinal].raw, violations) for ordinal, violations in found.items()]
        return set(found)

    @property
    def _prefix(self) -> str:
        return f"{self._writer.table.record.singular}."
