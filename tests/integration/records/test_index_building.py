"""Indexes of tables that are in use: built beside those who write, and finished after a crash."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.chassis.postgres import open_pool
from services.records.engine import Engine
from services.records.migrating.migrations import MigrationRefused, migration_state
from tests.integration.records.library import KEYRING

if TYPE_CHECKING:
    from services.chassis.postgres import Pool
    from tests.integration.records.shop import Shop

TITLE = "string title = 2;"
INDEXES = """
SELECT c.relname AS name, i.indisvalid AS valid, i.indisunique AS unique, obj_description(c.oid, 'pg_class') AS note
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'test_shop_v1' AND NOT i.indisprimary AND i.indrelid = 'test_shop_v1.items'::regclass
"""


async def indexes(pool: Pool) -> dict[str, bool]:
    return {row["name"]: row["valid"] for row in await pool.fetch(INDEXES)}


async def test_who_writes_does_not_wait_for_an_index(shop: Shop, database: str) -> None:
    """A writer that holds its transaction open is what an index waits for, and nobody else waits for the index."""
    old = await shop.start(TITLE)
    await shop.create(old, "a", title="a")
    new = shop.engine(TITLE, index='"title"')
    writer = await asyncpg.connect(database)
    open_write = writer.transaction()
    await open_write.start()
    await writer.execute("UPDATE test_shop_v1.items SET revision = revision WHERE name = 'items/a'")
    migrating = asyncio.create_task(new.migrate())
    while "items_title_idx" not in await indexes(shop.pool):
        await asyncio.sleep(0.01)
    assert not (await indexes(shop.pool))["items_title_idx"], "the index waits for the writer"
    async with asyncio.timeout(5):
        await shop.create(old, "b", title="b")
        await shop.update(old, "b", title="c")
    assert not migrating.done()
    await open_write.commit()
    await migrating
    await writer.close()
    assert (await indexes(shop.pool))["items_title_idx"]


async def test_an_index_that_was_never_finished_is_built_again(shop: Shop, database: str) -> None:
    await shop.start(TITLE)
    connection = await asyncpg.connect(database)
    # Two equal rows leave a unique index behind that cannot be used: so does a crash.
    engine = shop.engine(TITLE)
    for name in ("a", "b"):
        await shop.create(engine, name, title="same")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("CREATE UNIQUE INDEX CONCURRENTLY items_title_idx ON test_shop_v1.items (title)")
    await connection.close()
    assert await indexes(shop.pool) == {"items_title_idx": False}
    await shop.start(TITLE, index='"title"')
    assert await indexes(shop.pool) == {"items_title_idx": True}


async def test_an_index_of_another_definition_is_replaced_and_one_of_somebody_elses_stays(
    shop: Shop, pool: Pool
) -> None:
    await shop.start(f"{TITLE} string size = 3;", index='"title"')
    await pool.fetch("CREATE INDEX by_hand ON test_shop_v1.items (revision)")
    await pool.fetch("COMMENT ON INDEX test_shop_v1.items_title_idx IS '0123456789abcdef'")
    await shop.start(f"{TITLE} string size = 3;", index='"title"', unique='"size"')
    found = {row["name"]: row["note"] for row in await pool.fetch(INDEXES)}
    assert found.keys() == {"items_title_idx", "items_size_key", "by_hand"}
    assert found["items_title_idx"] != "0123456789abcdef"
    await shop.start(f"{TITLE} string size = 3;")
    assert (await indexes(pool)).keys() == {"by_hand"}


async def test_a_unique_key_that_rows_break_names_them_and_changes_nothing(shop: Shop, pool: Pool) -> None:
    old = await shop.start(TITLE)
    for name, title in (("a", "secret"), ("b", "secret"), ("c", "else"), ("d", "")):
        await shop.create(old, name, title=title)
    with pytest.raises(MigrationRefused) as refused:
        await shop.start(f"{TITLE} string size = 3;", unique='"title"')
    (problem,) = refused.value.problems
    assert "unique key `title`" in problem
    assert "2 of 4 rows hold what another holds too, such as items/a and items/b" in problem
    assert "secret" not in problem
    assert "size" not in await shop.columns()
    assert await indexes(pool) == {}
    assert (await migration_state(pool, "test_shop_v1")).count == 1


async def test_a_unique_key_holds_from_the_moment_that_it_is_there(shop: Shop) -> None:
    old = await shop.start(TITLE)
    await shop.create(old, "a", title="x")
    await shop.start(TITLE, unique='"title"')
    with pytest.raises(Exception, match=r"(?i)already|taken|exists"):
        await shop.create(old, "b", title="x")


async def test_workers_that_race_build_an_index_once(shop: Shop, database: str) -> None:
    engine = await shop.start(TITLE)
    for number in range(50):
        await shop.create(engine, f"i{number}", title=str(number))
    contract = shop.engine(TITLE, index='"title"').contract
    async with open_pool(database) as one, open_pool(database) as two, open_pool(database) as three:
        engines = [Engine(contract, host="data", pool=pool, keyring=KEYRING) for pool in (one, two, three)]
        async with asyncio.timeout(30):
            states = await asyncio.gather(*(each.migrate() for each in engines))
    counts = {state.count for each in states for state in each if state.schema == "test_shop_v1"}
    assert counts == {2}
    assert await indexes(shop.pool) == {"items_title_idx": True}


async def test_a_table_in_use_is_waited_for_in_short_steps(shop: Shop, database: str) -> None:
    """Whoever comes after a change that waits waits behind it, so it gives way again and again."""
    old = await shop.start(TITLE)
    await shop.create(old, "a", title="a")
    reader = await asyncpg.connect(database)
    held = reader.transaction()
    await held.start()
    await reader.fetch("SELECT 1 FROM test_shop_v1.items")
    migrating = asyncio.create_task(shop.engine(f"{TITLE} string size = 3;").migrate())
    async with asyncio.timeout(10):
        while not await shop.pool.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)
        await shop.create(old, "b", title="b")
    assert not migrating.done()
    await held.rollback()
    await reader.close()
    await migrating
    assert "size" in await shop.columns()
