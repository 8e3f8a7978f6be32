"""The pool lends connections fairly, and survives what happens to them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.chassis.errors import DeadlineExceeded
from services.chassis.postgres import DatabaseUnavailable, open_pool

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


async def test_more_callers_than_connections_are_all_served(database: str) -> None:
    async with open_pool(database, size=2) as pool:
        rows = await asyncio.gather(*(pool.fetch("SELECT $1::int AS n", (n,)) for n in range(50)))
        assert [row[0]["n"] for row in rows] == list(range(50))
        counted = await pool.fetch("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()")
        assert counted[0]["n"] <= 2


async def test_a_cancelled_statement_gives_its_connection_back(database: str) -> None:
    async with open_pool(database, size=1) as pool:
        slow = [asyncio.create_task(pool.fetch("SELECT pg_sleep(30)")) for _ in range(3)]
        await asyncio.sleep(0)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        async with asyncio.timeout(10):
            assert (await pool.fetch("SELECT 1 AS one"))[0]["one"] == 1


async def test_connections_that_postgres_ended_are_replaced(database: str) -> None:
    async with open_pool(database, size=4) as pool, open_pool(database, size=1) as other:
        await asyncio.gather(*(pool.fetch("SELECT pg_sleep(0.01)") for _ in range(4)))
        await other.fetch(KILL)
        rows = await asyncio.gather(*(pool.fetch("SELECT 1 AS one", repeatable=True) for _ in range(8)))
        assert all(row[0]["one"] == 1 for row in rows)


async def test_a_transaction_is_kept_at_its_end_and_taken_back_on_an_error(pool: Pool) -> None:
    await pool.fetch("CREATE TABLE kept (n int)")
    async with pool.transaction() as transaction:
        await transaction.fetch("INSERT INTO kept VALUES (1)")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _insert_and_fail(pool)
    assert [row["n"] for row in await pool.fetch("SELECT n FROM kept")] == [1]


async def _insert_and_fail(pool: Pool) -> None:
    async with pool.transaction() as transaction:
        await transaction.fetch("INSERT INTO kept VALUES (2)")
        await transaction.fetch("SELECT 1 / 0")


async def test_no_server_is_unavailable_and_a_long_statement_exceeds_its_time(database: str) -> None:
    async with open_pool("postgresql://nobody@/none?host=/nowhere") as pool:
        with pytest.raises(DatabaseUnavailable):
            await pool.fetch("SELECT 1")
    async with open_pool(database, statement_timeout=0.05) as pool:
        with pytest.raises(DeadlineExceeded):
            await pool.fetch("SELECT pg_sleep(10)")


async def test_errors_of_the_data_are_postgres_own(pool: Pool) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await pool.fetch("SELECT 1 / $1::int", (0,))
    with pytest.raises(asyncpg.DataError):
        await pool.fetch("SELECT $1::int", (2**40,))


async def test_the_first_and_the_last_moment_are_moments_and_not_infinities(pool: Pool) -> None:
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC)):
        row = (await pool.fetch("SELECT $1::timestamptz AS one, $2::timestamptz[] AS many", (moment, [moment])))[0]
        assert row["one"] == moment
        assert row["many"] == [moment]
        assert row["one"].utcoffset() == timedelta(0)


async def test_a_table_that_changes_under_a_prepared_statement_is_read_again(pool: Pool) -> None:
    await pool.fetch("CREATE TABLE kept (n int)")
    await pool.fetch("INSERT INTO kept VALUES (1)")
    await pool.fetch("SELECT n FROM kept")
    await pool.fetch("ALTER TABLE kept ALTER COLUMN n TYPE bigint")
    assert (await pool.fetch("SELECT n FROM kept"))[0]["n"] == 1
