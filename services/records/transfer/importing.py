"""Import: the rows of a file become records (AIP-153)."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass
from tenon.records.v1 import transfer_pb2

from services.chassis.contract import Permission, StandardKind
from services.chassis.errors import Aborted, InvalidArgument, Violation
from services.records.schema.parents import EVERYWHERE, Parents
from services.records.scope import admit
from services.records.transfer.failures import ImportRefused
from services.records.transfer.files import Prolonging
from services.records.transfer.formats import READERS
from services.records.transfer.judging import Judging, Terms, standard_method
from services.records.transfer.placing import FAIL, UPDATE, Placing
from services.records.transfer.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.chassis.call import Call
    from services.chassis.contract import Contract, Method, Record
    from services.chassis.postgres import Executor, Pool, Transaction
    from services.records.schema.parents import Below
    from services.records.transfer.files import Files
    from services.records.transfer.formats.rows import Reader
    from services.records.transfer.judging import Judged
    from services.records.transfer.placing import Placed
    from services.records.transfer.running import Runner, Work
    from services.records.writing.writer import Writer

REJECTED_TYPE = "application/jsonl"
"""The media type of the rejected rows."""

MAX_ATTEMPTS = 5
"""How often rows are written that other changes were in the way of."""


@dataclass(slots=True)
class Counts:
    """How many rows came to what. It is not frozen: it grows as the import goes."""

    rows_read: int = 0
    """Rows of the file that were dealt with."""
    rows_created: int = 0
    """Rows whose record was created."""
    rows_updated: int = 0
    """Rows whose record is as the row says now."""
    rows_skipped: int = 0
    """Rows that were left out since their record exists."""
    rows_rejected: int = 0
    """Rows that could not be written."""
    rejected_bytes: int = 0
    """Bytes of the rejected rows' file."""


class FormatUnknown(InvalidArgument):
    """The format is none of those that are served."""

    reason = "FORMAT_UNKNOWN"


class Import:
    """Reads a file and writes its rows as records, as an operation."""

    def __init__(
        self,
        writer: Writer,
        contract: Contract,
        method: Method,
        *,
        pool: Pool,
        files: Files,
        runner: Runner,
        committed: Callable[[], None],
    ) -> None:
        """Take what writes the record, the method, where files are, and what runs operations.

        `committed` is called whenever records have changed.
        """
        self._committed = committed
        self._writer, self._pool, self._files, self._runner = writer, pool, files, runner
        self._judging = Judging(writer, contract)
        self._request = GetMessageClass(contract.pool.FindMessageTypeByName(method.input))
        self._fields = frozenset(field.name for field in self._request.DESCRIPTOR.fields)
        self._parents = Parents(writer.table, writer.names) if "parent" in self._fields else None
        self._update = _permission_to_update(contract, writer.table.record)

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Begin an operation; what is wrong before its first row is answered at once."""
        del executor
        admit(self._writer.table, call.caller, writes=True)
        check_format(request.format)
        self._below(request)
        if self._conflict(request) == UPDATE:
            self._check_update(call)
        await self._files.get(call.caller, request.source)
        operation = await self._runner.begin(call, request.SerializeToString())
        started: bytes = operation.SerializeToString()
        return started

    async def run(self, work: Work) -> transfer_pb2.ImportReport:
        """Write the rows, or those that are left."""
        request: Any = self._request.FromString(work.task.request)
        file = await self._files.get(work.call.caller, request.source)
        await self._files.prolong(file.id)
        reader = READERS[request.format](self._judging.target, work.checkpoint.get("reader", {}))
        source = Source(self._files, file, reader, int(work.checkpoint.get("place", 0)))
        await source.open()
        terms = Terms(
            reader=reader,
            below=self._below(request),
            parent=getattr(request, "parent", ""),
            caller=work.call.caller,
            keeps_bodies=self._conflict(request) == UPDATE,
        )
        placing = Placing(self._writer, self._conflict(request), lambda fit: reader.mask(fit.raw))
        rehearses = bool(getattr(request, "validate_only", False))
        # The next rows are read and judged while these are written.
        batches = _Batches(self._judging, source, terms)
        # The rejected rows, too: the last of them may be long ago.
        kept = Prolonging(self._files, file.id, work.task.id)
        try:
            while (batch := await batches.next()) is not None:
                work.check()
                await self._write(batch, placing, work, rehearses=rehearses)
                await kept.prolong()
        finally:
            await batches.close()
        return await self._finish(work)

    async def report(self, work: Work) -> transfer_pb2.ImportReport:
        """Return what was written and rejected before it ended early."""
        return await self._finish(work)

    async def _write(self, batch: _Batch, placing: Placing, work: Work, *, rehearses: bool) -> None:
        """Write rows, what was rejected of them, and how far the import is: all of it or nothing."""
        before = work.checkpoint
        for left in reversed(range(MAX_ATTEMPTS)):
            try:
                await self._write_once(batch, placing, work, rehearses=rehearses)
            except BaseException as error:
                work.checkpoint = before
                if not left or not isinstance(error, Aborted):
                    raise
            else:
                break
        if not rehearses:
            self._committed()

    async def _write_once(self, batch: _Batch, placing: Placing, work: Work, *, rehearses: bool) -> None:
        placed = None
        if rehearses:
            async with self._pool.begin() as transaction:
                placed = await placing.place(batch.judged, work.call, transaction)
        async with self._pool.transaction() as transaction:
            placed = placed or await placing.place(batch.judged, work.call, transaction)
            await self._keep(batch, placed, work, transaction)

    async def _keep(self, batch: _Batch, placed: Placed, work: Work, transaction: Transaction) -> None:
        counts = Counts(**work.checkpoint.get("counts", {}))
        rejected = sorted([*batch.judged.rejected, *placed.rejected], key=lambda each: each.raw.number)
        if rejected:
            content = b"".join([each.line(batch.reader) for each in rejected])
            # The import ends before the rows whose rejection cannot be kept.
            self._files.check_size(counts.rejected_bytes + len(content))
            await self._files.ensure(work.call.caller, REJECTED_TYPE, work.task.id, transaction)
            await self._files.append(work.task.id, counts.rejected_bytes, content, transaction)
            counts.rejected_bytes += len(content)
        counts.rows_read += batch.judged.count
        counts.rows_created += placed.created
        counts.rows_updated += placed.updated
        counts.rows_skipped += placed.skipped
        counts.rows_rejected += len(rejected)
        work.checkpoint = {"counts": asdict(counts), "reader": batch.state, "place": batch.place}
        progress = work.progress
        progress.rows_done, progress.rows_rejected = counts.rows_read, counts.rows_rejected
        progress.bytes_done = batch.place
        await work.save(transaction)

    async def _finish(self, work: Work) -> transfer_pb2.ImportReport:
        counts = Counts(**work.checkpoint.get("counts", {}))
        told = {name: value for name, value in asdict(counts).items() if name != "rejected_bytes"}
        report = transfer_pb2.ImportReport(**told)
        if counts.rows_rejected:
            report.rejected_file = (await self._files.close(work.task.id, counts.rejected_bytes)).name
        return report

    def _below(self, request: Any) -> Below:
        return EVERYWHERE if self._parents is None else self._parents.read(request.parent)

    def _conflict(self, request: Any) -> int:
        return int(getattr(request, "on_conflict", 0)) or FAIL

    def _check_update(self, call: Call) -> None:
        """Refuse an import that updates where its caller may not; raises ImportRefused and InvalidArgument."""
        if self._update is None:
            said = "Records of this kind are never updated: the contract has no Update that a permission guards."
            raise InvalidArgument(said, violations=[Violation(field="on_conflict", description=said)])
        if not call.caller.holds(self._update):
            raise ImportRefused(
                f"An import that updates needs the permission {self._update.name}.",
                metadata={"permission": self._update.name},
            )


@dataclass(slots=True)
class _Batch:
    """Rows that were judged together, and where the file goes on. It is not frozen, since each import makes many."""

    judged: Judged
    """The rows."""
    reader: Reader
    """What has read them."""
    state: dict[str, Any]
    """What another reader needs to go on after them."""
    place: int
    """The byte after them."""


class _Batches:
    """Reads and judges the next rows while others are written."""

    def __init__(self, judging: Judging, source: Source, terms: Terms) -> None:
        self._judging, self._source, self._terms = judging, source, terms
        self._next: asyncio.Task[_Batch | None] = asyncio.create_task(self._read())

    async def next(self) -> _Batch | None:
        """Return the next rows, or None at the end of the file."""
        batch = await self._next
        if batch is not None:
            self._next = asyncio.create_task(self._read())
        return batch

    async def close(self) -> None:
        """Stop reading ahead."""
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)

    async def _read(self) -> _Batch | None:
        raws = await self._source.read()
        if not raws:
            return None
        reader = self._terms.reader
        state, place = reader.state(), self._source.place
        judged = await asyncio.to_thread(self._judging.judge, raws, self._terms)
        return _Batch(judged, reader, state, place)


def check_format(value: int) -> None:
    """Refuse a format that nobody reads or writes; raises FormatUnknown."""
    if value not in READERS:
        said = "The format is not set, or unknown. Choose FORMAT_CSV, FORMAT_JSONL or FORMAT_PARQUET."
        raise FormatUnknown(said, violations=[Violation(field="format", description=said, reason=FormatUnknown.reason)])


def _permission_to_update(contract: Contract, record: Record) -> Permission | None:
    method = standard_method(contract, record, StandardKind.UPDATE)
    access = None if method is None else method.rule.access
    return access if isinstance(access, Permission) else None
