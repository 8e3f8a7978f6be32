"""What the methods that write share: each writes its row, its event and its request id in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.chassis.errors import Violation
from services.chassis.postgres import Transaction
from services.records.columns import INPUT
from services.records.failures import (
    NameTaken,
    RecordNotFound,
    ReferenceNotFound,
    explain,
    is_name_taken,
    missing_parent,
)
from services.records.masks import Masks
from services.records.outbox import origin
from services.records.preparing import Preparing, without_unknown
from services.records.rules import Rules
from services.records.shapes import MIXED
from services.records.statements import PARENT, current, delete, insert, presence, references_of, update

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Row
    from services.records.names import Names
    from services.records.outbox import ServiceTables
    from services.records.reading import Shown
    from services.records.remembering import Remembering
    from services.records.scope import Statement
    from services.records.tables import RecordTable


@dataclass(frozen=True, kw_only=True, slots=True)
class Current:
    """A record as it is before a change."""

    message: Message
    """The stored message, with fields that a newer contract has, or an older had: a change leaves them as they are."""
    revision: int
    """How often it was written."""
    shape: int
    """The shape of its next version: this contract's, or `MIXED` where it holds fields of others."""


class Writer:
    """What all methods that write one record need; compiled once."""

    def __init__(
        self,
        table: RecordTable,
        names: Names,
        shown: Shown,
        executor: Executor,
        *,
        service: ServiceTables,
        remembering: Remembering,
        tables: Mapping[str, RecordTable],
    ) -> None:
        """Compile the statements."""
        self.table, self.names, self.shown, self.executor = table, names, shown, executor
        self.remembering = remembering
        self.preparing = Preparing(table, names)
        self.masks = Masks(table.record, Rules(table.descriptor, table.record.singular))
        self.references = references_of(table, tables)
        self._service = service
        self._present = presence(table)
        self._current = current(table)
        self._made: dict[tuple[str, bool], Statement] = {}

    def statement(self, kind: str, *, remembered: bool) -> Statement:
        """Return the statement `insert`, `insert_many`, `update` or `delete`, with or without a request id."""
        key = kind, remembered
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = self._compile(kind, remembered)
        return found

    def _compile(self, kind: str, remembered: bool) -> Statement:
        table, service = self.table, self._service
        if kind == "update":
            return update(table, service, self.references, remembered=remembered)
        if kind == "delete":
            return delete(table, service, remembered=remembered)
        return insert(table, service, self.references, many=kind == "insert_many", remembered=remembered)

    async def read(self, name: str, call: Call, executor: Executor) -> Current:
        """Return what is stored.

        Raises:
            RecordNotFound: if there is none for this caller.
        """
        rows = await self._fetch_named(self._current, name, call, executor)
        if not rows:
            raise RecordNotFound(self.table.record.type, name)
        stored, revision, shape = rows[0]
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
        missing = [(row["ordinal"], row["field"]) for row in rows if row["field"]]
        if not missing:
            return
        if any(field == PARENT for _, field in missing):
            raise missing_parent(self.table, parent)
        violations = [
            Violation(
                field=f"{paths[ordinal]}.{field}",
                description=f"No {self.references[field].record.type} of that name exists for this caller.",
                reason=ReferenceNotFound.reason,
            )
            for ordinal, field in sorted(set(missing))
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
    can_ask = name and not isinstance(executor, Transaction)
    if hidden and can_ask and not await writer.is_there(name, call, executor):
        raise NameTaken(
            f"The name `{name}` is not available to this caller. Choose another id.", metadata={"name": name}
        ) from error
    raise found from error
