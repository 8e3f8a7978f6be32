"""Export: the records that a caller may see become a file (AIP-153), as they are at one moment."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.api import field_behavior_pb2
from google.protobuf.message_factory import GetMessageClass
from tenon.records.v1 import transfer_pb2

from services.chassis.contract import Behavior, Permission
from services.records.masks.paths import split_path
from services.records.reading.ordering import Orderings
from services.records.reading.selecting import Selecting
from services.records.reading.views import Views
from services.records.schema.traits import clearing, redaction, sensitive_below
from services.records.scope import admit, scoped
from services.records.transfer.files import Prolonging
from services.records.transfer.formats import WRITERS
from services.records.transfer.importing import check_format

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from google.protobuf.message import Message

    from services.chassis.call import Call, Caller
    from services.chassis.contract import Contract, Method
    from services.chassis.postgres import Executor, Pool
    from services.records.scope import Statement
    from services.records.transfer.files import Files, FileWriter
    from services.records.transfer.formats.rows import Writer as RowWriter
    from services.records.transfer.running import Runner, Work
    from services.records.writing.writer import Writer

FETCHED = 2000
"""Rows that are read at once, unless they are large."""

FETCHED_BYTES = 8 * 1024 * 1024
"""About how many bytes of records are read at once."""


class Export:
    """Reads records and writes them into a file, as an operation."""

    def __init__(
        self, writer: Writer, contract: Contract, method: Method, *, pool: Pool, files: Files, runner: Runner
    ) -> None:
        """Take what knows the record, the method, where files are, and what runs operations."""
        self._table, self._shown = writer.table, writer.shown
        self._pool, self._files, self._runner = pool, files, runner
        request = contract.pool.FindMessageTypeByName(method.input)
        self._request = GetMessageClass(request)
        self._selecting = Selecting(writer.table, writer.names, writer.shown.guards, request)
        self._orderings = Orderings(writer.table.record, writer.table.descriptor)
        self._views = Views(writer.table.record, writer.table.descriptor, request, writer.shown.guards)
        self._has_order, self._has_mask = (name in request.fields_by_name for name in ("order_by", "read_mask"))
        self._hide = clearing(writer.table.descriptor, field_behavior_pb2.INPUT_ONLY)
        # Whoever may read a sensitive field by a permission of its own gets it; the caller is asked in `_fields`.
        guarded = {each.name for each in writer.table.record.fields if each.read_permission}
        self._redact = redaction(writer.table.descriptor, kept=guarded)
        self._below = sensitive_below(writer.table.descriptor)
        access = method.rule.access
        # Beside `library.books.export`, `library.books.export_sensitive` lets a caller have all of it.
        self._sensitive = Permission(name=f"{access.name}_sensitive") if isinstance(access, Permission) else None

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Begin an operation; what is wrong with the request is answered at once."""
        del executor
        admit(self._table, call.caller, writes=False)
        check_format(request.format)
        self._statement(request, call)
        self._views.read(request, call.caller, pages=False)
        await self._files.check_room(call.caller)
        operation = await self._runner.begin(call, request.SerializeToString())
        started: bytes = operation.SerializeToString()
        return started

    async def run(self, work: Work) -> transfer_pb2.ExportReport:
        """Write the file, from its beginning."""
        request: Any = self._request.FromString(work.task.request)
        fields, omitted = self._fields(request, work.call.caller)
        writer = WRITERS[request.format](fields)
        work.progress.rows_done = work.progress.bytes_done = 0
        try:
            # Each attempt has a file of its own, which a worker that has lost the operation cannot spoil.
            async with self._files.writing(work.call.caller, writer.content_type) as file:
                await self._write(request, work, writer, file)
                stored = await file.finish()
        finally:
            await asyncio.to_thread(writer.close)
        return transfer_pb2.ExportReport(
            rows_written=work.progress.rows_done, file=stored.name, size_bytes=stored.size_bytes, omitted_fields=omitted
        )

    async def report(self, work: Work) -> Message | None:
        """Return nothing: an export that has not ended has no file."""
        del work
        return None

    async def _write(self, request: Any, work: Work, writer: RowWriter, file: FileWriter) -> None:
        await file.write(writer.begin())
        step = self._step(request, work.call.caller)
        progress = work.progress
        kept = Prolonging(self._files, file.id)
        async with aclosing(self._read(request, work.call)) as batches:
            async for rows in batches:
                work.check()
                content = await asyncio.to_thread(self._encode, rows, step, writer)
                await file.write(content)
                await kept.prolong()
                progress.rows_done += len(rows)
                progress.bytes_done = file.size
        await file.write(await asyncio.to_thread(writer.end))

    def _encode(self, rows: Sequence[Any], step: Callable[[Message], None] | None, writer: RowWriter) -> bytes:
        """Return what the file has of rows; it does much and is meant for a thread."""
        parse = self._table.message.FromString
        messages = [parse(row[0]) for row in rows]
        if step is not None:
            for message in messages:
                step(message)
        return writer.write(messages)

    async def _read(self, request: Any, call: Call) -> AsyncGenerator[Sequence[Any], None]:
        """Yield the rows in one snapshot, the next ones read while somebody deals with those before."""
        statement, values = self._statement(request, call)
        arguments = statement.arguments(call.caller, values)
        async with self._pool.connection() as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # It may well take longer than a call, and wait for whoever takes the rows.
            await connection.execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
            )
            # What is read to the end is not planned for the first row.
            await connection.execute("SET LOCAL cursor_tuple_fraction = 1")
            await connection.execute(f"DECLARE tenon_export NO SCROLL CURSOR FOR {statement.sql}", *arguments)
            size = FETCHED
            waiting = asyncio.ensure_future(connection.fetch(f"FETCH {size} FROM tenon_export"))
            try:
                while rows := await waiting:
                    size = _next_size(rows)
                    waiting = asyncio.ensure_future(connection.fetch(f"FETCH {size} FROM tenon_export"))
                    yield rows
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

    def _statement(self, request: Any, call: Call) -> tuple[Statement, dict[str, Any]]:
        """Return the statement that reads the messages of what is asked for, and its parameters."""
        selected = self._selecting.read(request, call.caller)
        ordering = self._orderings.read(request.order_by if self._has_order else "")
        self._shown.guards.refuse(ordering.roots, call.caller)
        own = self._table.table.columns
        found = sa.select(own["message"]).where(*selected.conditions(self._table))
        found = found.order_by(*ordering.order_by(self._table.columns))
        return scoped(self._table, found), selected.parameters()

    def _fields(self, request: Any, caller: Caller) -> tuple[list[Any], list[str]]:
        """Return the fields that are written, and the names of those that the caller may not have."""
        asked = {split_path(path)[0] for path in request.read_mask.paths} if self._has_mask else set()
        wanted = [each for each in self._table.record.fields if not asked or "*" in asked or each.name in asked]
        shown = [each for each in wanted if Behavior.INPUT_ONLY not in each.behaviors]
        hidden = self._shown.guards.hidden(caller) | self._withheld(caller)
        by_name = self._table.descriptor.fields_by_name
        fields = [by_name[each.name] for each in shown if each.name not in hidden]
        omitted = [each.name for each in shown if each.name in hidden]
        if not self._may_export_sensitive(caller):
            names = {field.name for field in fields}
            omitted += [path for path in self._below if path.partition(".")[0] in names]
        return fields, omitted

    def _withheld(self, caller: Caller) -> frozenset[str]:
        """Return the sensitive fields, unless the caller may export them or they have a permission of their own."""
        if self._may_export_sensitive(caller):
            return frozenset()
        return frozenset(each.name for each in self._table.record.fields if each.sensitive and not each.read_permission)

    def _may_export_sensitive(self, caller: Caller) -> bool:
        return self._sensitive is not None and caller.holds(self._sensitive)

    def _step(self, request: Any, caller: Caller) -> Callable[[Message], None] | None:
        """Return what takes out of a message all that is not to be written, or None where all of it is."""
        steps = [
            self._hide if self._may_export_sensitive(caller) else self._redact,
            self._views.read(request, caller, pages=False),
        ]
        wanted = [step for step in steps if step is not None]
        if not wanted:
            return None

        def run(message: Message) -> None:
            for step in wanted:
                step(message)

        return run


def _next_size(rows: Sequence[Any]) -> int:
    """Return how many rows to read next, by how large these were."""
    size = sum(len(row[0]) for row in rows) // len(rows) + 1
    return max(1, min(FETCHED, FETCHED_BYTES // size))
