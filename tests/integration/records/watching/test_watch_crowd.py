"""Many watchers at once: who is slow holds up nobody, and who asks for the same gets the same bytes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.records.engine import Engine
from services.records.watching import WatchLimits
from tests.integration.records.library import KEYRING
from tests.integration.records.watching.harbour import LIVE, Harbour, harbour_contract, holder

if TYPE_CHECKING:
    from services.chassis.postgres import Pool
    from services.records.watching.views import View
    from tests.integration.records.watching.harbour import Watching

SMALL_RING = 64 * 1024


async def small(pool: Pool) -> Harbour:
    """Return a harbour whose ring is small."""
    contract = harbour_contract()
    limits = WatchLimits(ring_bytes=SMALL_RING)
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING, watch_limits=limits)
    await engine.migrate()
    return Harbour(engine, contract)


async def test_who_reads_nothing_delays_nobody_and_misses_nothing(pool: Pool) -> None:
    harbour = await small(pool)
    stalled, brisk = harbour.watch(), harbour.watch()
    await stalled.until(LIVE)
    await brisk.until(LIVE)
    await harbour.berth("a", "0")
    for number in range(1, 300):
        await harbour.retitle("a", str(number), plan=b"p" * 500)
        if number % 20 == 0:
            await brisk.until_known(a=str(number))
    ring = harbour.engine.watching.tailer.ring
    assert ring is not None
    assert ring.first > 0, "else the one that reads nothing had not fallen behind"
    assert sum(ring.get(number).weight for number in range(ring.first, ring.end)) <= SMALL_RING
    for watch in (stalled, brisk):
        await watch.until_known(a="299")
        assert [record.title for _, _, record in watch.told] == [str(number) for number in range(300)]
        await watch.close()


async def test_a_watcher_that_fell_behind_rides_along_again(pool: Pool) -> None:
    harbour = await small(pool)
    watch, reference = harbour.watch(), harbour.watch()
    await watch.until(LIVE)
    await reference.until(LIVE)
    await harbour.berth("a", "0")
    for number in range(1, 201):
        await harbour.retitle("a", str(number), plan=b"p" * 1000)
    await watch.until_known(a="200")
    await reference.until_known(a="200")
    await harbour.retitle("a", "together")
    raw = await asyncio.gather(_raw_until(watch, "together"), _raw_until(reference, "together"))
    assert raw[0] is raw[1], "else one of them reads by itself still"
    for each in (watch, reference):
        await each.close()


async def _raw_until(watch: Watching, title: str) -> bytes:
    """Read until a berth has a title, and return the bytes of the message that said so."""
    while True:
        raw = await watch.next_bytes()
        if any(record.title == title for record in watch.known.values()):
            return raw


async def test_who_asks_for_the_same_with_the_same_rights_gets_the_same_bytes(harbour: Harbour) -> None:
    clerk, owner = holder("harbour.berths.*"), holder("harbour.berths.*", "harbour.rents.get")
    same = [harbour.watch(filter="depth > 1") for _ in range(5)]
    others = [harbour.watch(), harbour.watch(caller=clerk, filter="depth > 1"), harbour.watch(caller=owner)]
    for watch in (*same, *others):
        await watch.until(LIVE)
    await harbour.berth("a", "new", depth=2, rent="much")
    told = await asyncio.gather(*(_raw_until(watch, "new") for watch in (*same, *others)))
    assert all(each is told[0] for each in told[:5])
    assert told[5] is not told[0]
    assert told[6] is not told[0]
    # Whoever may read all gets what those get who hold everything.
    assert told[7] is told[5]
    for watch in (*same, *others):
        await watch.close()


async def test_hundreds_of_watchers_are_told_and_other_calls_go_on(harbour: Harbour) -> None:
    watches = [harbour.watch() for _ in range(300)]
    await asyncio.gather(*(watch.until(LIVE) for watch in watches))
    assert harbour.engine.watching.tailer.ring is not None
    assert len(harbour.engine.watching.views) == 1
    await harbour.berth("a", "0")
    reading = [asyncio.create_task(watch.until_known(a="40")) for watch in watches]
    for number in range(1, 41):
        await harbour.retitle("a", str(number))
    await asyncio.gather(*reading)
    assert all([record.title for _, _, record in watch.told] == [str(n) for n in range(41)] for watch in watches)
    await asyncio.gather(*(watch.close() for watch in watches))
    assert not len(harbour.engine.watching.tailer.ring)


async def test_whoever_begins_after_all_others_have_ended_is_told_nothing_of_theirs(harbour: Harbour) -> None:
    views: list[View] = []
    for number in range(3):
        watch = harbour.watch()
        await watch.until(LIVE)
        views += harbour.engine.watching.views.values()
        await harbour.berth(f"b{number}", "new")
        await watch.until_known(**{f"b{number}": "new"})
        await watch.close()
        assert len(watch.known) == number + 1
    assert len(set(views)) == 1, "else there was nothing left that could be confused"


async def test_watchers_with_filters_of_their_own_leave_connections_to_other_calls(harbour: Harbour) -> None:
    watches = [harbour.watch(filter=f'title != "{number}"') for number in range(60)]
    await asyncio.gather(*(watch.until(LIVE) for watch in watches))
    assert len(harbour.engine.watching.views) == 60
    pool, most = harbour.engine.pool, 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, len(pool._waiting))  # noqa: SLF001 - nothing else tells
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await harbour.berth("a", "new")
    await asyncio.gather(*(watch.until_known(a="new") for watch in watches))
    looking.cancel()
    assert most <= 2, "so many calls waited for a connection"
    await asyncio.gather(*(watch.close() for watch in watches))
