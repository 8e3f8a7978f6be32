"""Update and Delete: what they change is read first, and written if nothing else changed it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.postgres import FAILURES
from services.records.columns import INPUT
from services.records.failures import EtagMismatch, TooMuchContention
from services.records.preparing import now, redacted, without_unknown
from services.records.scope import admit
from services.records.statements import CHECK
from services.records.writing import refuse

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.postgres import Executor
    from services.records.preparing import Prepared
    from services.records.remembering import Remembered
    from services.records.writing import Writer

MAX_ATTEMPTS = 30
"""How often a change is tried again that another change of the same record came before."""


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
        current = await writer.read(body.name, call, executor)
        stored: Any = current.message
        if writer.preparing.has_etag and body.etag and body.etag != stored.etag:
            raise EtagMismatch(body.name)
        patch = writer.preparing.clean(body)
        result = writer.masks.updated(stored, patch, list(request.update_mask.paths))
        row = writer.preparing.changed(stored, result, moment, self._body)
        if row is None:
            answer = writer.shown.of_message(without_unknown(stored))
            await writer.remembering.keep(kept, call, executor, answer)
            return answer
        is_plain = current.shape == writer.shown.shape
        answer = row.stored if is_plain else writer.shown.of_message(without_unknown(row.message))
        statement = writer.statement("update", remembered=bool(kept.id))
        values = {
            "event_after": None if is_plain else redacted(writer.table, row.message),
            **row.values,
            **self._checks(stored, row),
            **writer.event(call, moment),
            **kept.values(call, answer),
            "event_before": redacted(writer.table, stored),
            "expected": current.revision,
            "row_shape": current.shape,
        }
        try:
            rows = await executor.fetch(statement.sql, statement.arguments(call.caller, values))
        except FAILURES as error:
            await refuse(writer, error, call, executor, field=self._body, name=row.name)
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
        current = await writer.read(request.name, call, executor)
        stored: Any = current.message
        etag = getattr(request, "etag", "")
        if etag and etag != (stored.etag if writer.preparing.has_etag else ""):
            raise EtagMismatch(request.name)
        statement = writer.statement("delete", remembered=bool(kept.id))
        values = {
            **writer.event(call, now()),
            **kept.values(call, b""),
            INPUT + writer.table.columns["name"].name: request.name,
            "event_before": redacted(writer.table, stored),
            "expected": current.revision,
        }
        try:
            return bool(await executor.fetch(statement.sql, statement.arguments(call.caller, values)))
        except FAILURES as error:
            await refuse(writer, error, call, executor, field="name", name=request.name)
            raise
