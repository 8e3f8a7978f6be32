"""Import: the rows of a file become records (AIP-153)."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass
from tenon.records.v1 import transfer_pb2

from services.chassis.contract import Permission, StandardKind
from services.chassis.errors import Aborted, InvalidArgument, Violation
from services.records.parents import EVERYWHERE, Parents
from services.records.scope import admit
from services.records.transfer.failures import ImportRefused
from services.records.transfer.formats import READERS
from services.records.transfer.judging import Judging
from services.records.transfer.placing import FAIL, UPDATE, Placing
from services.records.transfer.sources import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.chassis.call import Call
    from services.chassis.contract import Contract, Method
    from services.chassis.postgres import Executor, Pool, Transaction
    from services.records.parents import Below
    from services.records.transfer.files import Files
    from services.records.transfer.formats.rows import Reader
    from services.records.transfer.judging import Judged
    from services.records.transfer.placing import Placed
    from services.records.transfer.running import Runner, Work
    from services.records.writing import Writer

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
        """Take what writes the record, the method, where files are, what runs operations, and whom to tell of changes."""
        self._committed = committed
        self._writer, self._pool, self._files, self._runner = writer, pool, files, runner
        self._judging = Judging(writer, contract)
        self._request = GetMessageClass(contract.pool.FindMessageTypeByName(method.input))
        self._fields = frozenset(field.name for field in self._request.DESCRIPTOR.fields)
        self._parents = Parents(writer.table, writer.names) if "parent" in self._fields else None
        self._update = _permission_to_update(contract, writer.table.record.message)

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
        reader = READERS[request.format](self._judging.target, work.checkpoint.get("reader", {}))
        source = Source(self._files, file, reader, int(work.checkpoint.get("place", 0)))
        await source.open()
        # The next rows are read and judged while these are written.
        placing = Placing(self._writer, self._conflict(request), lambda fit: reader.mask(fit.raw))
        batches = _Batches(self._judging, source, reader, request, self._below(request), work)
        try:
            while (batch := await batches.next()) is not None:
                work.check()
                await self._write(batch, placing, reader, request, work)
        finally:
            await batches.close()
        return await self._finish(work)

    async def report(self, work: Work) -> transfer_pb2.ImportReport:
        """Return what was written and rejected before it ended early."""
        return await self._finish(work)

    async def _write(self, batch: _Batch, placing: Placing, reader: Reader, request: Any, work: Work) -> None:
        for left in reversed(range(MAX_ATTEMPTS)):
            try:
                await self._write_once(batch, placing, reader, request, work)
            except Aborted:
                if not left:
                    raise
            else:
                return

    async def _write_once(self, batch: _Batch, placing: Placing, reader: Reader, request: Any, work: Work) -> None:
        """Write rows, what was rejected of them, and how far the import is: all of it or nothing."""
        call = work.call
        if getattr(request, "validate_only", False):
            async with self._pool.begin() as transaction:
                placed = await placing.place(batch.judged, call, transaction)
            async with self._pool.transaction() as transaction:
                await self._keep(batch, placed, reader, work, transaction)
        else:
            async with self._pool.transaction() as transaction:
                placed = await placing.place(batch.judged, call, transaction)
                await self._keep(batch, placed, reader, work, transaction)
            self._committed()

    async def _keep(self, batch: _Batch, placed: Placed, reader: Reader, work: Work, transaction: Transaction) -> None:
        counts = Counts(**work.checkpoint.get("counts", {}))
        rejected = sorted([*batch.judged.rejected, *placed.rejected], key=lambda each: each.raw.number)
        if rejected:
            content = b"".join([each.line(reader) for each in rejected])
            id_, caller = work.task.id, work.call.caller
            await self._files.ensure(caller, REJECTED_TYPE, id_, transaction)
            await self._files.append(id_, counts.rejected_bytes, content, transaction)
            counts.rejected_bytes += len(content)
        counts.rows_read += batch.judged.count
        counts.rows_created += placed.created
        counts.rows_updated += placed.updated
        counts.rows_skipped += placed.skipped
        counts.rows_rejected += len(rejected)
        before = work.checkpoint
        work.checkpoint = {"counts": asdict(counts), "reader": batch.state, "place": batch.place}
        progress = work.progress
        progress.rows_done, progress.rows_rejected = counts.rows_read, counts.rows_rejected
        progress.bytes_done = batch.place
        try:
            await work.save(transaction)
        except BaseException:
            work.checkpoint = before
            raise

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
    state: dict[str, Any]
    """What another reader needs to go on after them."""
    place: int
    """The byte after them."""


class _Batches:
    """Reads and judges the next rows while others are written."""

    def __init__(
        self, judging: Judging, source: Source, reader: Reader, request: Any, below: Below, work: Work
    ) -> None:
        self._judging, self._source, self._reader = judging, source, reader
        self._below, self._parent = below, getattr(request, "parent", "")
        self._caller = work.call.caller
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
        state, place = self._reader.state(), self._source.place
        judge = self._judging.judge
        judged = await asyncio.to_thread(judge, raws, self._reader, self._below, self._parent, self._caller)
        return _Batch(judged, state, place)


def check_format(value: int) -> None:
    """Refuse a format that nobody reads or writes; raises FormatUnknown."""
    if value not in READERS:
        said = "The format is not set, or unknown. Choose FORMAT_CSV, FORMAT_JSONL or FORMAT_PARQUET."
        raise FormatUnknown(said, violations=[Violation(field="format", description=said, reason=FormatUnknown.reason)])


def _permission_to_update(contract: Contract, message: str) -> Permission | None:
    for method in contract.methods.values():
        standard = method.standard
        if standard is not None and standard.kind is StandardKind.UPDATE and standard.record == message:
            access = method.rule.access
            return access if isinstance(access, Permission) else None
    return None
