"""An outbox of before anything could be watched gets what a watch needs, and keeps its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.records.engine import Engine
from tests.integration.records.library import KEYRING
from tests.integration.records.watching.harbour import LIVE, Harbour, harbour_contract

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

OF_BEFORE = """
DROP TABLE data.outbox_pruned;
DROP INDEX data.outbox_transaction_idx;
ALTER TABLE data.outbox DROP COLUMN transaction, DROP COLUMN owner;
DELETE FROM data.tenon_migrations;
"""


async def test_an_outbox_of_before_is_brought_in_step(harbour: Harbour, pool: Pool) -> None:
    await harbour.berth("a", "before")
    async with pool.connection() as connection:
        await connection.execute(OF_BEFORE)
    engine = Engine(harbour_contract(), host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    upgraded = Harbour(engine, harbour.contract)
    watch = upgraded.watch()
    await watch.until(LIVE)
    await upgraded.berth("b", "after")
    await watch.until_known(a="before", b="after")
    await watch.close()
    kept = await pool.fetch("SELECT subject FROM data.outbox ORDER BY id")
    assert [row["subject"] for row in kept] == ["berths/a", "berths/b"]
    indexes = await pool.fetch("SELECT indexname FROM pg_indexes WHERE schemaname = 'data' AND tablename = 'outbox'")
    assert "outbox_transaction_idx" in {row["indexname"] for row in indexes}
