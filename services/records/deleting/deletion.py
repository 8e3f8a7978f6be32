"""Delete and BatchDelete, Undelete and Expunge (AIP-135, 164 and 235)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.postgres import FAILURES
from services.records.deleting.statements import Going, Occasion
from services.records.failures import (
    BatchTooLarge,
    NameInvalid,
    RecordExists,
    RecordLive,
    RecordNotDeleted,
    RecordNotFound,
    TooMuchContention,
    UndeleteBlocked,
    explain,
    invalid,
)
from services.records.reading.getting import MAX_BATCH
from services.records.reading.wire import Listing
from services.records.schema.columns import INPUT
from services.records.scope import admit
from services.records.transactions.atomicity import once
from services.records.writing.changing import MAX_ATTEMPTS, check_etag
from services.records.writing.missing import PARENT
from services.records.writing.preparing import now, redacted
from services.records.writing.rewriting import Deletion, rewrite
from services.records.writing.writer import refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import Descriptor

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Row, Transaction
    from services.records.transactions.remembering import Remembered
    from services.records.writing.writer import Writer


class Delete:
    """Removes one record, or marks it as deleted."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer
        # Where nothing can depend on a record, one statement does it.
        self._is_alone = not writer.table.is_soft and writer.removing.is_alone(writer.table)

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        writer.names.check(request.name, "name")
        if self._is_alone:
            return await self._delete_alone(request, call, executor or writer.executor)

        async def work(transaction: Transaction) -> bytes:
            rows = await writer.lock([request.name], call, transaction, deletes=True)
            if not rows or rows[0]["deleted"]:
                return self._missing(request, rows, call)
            check_etag(writer, writer.current_of_row(rows[0]).message, getattr(request, "etag", ""))
            force = getattr(request, "force", False)
            rows_going = going(writer, rows, for_good=False)
            kept = await writer.removing.remove(rows_going, occasion(writer, call), transaction, force=force)
            return writer.answer(kept[request.name], writer.table.shape, call) if kept else b""

        return await once(writer, request, call, executor, work)

    def _missing(self, request: Any, rows: Sequence[Row], call: Call) -> bytes:
        """Return the answer where there is nothing to delete, and that is allowed."""
        if not getattr(request, "allow_missing", False):
            raise RecordNotFound(self._writer.table.record.type, request.name)
        return self._writer.show(self._writer.current_of_row(rows[0]), call) if rows else b""

    async def _delete_alone(self, request: Any, call: Call, executor: Executor) -> bytes:
        async def work(kept: Remembered) -> bytes:
            for _ in range(MAX_ATTEMPTS):
                if await self._attempt(request, call, executor, kept):
                    return b""
            raise TooMuchContention(f"`{request.name}` is being changed too often. Retry shortly.")

        return await self._writer.remembering.once(request, call, executor, work, first=True)

    async def _attempt(self, request: Any, call: Call, executor: Executor, kept: Remembered) -> bool:
        """Remove the record; False where another change came first."""
        writer = self._writer
        try:
            current = await writer.read(request.name, call, executor)
        except RecordNotFound:
            if not getattr(request, "allow_missing", False):
                raise
            await writer.remembering.keep(kept, call, executor, b"")
            return True
        check_etag(writer, current.message, getattr(request, "etag", ""))
        statement = writer.statement("delete", remembered=bool(kept.id))
        values = {
            **writer.event(call, now()),
            **kept.values(call, b""),
            INPUT + writer.table.columns["name"].name: request.name,
            "event_before": redacted(writer.table, current.message),
            "expected": current.revision,
        }
        try:
            return bool(await executor.fetch(statement.sql, statement.arguments(call.caller, values)))
        except FAILURES as error:
            await refuse(writer, error, call, executor, field="name", name=request.name)
            raise


class BatchDelete:
    """Deletes many records: all of them or none."""

    def __init__(self, writer: Writer, response: Descriptor) -> None:
        """Take what the record's writing methods share, and the response's message."""
        self._writer = writer
        self._listing = Listing(response, writer.table.record.message) if writer.table.is_soft else None

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        names = list(request.names)
        check_names(writer, names, getattr(request, "parent", ""))

        async def work(transaction: Transaction) -> bytes:
            rows = await writer.lock(names, call, transaction, deletes=True)
            live = [row for row in rows if not row["deleted"]]
            there = {row["name"] for row in live}
            if not getattr(request, "allow_missing", False):
                for name in names:
                    if name not in there:
                        raise RecordNotFound(writer.table.record.type, name)
            force = getattr(request, "force", False)
            rows_going = going(writer, live, for_good=False)
            kept = await writer.removing.remove(rows_going, occasion(writer, call), transaction, force=force)
            if self._listing is None:
                return b""
            return self._listing.encode(
                [writer.answer(kept[name], writer.table.shape, call) for name in names if name in kept]
            )

        return await once(writer, request, call, executor, work)


class Undelete:
    """Takes the deletion of one record back."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer
        references = writer.references, writer.nested
        self._statement = rewrite(writer.table, writer.service, *references, verb="undeleted", deletion=Deletion.CLEAR)

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        writer.names.check(request.name, "name")

        async def work(transaction: Transaction) -> bytes:
            rows = await writer.lock([request.name], call, transaction, deletes=False)
            resource = writer.table.record.type
            if not rows:
                raise RecordNotFound(resource, request.name)
            if not rows[0]["deleted"]:
                raise RecordNotDeleted(resource, request.name)
            return await self._undelete(rows[0], request, call, transaction)

        return await once(writer, request, call, executor, work)

    async def _undelete(self, found: Row, request: Any, call: Call, transaction: Transaction) -> bytes:
        writer, moment = self._writer, now()
        current = writer.current_of_row(found)
        check_etag(writer, current.message, getattr(request, "etag", ""))
        row = writer.preparing.undeleted(current.message, moment)
        # What it refers to may have gone while it was away.
        empty = type(current.message)()
        values = {
            **writer.preparing.together([row]),
            **writer.rewritten([(current, row)]),
            **writer.together_checks([writer.checks(empty, row)]),
            **writer.event(call, moment),
        }
        try:
            rows = await writer.run(self._statement, values, call, transaction)
        except FAILURES as error:
            raise self._explained(error, row.name) from error
        self._refuse_missing(rows, row.name)
        return writer.answer(row, current.shape, call)

    def _explained(self, error: Exception, name: str) -> Exception:
        """Return what a failure means: most often that another record has a unique value of this one by now."""
        table = self._writer.table
        found = explain(table, error, field=table.record.singular, name=name)
        if not isinstance(found, RecordExists):
            return found or error
        fields = " and ".join(f"`{field}`" for field in found.metadata["key"].split(","))
        return RecordExists(
            f"{table.record.type} `{name}` cannot come back: another one has the same {fields} by now. "
            "Change or delete that one first.",
            metadata={**found.metadata, "name": name},
        )

    def _refuse_missing(self, rows: Sequence[Row], name: str) -> None:
        gone = sorted({(row["field"], row["resource"]) for row in rows if row["field"]})
        if not gone:
            return
        field, resource = gone[0]
        what = "its parent" if field == PARENT else f"the {resource} in its field `{field}`"
        raise UndeleteBlocked(
            f"{self._writer.table.record.type} `{name}` cannot come back: {what} does not exist. "
            "Bring that back first.",
            metadata={"resource": self._writer.table.record.type, "name": name, "field": field, "missing": resource},
        )


class Expunge:
    """Removes a deleted record for good, with what was deleted below it."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        writer.names.check(request.name, "name")

        async def work(transaction: Transaction) -> bytes:
            rows = await writer.lock([request.name], call, transaction, deletes=True)
            resource = writer.table.record.type
            if not rows:
                raise RecordNotFound(resource, request.name)
            if not rows[0]["deleted"]:
                raise RecordLive(resource, request.name)
            check_etag(writer, writer.current_of_row(rows[0]).message, getattr(request, "etag", ""))
            await writer.removing.remove(going(writer, rows, for_good=True), occasion(writer, call), transaction)
            return b""

        return await once(writer, request, call, executor, work)


def going(writer: Writer, rows: Sequence[Row], *, for_good: bool) -> list[Going]:
    """Return locked rows as rows that are to be deleted; they are kept where their record is deleted softly."""
    return [
        Going(
            table=writer.table,
            organization=row["organization"],
            name=row["name"],
            revision=row["revision"],
            shape=row["shape"],
            size=row["size"],
            deleted=row["deleted"],
            for_good=for_good or not writer.table.is_soft,
        )
        for row in rows
    ]


def occasion(writer: Writer, call: Call) -> Occasion:
    """Return who deletes, and when: now."""
    moment = now()
    return Occasion(caller=call.caller, event=writer.event(call, moment), moment=moment)


def check_names(writer: Writer, names: Sequence[str], parent: str) -> None:
    """Refuse the names of a batch that is too large, names a record twice, or one of another parent.

    Raises:
        NameInvalid: BatchTooLarge: naming the place.
    """
    if len(names) > MAX_BATCH:
        raise invalid(BatchTooLarge, "names", f"A batch has at most {MAX_BATCH:,} names, not {len(names):,}.")
    places: dict[str, int] = {}
    for index, name in enumerate(names):
        path = f"names[{index}]"
        writer.names.check(name, path)
        check_parent(writer, name, parent, path)
        if (other := places.setdefault(name, index)) != index:
            raise invalid(NameInvalid, path, f"It is that of names[{other}] too. Name each record once.")


def check_parent(writer: Writer, name: str, parent: str, path: str) -> None:
    """Refuse a name that is not below the parent of its batch, where it has one; `-` stands for any id.

    Raises:
        NameInvalid: naming the place.
    """
    if not parent:
        return
    own = writer.names.parent_of(name)[0].split("/")
    wanted = parent.split("/")
    if parent == "-" or (len(own) == len(wanted) and all(b in (a, "-") for a, b in zip(own, wanted, strict=True))):
        return
    raise invalid(NameInvalid, path, f"`{name}` is not below the parent `{parent}`.")
