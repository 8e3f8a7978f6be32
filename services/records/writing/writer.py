"""What the methods that write share: each writes its row, its event and its request id in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg

from services.chassis.errors import Violation
from services.chassis.postgres import Transaction
from services.records.failures import (
    BatchTooLarge,
    NameTaken,
    RecordDeleted,
    RecordNotFound,
    ReferenceNotFound,
    explain,
    invalid,
    is_name_taken,
    missing_parent,
)
from services.records.masks import Masks
from services.records.schema.columns import INPUT
from services.records.schema.shapes import MIXED
from services.records.transactions.atomicity import savepoint
from services.records.transactions.outbox import origin
from services.records.writing.holding import Holding
from services.records.writing.missing import PARENT
from services.records.writing.permitting import Permitting
from services.records.writing.preparing import Preparing, redacted, without_unknown
from services.records.writing.references import Nested, references_of
from services.records.writing.rewriting import lock
from services.records.writing.rules import Rules
from services.records.writing.statements import CHECK, current, delete, insert, presence, update

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Pool, Row
    from services.records.deleting.removing import Removing
    from services.records.reading.getting import Shown
    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.transactions.outbox import ServiceTables
    from services.records.transactions.remembering import Remembering
    from services.records.writing.preparing import Prepared


LOCK_BYTES = 4_000_000
"""The most bytes of the records that one batch changes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """A record as it is before a change."""

    message: Message
    """The stored message, with fields that a newer contract has, or an older had: a change leaves them as they are."""
    revision: int
    """How often it was written."""
    shape: int
    """The shape of its next version: this contract's, or `MIXED` where it holds fields of others."""
    deleted: bool = False
    """Whether it is deleted and kept."""


class Writer:
    """What all methods that write one record need; compiled once."""

    def __init__(
        self,
        table: RecordTable,
        names: Names,
        shown: Shown,
        executor: Pool,
        *,
        service: ServiceTables,
        remembering: Remembering,
        tables: Mapping[str, RecordTable],
        states: Mapping[str, int],
        removing: Removing,
        takes_ids: bool,
    ) -> None:
        """Compile the statements.

        `states` has the number in which each state field begins; `takes_ids` says whether clients may choose names.
        """
        self.removing, self.takes_ids = removing, takes_ids
        self.table, self.names, self.shown, self.executor = table, names, shown, executor
        self.remembering = remembering
        self.nested = Nested(table, tables)
        self.preparing = Preparing(table, names, self.nested, states)
        self.rules = Rules(table.descriptor, table.record.singular)
        self.masks = Masks(table.record, self.rules)
        self.permitting = Permitting(table)
        self.holding = Holding(table)
        self.references = references_of(table, tables)
        self.service = service
        self._present = presence(table)
        self._current = current(table)
        self._made: dict[tuple[str, bool, str], Statement] = {}

    def statement(self, kind: str, *, remembered: bool, verb: str = "updated") -> Statement:
        """Return the statement `insert`, `insert_many`, `update` or `delete`, with or without a request id.

        `verb` names the event of an update.
        """
        key = kind, remembered, verb
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._compile(kind, remembered, verb)
        return found

    def _compile(self, kind: str, remembered: bool, verb: str) -> Statement:
        table, service = self.table, self.service
        known = self.references, self.nested
        if kind == "update":
            return update(table, service, *known, remembered=remembered, verb=verb)
        if kind == "delete":
            return delete(table, service, remembered=remembered)
        return insert(table, service, *known, many=kind == "insert_many", remembered=remembered)

    async def read(self, name: str, call: Call, executor: Executor) -> Current:
        """Return what is stored, in order to change it.

        Raises:
            RecordNotFound: if there is none for this caller.
            RecordDeleted: if it is deleted and kept.
        """
        rows = await self._fetch_named(self._current, name, call, executor)
        if not rows:
            raise RecordNotFound(self.table.record.type, name)
        stored, revision, shape, deleted = rows[0]
        if deleted:
            raise RecordDeleted(self.table.record.type, name)
        return self.current_of(stored, revision, shape)

    async def lock(self, names: Sequence[str], call: Call, transaction: Transaction, *, deletes: bool) -> list[Row]:
        """Read and lock rows by name: organization, name, owner, message, revision, shape, deleted and size.

        Raises:
            BatchTooLarge: where they have too many bytes together.
        """
        key = "lock_to_delete" if deletes else "lock", False, ""
        statement = self._made.get(key)
        if statement is None:
            statement = self._made[key] = lock(self.table, deletes=deletes, limit=LOCK_BYTES)
        arguments = statement.arguments(call.caller, {"names": list(names)})
        rows = await transaction.fetch(statement.sql, arguments)
        # What is only deleted need not be in memory as a whole.
        weighs = not deletes or self.table.is_soft
        if weighs and any(row["message"] is None for row in rows):
            said = f"The records have more than {LOCK_BYTES:,} bytes together. Change fewer at once."
            raise invalid(BatchTooLarge, "names" if deletes else "requests", said)
        return rows

    def current_of_row(self, row: Row) -> Current:
        """Return a locked row as what a change begins with."""
        return self.current_of(row["message"], row["revision"], row["shape"])

    def current_of(self, stored: bytes, revision: int, shape: int) -> Current:
        """Return a row as what a change begins with."""
        message = self.table.message.FromString(stored)
        if shape != self.table.shape:
            known = without_unknown(message)
            shape = self.table.shape if known.ByteSize() == message.ByteSize() else MIXED
        return Current(message=message, revision=revision, shape=shape)

    async def is_there(self, name: str, call: Call, executor: Executor) -> bool:
        """Whether there is such a record for this caller."""
        return bool(await self._fetch_named(self._present, name, call, executor))

    async def _fetch_named(self, statement: Statement, name: str, call: Call, executor: Executor) -> list[Row]:
        key = INPUT + self.table.columns["name"].name
        arguments = statement.arguments(call.caller, {key: name})
        return await executor.fetch(statement.sql, arguments, repeatable=True)

    async def run(self, statement: Statement, values: Mapping[str, Any], call: Call, executor: Executor) -> list[Row]:
        """Run a statement that writes, so that its failure can be asked about.

        Raises:
            TenonError: what `admit` refuses. What Postgres refuses is raised as it is, for `refuse` to explain.
        """
        arguments = statement.arguments(call.caller, values)
        if self.table.is_owned and isinstance(executor, Transaction):
            # A failure would end the transaction, in which it has yet to be asked whose the name is.
            async with savepoint(executor):
                return await executor.fetch(statement.sql, arguments)
        return await executor.fetch(statement.sql, arguments)

    def answer(self, row: Prepared, shape: int, call: Call) -> bytes:
        """Return what the caller is shown of a row that was written in this shape."""
        shown = self.shown.for_caller(call.caller)
        if shape == shown.shape:
            return row.stored
        return shown.of_message(without_unknown(row.message))

    def show(self, current: Current, call: Call) -> bytes:
        """Return what the caller is shown of a record that is left as it is."""
        return self.shown.for_caller(call.caller).of_message(without_unknown(current.message))

    def purge_time(self, moment: datetime) -> datetime | None:
        """Return until when a record is kept that is deleted now; None is for ever."""
        keep = self.table.record.keep_deleted
        return None if keep is None else moment + timedelta(seconds=keep)

    def changes(self, current: Current, row: Prepared) -> dict[str, Any]:
        """Return the parameters of an `update`: the row, what is checked, and what its event says."""
        return {
            "event_after": self._after(current, row),
            **row.values,
            **self.checks(current.message, row),
            "event_before": redacted(self.table, current.message),
            "expected": current.revision,
            "row_shape": current.shape,
        }

    def _after(self, current: Current, row: Prepared) -> bytes | None:
        is_plain = current.shape == self.table.shape and self.table.redact is None
        return None if is_plain else redacted(self.table, row.message)

    def checks(self, stored: Message, row: Prepared) -> dict[str, Any]:
        """Return what references name now, where they have changed: one that was left alone is not looked at again."""
        checks: dict[str, Any] = {}
        for field in self.references:
            column = self.table.columns[field]
            same = getattr(stored, field) == getattr(row.message, field)
            checks[CHECK + column.name] = None if same else row.values[INPUT + column.name]
        return checks

    def together_checks(self, checks: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Return the parameters of what is checked of many rows, one list per column."""
        return self.preparing.columns_together(checks) if checks else {}

    def rewritten(self, changes: Sequence[tuple[Current, Prepared]]) -> dict[str, list[Any]]:
        """Return the parameters of `rewrite` that say what rows were before, and how they are written."""
        return {
            "expected": [current.revision for current, _ in changes],
            "row_shape": [current.shape for current, _ in changes],
            "event_before": [redacted(self.table, current.message) for current, _ in changes],
            "event_after": [self._after(current, row) for current, row in changes],
        }

    def event(self, call: Call, moment: datetime) -> dict[str, Any]:
        """Return the parameters of the event that are the same for all rows of a call."""
        said = origin(call)
        return {
            "event_time": moment,
            "event_actor": said["actor"],
            "event_request_id": said["request_id"],
            "event_trace": said["trace"],
        }

    def refuse_missing(self, rows: Sequence[Row], paths: Sequence[str], parent: str) -> None:
        """Raise what is said of references and parents that do not exist; `paths` are those of the records."""
        missing = [(row["ordinal"], row["field"], row["resource"]) for row in rows if row["field"]]
        if not missing:
            return
        if any(field == PARENT for _, field, _ in missing):
            raise missing_parent(self.table, parent)
        violations = [
            Violation(
                field=f"{paths[ordinal]}.{field}",
                description=f"No {resource} of that name exists for this caller. Create it first, or name another.",
                reason=ReferenceNotFound.reason,
            )
            for ordinal, field, resource in sorted(set(missing))
        ]
        first = violations[0]
        raise ReferenceNotFound(
            f"{first.field}: {first.description}", violations=violations, metadata={"field": first.field}
        )


async def refuse(
    writer: Writer,
    error: BaseException,
    call: Call,
    executor: Executor,
    *,
    field: str,
    name: str,
    parent: str = "",
) -> None:
    """Raise what a failure of Postgres means to the caller; return where it means nothing."""
    found = explain(writer.table, error, field=field, name=name, parent=parent)
    if found is None:
        return
    hidden = writer.table.is_owned and is_name_taken(writer.table, error)
    if hidden and name and not await _is_there(writer, name, call, executor):
        raise NameTaken(
            f"The name `{name}` is not available to this caller. Choose another id.", metadata={"name": name}
        ) from error
    raise found from error


async def _is_there(writer: Writer, name: str, call: Call, executor: Executor) -> bool:
    try:
        return await writer.is_there(name, call, executor)
    except asyncpg.InFailedSQLTransactionError:
        # The transaction is over: nobody can be asked, and the row may well be of this transaction.
        return True
