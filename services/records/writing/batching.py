"""BatchUpdate (AIP-234)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.chassis.errors import InvalidArgument, TenonError
from services.chassis.postgres import FAILURES
from services.records.deleting.deletion import check_parent
from services.records.failures import (
    BatchItemInvalid,
    BatchTooLarge,
    NameInvalid,
    RecordDeleted,
    RecordExists,
    RecordNotFound,
    TooMuchContention,
    find_culprit,
    invalid,
)
from services.records.reading.getting import MAX_BATCH
from services.records.reading.wire import Listing
from services.records.scope import admit, organization_of
from services.records.transactions.atomicity import MAX_ATTEMPTS, once
from services.records.writing.changing import changed, missing
from services.records.writing.creating import check_item
from services.records.writing.preparing import now
from services.records.writing.rewriting import rewrite
from services.records.writing.writer import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from google.protobuf.descriptor import Descriptor

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Row, Transaction
    from services.records.scope import Statement
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Current, Writer


class BatchUpdate:
    """Changes many records: all of them or none, and answers in the order of the requests."""

    def __init__(self, writer: Writer, response: Descriptor) -> None:
        """Take what the record's writing methods share, and the response's message."""
        self._writer = writer
        self._body = writer.table.record.singular
        self._listing = Listing(response, writer.table.record.message)
        self._statement = rewrite(writer.table, writer.service, writer.references, writer.nested, verb="updated")

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        names = self._names(request)

        async def work(transaction: Transaction) -> bytes:
            rows = await writer.lock(names, call, transaction, deletes=False)
            return await self._update(request, {row["name"]: row for row in rows}, call, transaction)

        for _ in range(MAX_ATTEMPTS):
            try:
                return await once(writer, request, call, executor, work)
            except RecordExists as error:
                # Its key, or a name that was free a moment ago: that is found by the next attempt.
                if "key" in error.metadata:
                    raise
        raise TooMuchContention("Others keep adding the same records. Retry shortly.")

    def _names(self, request: Any) -> list[str]:
        requests = request.requests
        if len(requests) > MAX_BATCH:
            description = f"A batch has at most {MAX_BATCH:,} requests, not {len(requests):,}."
            raise invalid(BatchTooLarge, "requests", description)
        places: dict[str, int] = {}
        for index, each in enumerate(requests):
            path, name = f"requests[{index}]", getattr(each, self._body).name
            check_item(each, path)
            self._writer.names.check(name, f"{path}.{self._body}.name")
            check_parent(self._writer, name, getattr(request, "parent", ""), f"{path}.{self._body}.name")
            if (other := places.setdefault(name, index)) != index:
                said = f"It is that of requests[{other}] too. Change each record once."
                raise invalid(NameInvalid, f"{path}.{self._body}.name", said)
        return list(places)

    async def _update(self, request: Any, found: dict[str, Row], call: Call, transaction: Transaction) -> bytes:
        writer, moment = self._writer, now()
        shown: list[bytes] = []
        changes: list[tuple[int, Current, Prepared]] = []
        added: list[tuple[int, Prepared, str]] = []
        for index, each in enumerate(request.requests):
            try:
                current = self._current(request, each, found)
                if current is None:
                    row, parent = missing(writer, getattr(each, self._body), call, moment)
                    added.append((index, row, parent))
                    shown.append(writer.answer(row, writer.table.shape, call))
                    continue
                made = changed(
                    writer, current, getattr(each, self._body), self._mask(request, each), call=call, moment=moment
                )
            except TenonError as error:
                raise within(error, f"requests[{index}]") from error
            if made is None:
                shown.append(writer.show(current, call))
            else:
                changes.append((index, current, made))
                shown.append(writer.answer(made, current.shape, call))
        await self._change(changes, call, transaction, moment)
        await self._add(added, call, transaction, moment)
        return self._listing.encode(shown)

    def _current(self, request: Any, each: Any, found: dict[str, Row]) -> Current | None:
        """Return what is stored; None is for a record that is to be added."""
        writer, name = self._writer, getattr(each, self._body).name
        row = found.get(name)
        if row is None:
            if getattr(each, "allow_missing", False) and writer.takes_ids:
                return None
            raise RecordNotFound(writer.table.record.type, name)
        if row["deleted"]:
            raise RecordDeleted(writer.table.record.type, name)
        del request
        return writer.current_of_row(row)

    def _mask(self, request: Any, each: Any) -> list[str]:
        """Return the mask of one request: its own, or that of the batch."""
        of_batch = list(request.update_mask.paths) if "update_mask" in request.DESCRIPTOR.fields_by_name else []
        own = list(each.update_mask.paths)
        if of_batch and own and set(own) != set(of_batch):
            raise invalid(BatchItemInvalid, "update_mask", "It differs from the batch's own. Send one of the two.")
        return own or of_batch

    async def _change(
        self, changes: Sequence[tuple[int, Current, Prepared]], call: Call, transaction: Transaction, moment: datetime
    ) -> None:
        if not changes:
            return
        writer = self._writer
        rows = [row for _, _, row in changes]
        values = {
            **writer.preparing.together(rows),
            **writer.rewritten([(current, row) for _, current, row in changes]),
            **writer.together_checks([writer.checks(current.message, row) for _, current, row in changes]),
            **writer.event(call, moment),
        }
        await self._write(self._statement, values, [(index, row, "") for index, _, row in changes], call, transaction)

    async def _add(
        self, added: Sequence[tuple[int, Prepared, str]], call: Call, transaction: Transaction, moment: datetime
    ) -> None:
        if not added:
            return
        writer = self._writer
        values = {**writer.preparing.together([row for _, row, _ in added]), **writer.event(call, moment)}
        await self._write(writer.statement("insert_many", remembered=False), values, added, call, transaction)

    async def _write(
        self,
        statement: Statement,
        values: dict[str, Any],
        rows: Sequence[tuple[int, Prepared, str]],
        call: Call,
        transaction: Transaction,
    ) -> None:
        writer = self._writer
        paths = [f"requests[{index}].{self._body}" for index, _, _ in rows]
        try:
            absent = await writer.run(statement, values, call, transaction)
        except FAILURES as error:
            own = {"organization": organization_of(writer.table, call.caller), "owner": call.caller.subject}
            place = find_culprit(writer.table, error, [{**own, **row.texts()} for _, row, _ in rows])
            path, name, parent = f"requests.{self._body}", "", ""
            if place is not None:
                path, name, parent = paths[place], rows[place][1].name, rows[place][2]
            await refuse(writer, error, call, transaction, field=path, name=name, parent=parent)
            raise
        first = next((each["ordinal"] for each in absent if each["field"]), 0)
        writer.refuse_missing(absent, paths, rows[first][2])


def within(error: TenonError, path: str) -> TenonError:
    """Return an error of one request of a batch as the batch's: it says which request it is about."""
    error.message = f"{path}: {error.message}"
    error.metadata = {**error.metadata, "request": path}
    if isinstance(error, InvalidArgument):
        error.violations = tuple(replace(each, field=f"{path}.{each.field}") for each in error.violations)
        if "field" in error.metadata:
            error.metadata["field"] = f"{path}.{error.metadata['field']}"
    return error
