"""The standard methods that write: each writes its row, its event and its request id in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.errors import NotFound, TenonError, Violation
from services.chassis.postgres import FAILURES
from services.records.columns import INPUT
from services.records.failures import (
    BatchTooLarge,
    EtagMismatch,
    NameInvalid,
    NameTaken,
    RecordNotFound,
    ReferenceNotFound,
    TooMuchContention,
    explain,
    invalid,
)
from services.records.masks import Masks
from services.records.outbox import origin
from services.records.preparing import Preparing, now, redacted
from services.records.reading import MAX_BATCH
from services.records.scope import admit
from services.records.statements import CHECK, PARENT, current, delete, insert, presence, references_of, update
from services.records.wire import Listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Row
    from services.records.names import Names
    from services.records.outbox import ServiceTables
    from services.records.preparing import Prepared
    from services.records.reading import Shown
    from services.records.remembering import Remembered, Remembering
    from services.records.scope import Statement
    from services.records.tables import RecordTable

MAX_ATTEMPTS = 30
"""How often a change is tried again that another change of the same record came before."""


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
        self.masks = Masks(table.record)
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

    async def read(self, name: str, call: Call, executor: Executor) -> tuple[Message, int]:
        """Return the stored message and its revision.

        Raises:
            RecordNotFound: if there is none for this caller.
        """
        rows = await self._fetch_named(self._current, name, call, executor)
        if not rows:
            raise RecordNotFound(self.table.record.type, name)
        message = self.table.message.FromString(rows[0]["message"])
        message.DiscardUnknownFields()
        return message, rows[0]["revision"]

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
            types = " or ".join(sorted({link.table.record.type for link in self.table.parents}))
            raise RecordNotFound(types, parent)
        violations = [
            Violation(
                field=f"{paths[ordinal]}.{field}",
                description=f"It names a {self.references[field].record.type} that does not exist, or not for this caller.",
                reason=ReferenceNotFound.reason,
            )
            for ordinal, field in sorted(set(missing))
        ]
        first = violations[0]
        raise ReferenceNotFound(f"{first.field}: {first.description}", violations=violations)


class Create:
    """Adds one record."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer
        self._body = writer.table.record.singular
        self._id = f"{self._body}_id"

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        admit(self._writer.table, call.caller, writes=True)
        on = executor or self._writer.executor
        if not getattr(request, "request_id", ""):
            return await self._create(request, call, on, None)
        return await self._writer.remembering.once(request, call, on, lambda kept: self._create(request, call, on, kept))

    async def _create(self, request: Any, call: Call, executor: Executor, kept: Remembered | None) -> bytes:
        writer, moment = self._writer, now()
        parent = getattr(request, "parent", "")
        name = writer.names.make(parent, getattr(request, self._id, ""), self._id)
        row = writer.preparing.new(getattr(request, self._body), name, parent, moment, self._body)
        answer = row.stored if writer.shown.shape is not None else writer.shown.of_message(row.message)
        statement = writer.statement("insert", remembered=kept is not None)
        values = {**row.values, **writer.event(call, moment), **(kept.values(call, answer) if kept else {})}
        arguments = statement.arguments(call.caller, values)
        try:
            missing = await executor.fetch(statement.sql, arguments)
        except FAILURES as error:
            await _refuse(writer, error, call, executor, field=self._body, name=name)
            raise
        if missing:
            writer.refuse_missing(missing, [self._body], parent)
        return answer


class BatchCreate:
    """Adds many records: all of them or none."""

    def __init__(self, writer: Writer, response: Descriptor) -> None:
        """Take what the record's writing methods share, and the response's message."""
        self._writer = writer
        self._body = writer.table.record.singular
        self._id = f"{self._body}_id"
        self._listing = Listing(response, writer.table.record.message)

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        admit(self._writer.table, call.caller, writes=True)
        on = executor or self._writer.executor
        return await self._writer.remembering.once(request, call, on, lambda kept: self._create(request, call, on, kept))

    async def _create(self, request: Any, call: Call, executor: Executor, kept: Remembered) -> bytes:
        writer, moment = self._writer, now()
        rows = self._rows(request, moment)
        if not rows:
            return b""
        shown = writer.shown
        answer = self._listing.encode(
            [row.stored if shown.shape is not None else shown.of_message(row.message) for row in rows]
        )
        statement = writer.statement("insert_many", remembered=bool(kept.id))
        values = {**writer.preparing.together(rows), **writer.event(call, moment), **kept.values(call, answer)}
        arguments = statement.arguments(call.caller, values)
        try:
            missing = await executor.fetch(statement.sql, arguments)
        except FAILURES as error:
            await _refuse(writer, error, call, executor, field=f"requests.{self._body}", name="")
            raise
        if missing:
            parents = [getattr(each, "parent", "") or getattr(request, "parent", "") for each in request.requests]
            absent = next((row["ordinal"] for row in missing if row["field"] == PARENT), 0)
            paths = [f"requests[{index}].{self._body}" for index in range(len(rows))]
            writer.refuse_missing(missing, paths, parents[absent])
        return answer

    def _rows(self, request: Any, moment: datetime) -> list[Prepared]:
        requests = request.requests
        if len(requests) > MAX_BATCH:
            description = f"A batch has at most {MAX_BATCH:,} requests, not {len(requests):,}."
            raise invalid(BatchTooLarge, "requests", description)
        rows: list[Prepared] = []
        places: dict[str, int] = {}
        for index, each in enumerate(requests):
            row = self._row(request, each, moment, f"requests[{index}]")
            other = places.setdefault(row.name, index)
            if other != index:
                description = f"The id is that of requests[{other}] too. Give each record its own."
                raise invalid(NameInvalid, f"requests[{index}].{self._id}", description)
            rows.append(row)
        return rows

    def _row(self, request: Any, each: Any, moment: datetime, path: str) -> Prepared:
        parent, own = getattr(request, "parent", ""), getattr(each, "parent", "")
        if parent and own and own != parent:
            raise invalid(NameInvalid, f"{path}.parent", f"It differs from the batch's parent `{parent}`.")
        if getattr(each, "request_id", ""):
            raise invalid(NameInvalid, f"{path}.request_id", "A batch is one request: send its id on the batch itself.")
        above = own or parent
        name = self._writer.names.make(above, getattr(each, self._id, ""), f"{path}.{self._id}")
        body = getattr(each, self._body)
        return self._writer.preparing.new(body, name, above, moment, f"{path}.{self._body}")


class Update:
    """Changes one record."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer
        self._body = writer.table.record.singular

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        on = executor or writer.executor
        body = getattr(request, self._body)
        writer.names.check(body.name, f"{self._body}.name")

        async def work(kept: Remembered) -> bytes:
            for _ in range(MAX_ATTEMPTS):
                answer = await self._attempt(request, call, on, kept)
                if answer is not None:
                    return answer
            raise TooMuchContention(f"`{body.name}` is being changed too often. Retry shortly.")

        return await writer.remembering.once(request, call, on, work, first=True)

    async def _attempt(self, request: Any, call: Call, executor: Executor, kept: Remembered) -> bytes | None:
        """Change the record, or return None where another change came first."""
        writer, moment = self._writer, now()
        body = getattr(request, self._body)
        stored, revision = await writer.read(body.name, call, executor)
        if writer.preparing.has_etag and body.etag and body.etag != stored.etag:  # type: ignore[attr-defined]
            raise EtagMismatch(body.name)
        patch = writer.preparing.clean(body)
        result = writer.masks.updated(stored, patch, list(request.update_mask.paths))
        row = writer.preparing.changed(stored, result, moment, self._body)
        if row is None:
            return writer.shown.of_message(stored)
        answer = row.stored if writer.shown.shape is not None else writer.shown.of_message(row.message)
        statement = writer.statement("update", remembered=bool(kept.id))
        values = {
            **row.values,
            **self._checks(stored, row),
            **writer.event(call, moment),
            **kept.values(call, answer),
            "event_before": redacted(writer.table, stored),
            "expected": revision,
        }
        try:
            rows = await executor.fetch(statement.sql, statement.arguments(call.caller, values))
        except FAILURES as error:
            await _refuse(writer, error, call, executor, field=self._body, name=row.name)
            raise
        writer.refuse_missing(rows, [self._body], "")
        return answer if rows else None

    def _checks(self, stored: Message, row: Prepared) -> dict[str, Any]:
        """Return what references name now, where they have changed: one that was left alone is not looked at again."""
        checks: dict[str, Any] = {}
        for field in self._writer.references:
            column = self._writer.table.columns[field]
            same = getattr(stored, field) == getattr(row.message, field)
            checks[CHECK + column.name] = None if same else row.values[INPUT + column.name]
        return checks


class Delete:
    """Removes one record."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        on = executor or writer.executor
        writer.names.check(request.name, "name")

        async def work(kept: Remembered) -> bytes:
            for _ in range(MAX_ATTEMPTS):
                if await self._attempt(request, call, on, kept):
                    return b""
            raise TooMuchContention(f"`{request.name}` is being changed too often. Retry shortly.")

        return await writer.remembering.once(request, call, on, work, first=True)

    async def _attempt(self, request: Any, call: Call, executor: Executor, kept: Remembered) -> bool:
        """Remove the record; False where another change came first."""
        writer = self._writer
        stored, revision = await writer.read(request.name, call, executor)
        etag = getattr(request, "etag", "")
        if etag and etag != (stored.etag if writer.preparing.has_etag else ""):  # type: ignore[attr-defined]
            raise EtagMismatch(request.name)
        statement = writer.statement("delete", remembered=bool(kept.id))
        values = {
            **writer.event(call, now()),
            **kept.values(call, b""),
            INPUT + writer.table.columns["name"].name: request.name,
            "event_before": redacted(writer.table, stored),
            "expected": revision,
        }
        try:
            return bool(await executor.fetch(statement.sql, statement.arguments(call.caller, values)))
        except FAILURES as error:
            await _refuse(writer, error, call, executor, field="name", name=request.name)
            raise


async def _refuse(
    writer: Writer, error: BaseException, call: Call, executor: Executor, *, field: str, name: str
) -> None:
    """Raise what a failure of Postgres means to the caller; return where it means nothing."""
    found = explain(writer.table, error, field=field, name=name)
    if found is None:
        return
    taken = isinstance(found, TenonError) and found.metadata.get("field") == "name"
    if taken and name and writer.table.is_owned and not await writer.is_there(name, call, executor):
        raise NameTaken(
            f"The name `{name}` is not available to this caller. Choose another id.", metadata={"name": name}
        ) from error
    raise found from error
