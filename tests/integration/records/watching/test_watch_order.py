"""Nothing is missed, doubled or out of order: while transactions overlap, and over reconnects at any point."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import TenonError
from services.records.engine import Engine
from services.records.watching import WatchLimits
from tests.integration.records.library import KEYRING
from tests.integration.records.watching.harbour import LIVE, SHOWN, Harbour, harbour_contract

if TYPE_CHECKING:
    from services.chassis.postgres import Pool
    from tests.integration.records.watching.harbour import Watching

NARROW = WatchLimits(page_rows=3, events=5, message_bytes=2000, ring_bytes=8000)
"""Limits at which everything is in pieces."""


@pytest.fixture
async def narrow(pool: Pool) -> Harbour:
    """Return a harbour in which pages, pieces, messages and the ring are small."""
    contract = harbour_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING, watch_limits=NARROW)
    await engine.migrate()
    return Harbour(engine, contract)


async def _outbox(harbour: Harbour) -> list[Any]:
    sql = "SELECT id, transaction::text::bigint AS transaction, subject, type, revision, after FROM data.outbox"
    return await harbour.engine.pool.fetch(f"{sql} ORDER BY id")


async def test_a_change_that_commits_late_is_told_and_holds_up_no_other(harbour: Harbour) -> None:
    watch = harbour.watch()
    await watch.until(LIVE)
    berth = harbour.type("Berth")
    async with harbour.engine.open(harbour.call("CreateBerth")) as late:
        await late.create(berth(title="late"), id="late")
        await harbour.berth("early", "early")
        await watch.until_known(early="early")
        assert "berths/late" not in watch.known
        await late.commit()
    await watch.until_known(late="late")
    ids = {row["subject"]: row["id"] for row in await _outbox(harbour)}
    assert ids["berths/late"] < ids["berths/early"], "else whoever read beyond the last id would have found it as well"
    await watch.close()


@pytest.mark.parametrize("looks_between", [True, False])
async def test_a_record_whose_writers_have_inverted_transactions_is_told_in_its_order(
    harbour: Harbour, looks_between: bool
) -> None:
    await harbour.berth("a", "0")
    watch = harbour.watch()
    await watch.until(LIVE)
    if not looks_between:
        await watch.close()
    async with harbour.engine.open(harbour.call("UpdateBerth")) as older:
        await older.work.connection.fetchval("SELECT pg_current_xact_id()")
        await harbour.retitle("a", "1")
        if looks_between:
            await watch.until_known(a="1")
        found = await older.get("test.harbour.v1.Berth", "berths/a", lock=True)
        found.title = "2"
        await older.update(found)
        await older.commit()
    await watch.until_known(a="2")
    first, second = (await _outbox(harbour))[-2:]
    assert first["transaction"] > second["transaction"], "else the order of transactions would be right as well"
    assert [record.title for _, _, record in watch.told] == ["0", "1", "2"]
    await watch.close()


async def test_of_a_picture_in_pages_every_record_is_told_once_as_it_changes_between_them(narrow: Harbour) -> None:
    for number in range(10):
        await narrow.berth(f"b{number}", "0")
    watch = narrow.watch()
    await watch.next()
    assert len(watch.known) == 3
    await narrow.retitle("b1", "1")  # shown already
    await narrow.retitle("b8", "1")  # not yet
    await narrow.do("DeleteBerth", name="berths/b2")
    await narrow.do("DeleteBerth", name="berths/b7")
    await narrow.berth("b1x", "1")
    await narrow.berth("b7x", "1")
    await watch.until(LIVE)
    await watch.close()
    assert {name[7:]: record.title for name, record in watch.known.items()} == {
        **{f"b{number}": "0" for number in (0, 3, 4, 5, 6, 9)},
        **dict.fromkeys(("b1", "b1x", "b7x", "b8"), "1"),
    }
    assert sum(1 for kind, _, _ in watch.told if kind == SHOWN) == 10
    assert len(watch.told) == 13


class Chaos:
    """Writers that change a few records for as long as they may, and watchers that break off all the time."""

    def __init__(self, harbour: Harbour, seed: int) -> None:
        self.harbour = harbour
        self.random = random.Random(seed)  # noqa: S311 - it hides nothing
        self.written = 0
        self.is_over = False

    async def write(self) -> None:
        """Create, change and delete records, alone and several in one transaction."""
        names = [f"b{number:02}" for number in range(12)]
        while not self.is_over:
            name = self.random.choice(names)
            self.written += 1
            try:
                match self.random.randrange(6):
                    case 0:
                        await self.harbour.do("DeleteBerth", name=f"berths/{name}")
                    case 1 | 2:
                        await self.harbour.berth(name, str(self.written), depth=self.written)
                    case 3:
                        await self._several(self.random.sample(names, 3))
                    case _:
                        await self.harbour.retitle(name, str(self.written), depth=self.written)
            except TenonError:
                # It is not there, or there already, or others were first: that is what makes the order.
                continue

    async def _several(self, names: list[str]) -> None:
        async with self.harbour.engine.open(self.harbour.call("UpdateBerth")) as session:
            for name in sorted(names):
                found = await session.get("test.harbour.v1.Berth", f"berths/{name}", lock=True)
                self.written += 1
                found.title, found.depth = str(self.written), self.written
                await session.update(found)
                await asyncio.sleep(self.random.random() / 200)
            if self.random.random() < 0.8:
                await session.commit()

    async def follow(self, watch: Watching, reconnects: int) -> None:
        """Read messages, and break off after a few of them or in the midst of waiting for one."""
        for _ in range(reconnects):
            for _ in range(self.random.randrange(1, 4)):
                if self.random.random() < 0.2:
                    task = asyncio.create_task(watch.next())
                    await asyncio.sleep(self.random.random() / 100)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    break
                await watch.next()
            await watch.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_over_hundreds_of_reconnects_each_change_is_told_once_and_in_order(narrow: Harbour, seed: int) -> None:
    chaos = Chaos(narrow, seed)
    watches = [narrow.watch() for _ in range(4)]
    writers = [asyncio.create_task(chaos.write()) for _ in range(4)]
    await asyncio.gather(*(chaos.follow(watch, 100) for watch in watches))
    chaos.is_over = True
    await asyncio.gather(*writers)
    last = await narrow.berth("last", "last")
    outbox = await _outbox(narrow)
    rows = await narrow.engine.pool.fetch("SELECT name, depth FROM test_harbour_v1.berths")
    now = {row["name"]: row["depth"] for row in rows}
    for watch in watches:
        await watch.until_known(last="last")
        await watch.close()
        assert {name: record.depth for name, record in watch.known.items()} == now
        _check_told(narrow, watch, outbox)
    assert last.name in now
    assert chaos.written > 300


def _check_told(harbour: Harbour, watch: Watching, outbox: list[Any]) -> None:
    """Hold what a watcher was told of each record to the outbox: an unbroken end of the record's events."""
    berth = harbour.type("Berth")
    for name in {row["subject"] for row in outbox}:
        events = [
            ("deleted", 0) if row["after"] is None else ("", berth.FromString(row["after"]).depth)
            for row in outbox
            if row["subject"] == name
        ]
        told = [
            ("deleted", 0) if kind == 4 else ("", record.depth)
            for kind, subject, record in watch.told
            if subject == name
        ]
        assert told == events[len(events) - len(told) :], name
        if told and watch.told[0][0] != SHOWN:
            first = next(kind for kind, subject, _ in watch.told if subject == name)
            assert first in (SHOWN, 2), name
