"""Create and BatchCreate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.postgres import FAILURES
from services.records.failures import BatchItemInvalid, BatchTooLarge, NameInvalid, find_culprit, invalid
from services.records.reading.getting import MAX_BATCH
from services.records.reading.wire import Listing
from services.records.scope import admit, organization_of
from services.records.writing.missing import PARENT
from services.records.writing.preparing import now
from services.records.writing.writer import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from google.protobuf.descriptor import Descriptor

    from services.chassis.call import Call
    from services.chassis.postgres import Executor
    from services.records.transactions.remembering import Remembered
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Writer


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
        return await self._writer.remembering.once(
            request, call, on, lambda kept: self._create(request, call, on, kept)
        )

    async def _create(self, request: Any, call: Call, executor: Executor, kept: Remembered | None) -> bytes:
        writer, moment = self._writer, now()
        parent, body = getattr(request, "parent", ""), getattr(request, self._body)
        name = writer.names.make(parent, getattr(request, self._id, ""), self._id)
        writer.permitting.check_new(body, call.caller, self._body)
        row = writer.preparing.new(body, name, parent, moment, self._body)
        return await add(writer, row, parent, call, executor, kept=kept, moment=moment)


async def add(
    writer: Writer,
    row: Prepared,
    parent: str,
    call: Call,
    executor: Executor,
    *,
    kept: Remembered | None,
    moment: datetime,
) -> bytes:
    """Write the first version of a record and return the answer.

    Raises:
        RecordExists: RecordNotFound: ReferenceNotFound: NameTaken: what stands in the way.
    """
    answer, singular = writer.answer(row, writer.table.shape, call), writer.table.record.singular
    statement = writer.statement("insert", remembered=bool(kept and kept.id))
    values = {**row.values, **writer.event(call, moment), **(kept.values(call, answer) if kept else {})}
    try:
        missing = await writer.run(statement, values, call, executor)
    except FAILURES as error:
        await refuse(writer, error, call, executor, field=singular, name=row.name, parent=parent)
        raise
    if missing:
        writer.refuse_missing(missing, [singular], parent)
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
        return await self._writer.remembering.once(
            request, call, on, lambda kept: self._create(request, call, on, kept)
        )

    async def _create(self, request: Any, call: Call, executor: Executor, kept: Remembered) -> bytes:
        writer, moment = self._writer, now()
        rows = self._rows(request, call, moment)
        if not rows:
            return b""
        answer = self._listing.encode([writer.answer(row, writer.table.shape, call) for row in rows])
        statement = writer.statement("insert_many", remembered=bool(kept.id))
        values = {**writer.preparing.together(rows), **writer.event(call, moment), **kept.values(call, answer)}
        try:
            missing = await writer.run(statement, values, call, executor)
        except FAILURES as error:
            await self._refuse(error, rows, request, call, executor)
            raise
        if missing:
            parents = [getattr(each, "parent", "") or getattr(request, "parent", "") for each in request.requests]
            absent = next((row["ordinal"] for row in missing if row["field"] == PARENT), 0)
            paths = [f"requests[{index}].{self._body}" for index in range(len(rows))]
            writer.refuse_missing(missing, paths, parents[absent])
        return answer

    async def _refuse(
        self, error: BaseException, rows: Sequence[Prepared], request: Any, call: Call, executor: Executor
    ) -> None:
        """Raise what a failure of Postgres means, said of the row that it is about where that can be told."""
        writer = self._writer
        own = {"organization": organization_of(writer.table, call.caller), "owner": call.caller.subject}
        place = find_culprit(writer.table, error, [{**own, **row.texts()} for row in rows])
        if place is None:
            await refuse(writer, error, call, executor, field=f"requests.{self._body}", name="")
            return
        parent = getattr(request.requests[place], "parent", "") or getattr(request, "parent", "")
        field, name = f"requests[{place}].{self._body}", rows[place].name
        await refuse(writer, error, call, executor, field=field, name=name, parent=parent)

    def _rows(self, request: Any, call: Call, moment: datetime) -> list[Prepared]:
        requests = request.requests
        if len(requests) > MAX_BATCH:
            description = f"A batch has at most {MAX_BATCH:,} requests, not {len(requests):,}."
            raise invalid(BatchTooLarge, "requests", description)
        rows: list[Prepared] = []
        places: dict[str, int] = {}
        for index, each in enumerate(requests):
            row = self._row(request, each, call, moment, f"requests[{index}]")
            other = places.setdefault(row.name, index)
            if other != index:
                description = f"The id is that of requests[{other}] too. Give each record its own."
                raise invalid(NameInvalid, f"requests[{index}].{self._id}", description)
            rows.append(row)
        return rows

    def _row(self, request: Any, each: Any, call: Call, moment: datetime, path: str) -> Prepared:
        parent, own = getattr(request, "parent", ""), getattr(each, "parent", "")
        if parent and own and own != parent:
            raise invalid(NameInvalid, f"{path}.parent", f"It differs from the batch's parent `{parent}`.")
        check_item(each, path)
        above = own or parent
        name = self._writer.names.make(above, getattr(each, self._id, ""), f"{path}.{self._id}")
        body = getattr(each, self._body)
        self._writer.permitting.check_new(body, call.caller, f"{path}.{self._body}")
        return self._writer.preparing.new(body, name, above, moment, f"{path}.{self._body}")


def check_item(each: Any, path: str) -> None:
    """Refuse a request of a batch that carries what the batch itself has to carry.

    Raises:
        BatchItemInvalid: naming the field.
    """
    for name in ("request_id", "validate_only"):
        if getattr(each, name, False):
            raise invalid(BatchItemInvalid, f"{path}.{name}", "A batch is one request: send it on the batch itself.")
