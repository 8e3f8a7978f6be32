"""Operations outlive their workers, end when they are told to, and are bounded."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.longrunning import operations_pb2
from tenon.records.v1 import transfer_pb2

from services.chassis.errors import FailedPrecondition, InvalidArgument, NotFound, ResourceExhausted
from services.data.servicer.operations import OperationsServicer
from services.records.engine import Engine
from services.records.reading.pages import PageTokenInvalid, PageTokens
from services.records.transfer.limits import Limits
from tests.integration.records.library import KEYRING, user
from tests.integration.records.transfer.harbour import CSV, PACKAGE, SERVICE, Harbour, cargo_contract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.postgres import Pool

ROWS = 30_000
LIMITS = Limits(lease_seconds=1.0, running=3)


def rows(count: int = ROWS) -> bytes:
    # One row in 1,000 is bad, so that rejected rows are written beside.
    return b"name,title,small\n" + b"".join(
        b"crates/c%06d,%d,%s\n" % (n, n, b"x" if n % 1000 == 7 else b"1") for n in range(count)
    )


@asynccontextmanager
async def worker(pool: Pool, limits: Limits = LIMITS) -> AsyncIterator[Harbour]:
    """Another worker on the same database, which takes over what is left."""
    contract = cargo_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING, limits=limits)
    await engine.migrate()
    running = asyncio.create_task(engine.transfers.run())
    try:
        yield Harbour(engine, contract, PACKAGE, SERVICE)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def progress_of(harbour: Harbour, name: str) -> transfer_pb2.OperationProgress:
    progress = transfer_pb2.OperationProgress()
    operation = await harbour.engine.transfers.operations.get(user(), name)
    assert operation.metadata.Unpack(progress)
    return progress


async def until_it_is_under_way(harbour: Harbour, name: str) -> None:
    while not (await progress_of(harbour, name)).rows_done:
        await asyncio.sleep(0.01)


async def check_complete(harbour: Harbour, operation: operations_pb2.Operation, count: int = ROWS) -> None:
    """Check that each row has been dealt with once."""
    report = transfer_pb2.ImportReport()
    assert operation.response.Unpack(report), operation
    assert (report.rows_read, report.rows_rejected) == (count, count // 1000)
    assert report.rows_created == count - count // 1000
    found = await harbour.engine.pool.fetch(
        "SELECT (SELECT count(*) FROM cargo_v1.crates) AS crates, (SELECT count(*) FROM data.outbox) AS events"
    )
    assert (found[0]["crates"], found[0]["events"]) == (report.rows_created, report.rows_created)
    rejected = (await harbour.download(report.rejected_file)).splitlines()
    assert len(rejected) == report.rows_rejected == len(set(rejected))


async def test_an_import_whose_worker_is_killed_is_finished_by_another_and_nothing_is_imported_twice(
    database: str, pool: Pool
) -> None:
    async with worker(pool) as harbour:
        source = await harbour.upload(rows())
        arguments = ("-m", "tests.integration.records.transfer.worker", database, source)
        victim = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
        assert victim.stdout is not None
        name = (await victim.stdout.readline()).decode().strip()
        await until_it_is_under_way(harbour, name)
        victim.kill()
        await victim.wait()
        done = (await progress_of(harbour, name)).rows_done
        assert 0 < done < ROWS, "it was killed too late to tell anything"
        operation = await harbour.wait(name)
        await check_complete(harbour, operation)


async def test_a_worker_that_stops_hands_its_operations_over(pool: Pool) -> None:
    async with worker(pool, Limits(lease_seconds=600)) as first:
        name = await first.begin("ImportCrates", source=await first.upload(rows()), format=CSV)
        await until_it_is_under_way(first, name)
    assert (await progress_of(first, name)).rows_done < ROWS
    async with worker(pool) as second:
        await check_complete(second, await second.wait(name))


async def test_a_worker_that_lost_its_lease_commits_nothing_more(pool: Pool) -> None:
    async with worker(pool) as harbour:
        name = await harbour.begin("ImportCrates", source=await harbour.upload(rows()), format=CSV)
        await until_it_is_under_way(harbour, name)
        taken = "UPDATE data.operations SET worker = 'another', leased_until = 'infinity' RETURNING checkpoint"
        await pool.fetch(taken)
        while harbour.engine.transfers.runner._running:  # noqa: SLF001 - nothing else tells
            await asyncio.sleep(0.01)
        done = (await progress_of(harbour, name)).rows_done
        created = (await pool.fetch("SELECT count(*) AS count FROM cargo_v1.crates"))[0]["count"]
        assert created == done - len([n for n in range(done) if n % 1000 == 7])
        await pool.fetch("UPDATE data.operations SET leased_until = now() - interval '1 s'")
        await check_complete(harbour, await harbour.wait(name))


async def test_an_export_begins_again_where_its_worker_is_gone(pool: Pool) -> None:
    async with worker(pool) as harbour:
        await harbour.bring(rows(5000), CSV)
        name = await harbour.begin("ExportCrates", format=CSV)
        await harbour.engine.transfers.runner.stop()
        operation = await harbour.wait(name)
        report = transfer_pb2.ExportReport()
        assert operation.response.Unpack(report)
        assert report.rows_written == 4995
        assert len((await harbour.download(report.file)).splitlines()) == 4996


async def test_a_cancelled_import_says_what_it_has_done(pool: Pool) -> None:
    async with worker(pool) as harbour:
        name = await harbour.begin("ImportCrates", source=await harbour.upload(rows()), format=CSV)
        await until_it_is_under_way(harbour, name)
        await harbour.engine.transfers.operations.cancel(user(), name)
        operation = await harbour.wait(name)
        assert operation.error.code == 1
        report = transfer_pb2.ImportReport()
        assert operation.error.details[-1].Unpack(report)
        created = (await pool.fetch("SELECT count(*) AS count FROM cargo_v1.crates"))[0]["count"]
        assert 0 < report.rows_created == created < ROWS
        assert len((await harbour.download(report.rejected_file)).splitlines()) == report.rows_rejected
        # One that is done stays as it is.
        await harbour.engine.transfers.operations.cancel(user(), name)
        assert (await harbour.wait(name)).error.code == 1


async def test_an_operation_that_never_comes_further_is_given_up(pool: Pool) -> None:
    async with worker(pool) as harbour:
        await harbour.engine.transfers.runner.stop()
        name = await harbour.begin("ImportCrates", source=await harbour.upload(rows(10)), format=CSV)
        await harbour.engine.transfers.runner.stop()
        await pool.fetch("UPDATE data.operations SET attempts = 5, leased_until = now() - interval '1 s'")
        operation = await harbour.wait(name)
        assert operation.error.code == 10
        assert "came no further" in operation.error.message


async def test_an_organization_has_so_many_operations_at_once_and_no_more(pool: Pool) -> None:
    async with worker(pool) as harbour:
        source = await harbour.upload(rows())
        began = [await harbour.begin("ImportCrates", source=source, format=CSV) for _ in range(3)]
        with pytest.raises(ResourceExhausted) as refused:
            await harbour.begin("ExportCrates", format=CSV)
        assert refused.value.retry_after
        await harbour.begin("ExportCrates", user("globex"), format=CSV)
        for name in began:
            await harbour.engine.transfers.operations.cancel(user(), name)
        for name in began:
            await harbour.wait(name)
        await harbour.wait(await harbour.begin("ExportCrates", format=CSV))


async def test_two_who_begin_at_once_count_each_other(pool: Pool) -> None:
    async with worker(pool, Limits(running=2)) as harbour:
        source = await harbour.upload(rows())
        asked = [harbour.begin("ImportCrates", source=source, format=CSV) for _ in range(8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, ResourceExhausted) for answer in answers) == 6


class Servicer:
    """Calls the servicer as a transport would."""

    def __init__(self, harbour: Harbour) -> None:
        self.harbour = harbour
        self.servicer = OperationsServicer(harbour.engine.transfers.operations, PageTokens(KEYRING))

    async def do(self, method: str, subject: str = "users/1", *, seconds: float | None = None, **fields: Any) -> Any:
        call = self.harbour.call("ImportCrates", user("acme", subject))
        if seconds is not None:
            call.deadline = time.monotonic() + seconds
        request = getattr(operations_pb2, f"{method}Request")(**fields)
        return await getattr(self.servicer, method)(request, call)


async def test_waiting_ends_with_the_call_and_answers_how_far_it_is(pool: Pool) -> None:
    async with worker(pool) as harbour:
        servicer = Servicer(harbour)
        name = await harbour.begin("ImportCrates", source=await harbour.upload(rows(1000)), format=CSV)
        await harbour.engine.transfers.runner.stop()
        # Nobody works at it, so that waiting has no other end than its own.
        await pool.fetch("UPDATE data.operations SET leased_until = 'infinity'")
        assert not (await servicer.do("WaitOperation", name=name, seconds=1.0)).done
        assert not (await servicer.do("WaitOperation", name=name, timeout={"nanos": 1_000_000})).done
        await pool.fetch("UPDATE data.operations SET leased_until = now()")
        assert (await servicer.do("WaitOperation", name=name, timeout={"seconds": 60})).done


async def test_operations_are_listed_the_newest_first_and_deleted_once_they_are_done(pool: Pool) -> None:
    async with worker(pool) as harbour:
        servicer = Servicer(harbour)
        names = [await harbour.begin("ExportCrates", format=CSV) for _ in range(3)]
        for name in names:
            await harbour.wait(name)
        first = await servicer.do("ListOperations", page_size=2)
        second = await servicer.do("ListOperations", page_size=2, page_token=first.next_page_token)
        assert [one.name for one in (*first.operations, *second.operations)] == names[::-1]
        assert not second.next_page_token
        with pytest.raises(PageTokenInvalid):
            await servicer.do("ListOperations", "users/2", page_size=2, page_token=first.next_page_token)
        with pytest.raises(InvalidArgument):
            await servicer.do("ListOperations", filter="done")
        for method in ("GetOperation", "DeleteOperation", "CancelOperation", "WaitOperation"):
            for wrong in (names[0], "operations/none", "files/1", ""):
                with pytest.raises(NotFound):
                    await servicer.do(method, "users/2", name=wrong)
        await servicer.do("DeleteOperation", name=names[0])
        with pytest.raises(NotFound):
            await servicer.do("GetOperation", name=names[0])
        running = await harbour.begin("ImportCrates", source=await harbour.upload(rows()), format=CSV)
        with pytest.raises(FailedPrecondition):
            await servicer.do("DeleteOperation", name=running)


async def test_what_is_done_for_long_or_left_for_long_is_swept_away(pool: Pool) -> None:
    async with worker(pool) as harbour:
        operations = harbour.engine.transfers.operations
        done, left = [await harbour.begin("ExportCrates", format=CSV) for _ in range(2)]
        for name in (done, left):
            await harbour.wait(name)
        await pool.fetch("UPDATE data.operations SET expires_at = now() - interval '1 s' WHERE id = $1", (done[11:],))
        old = "done = false, response = NULL, method = '/gone', leased_until = now() - interval '2 days'"
        gone = f"UPDATE data.operations SET {old} WHERE id = $1"
        await pool.fetch(gone, (left[11:],))
        await operations.forget_expired()
        with pytest.raises(NotFound):
            await operations.get(user(), done)
        assert (await operations.get(user(), left)).error.code == 10


async def test_a_worker_never_takes_over_what_it_is_still_at(pool: Pool) -> None:
    async with worker(pool) as harbour:
        name = await harbour.begin("ImportCrates", source=await harbour.upload(rows()), format=CSV)
        await until_it_is_under_way(harbour, name)
        operations, runner = harbour.engine.transfers.operations, harbour.engine.transfers.runner
        # As if the database had not answered for as long as a lease lasts.
        ended = "UPDATE data.operations SET leased_until = now() - interval '1 s' WHERE NOT done RETURNING id"
        assert await pool.fetch(ended)
        assert await operations.claim(runner.jobs, runner._running.values()) is None  # noqa: SLF001 - nothing else tells
        await check_complete(harbour, await harbour.wait(name))


async def test_a_worker_that_lost_an_export_takes_nothing_from_the_one_that_has_it(pool: Pool) -> None:
    async with worker(pool) as harbour:
        await harbour.bring(rows(5000), CSV)
        name = await harbour.begin("ExportCrates", format=CSV)
        # The first attempt is still at it when the operation is another's.
        await pool.fetch("UPDATE data.operations SET worker = 'another', leased_until = 'infinity' WHERE NOT done")
        async with worker(pool) as second:
            await pool.fetch("UPDATE data.operations SET leased_until = now() - interval '1 s' WHERE NOT done")
            report = transfer_pb2.ExportReport()
            assert (await second.wait(name)).response.Unpack(report)
            while harbour.engine.transfers.runner._running:  # noqa: SLF001 - nothing else tells
                await asyncio.sleep(0.01)
            assert len((await harbour.download(report.file)).splitlines()) == 4996


async def test_rejected_rows_are_kept_for_as_long_as_their_import_lasts(pool: Pool) -> None:
    async with worker(pool) as harbour:
        # Of all rows the first alone is rejected.
        content = b"name,small\n,x\n" + b"".join(b"crates/c%d,1\n" % n for n in range(ROWS))
        harbour.engine.transfers.files.prolong_seconds = 0.0
        name = await harbour.begin("ImportCrates", source=await harbour.upload(content), format=CSV)
        await until_it_is_under_way(harbour, name)
        # As if that were two hours ago.
        aged = "UPDATE data.files SET expires_at = now() + interval '1 s' WHERE NOT complete RETURNING id"
        (file,) = await pool.fetch(aged)
        left = "SELECT expires_at > now() + interval '1 hour' AS long, complete FROM data.files WHERE id = $1"
        async with asyncio.timeout(20):
            while not (found := (await pool.fetch(left, (file["id"],)))[0])["long"]:
                await asyncio.sleep(0.01)
        assert not found["complete"]
        report = transfer_pb2.ImportReport()
        assert (await harbour.wait(name)).response.Unpack(report)
        assert (report.rows_created, report.rows_rejected) == (ROWS, 1)
        assert len((await harbour.download(report.rejected_file)).splitlines()) == 1
