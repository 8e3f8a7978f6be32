"""A database that the first release has made is opened, migrated and served by this one; and it can go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.chassis.contract.breaking import find_breaking
from tests.integration.records.recorded.record import REQUEST_ID
from tests.integration.records.recorded.store import HERE, Store

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

LAMP = "shelves/top/items/lamp"


@pytest.fixture
async def recorded(database: str, pool: Pool) -> Pool:
    """The recorded database: the store's first contract, two versions old."""
    connection = await asyncpg.connect(database)
    await connection.execute((HERE / "store.sql").read_text())
    await connection.close()
    return pool


async def test_a_recorded_database_is_served_with_nothing_lost(recorded: Pool) -> None:
    store = Store(recorded, "v3")
    await store.engine.migrate(judge=find_breaking)
    lamp = await store.call("GetItem", name=LAMP)
    assert (lamp.heading, lamp.code, lamp.size, lamp.rating, lamp.HasField("rating")) == (
        *("Old lamp", "L-1", -7, 0, True),
    )
    assert (lamp.picture, lamp.part.name, lamp.part.weight) == (b"\x00\xff", "bulb", 3)
    assert [(part.name, part.weight) for part in lamp.parts] == [("foot", 0), ("", 2**31 - 1)]
    assert (dict(lamp.counts), list(lamp.tags), lamp.state) == ({"red": 2}, ["new", "bright"], 2)
    assert lamp.etag
    assert lamp.create_time.seconds
    theirs = await store.call("GetItem", organization="other", name=LAMP)
    assert theirs.heading == "Theirs"
    assert await store.find('heading = "Old lamp" AND size = -7 AND part.name = bulb AND counts.red = 2') == ["lamp"]
    assert await store.find("") == ["bare", "lamp"]


async def test_what_a_recorded_database_knew_of_requests_and_events_is_kept(recorded: Pool) -> None:
    before = await recorded.fetch("SELECT event_id, type, subject FROM data.outbox ORDER BY id")
    assert len(before) == 8
    # A request of a day before yesterday is nobody's to repeat; this one is made fresh again.
    await recorded.fetch("UPDATE data.request_ids SET created_at = now()")
    first = Store(recorded, "v1")
    await first.engine.migrate()
    await Store(recorded, "v3").engine.migrate()
    after = await recorded.fetch("SELECT event_id, type, subject FROM data.outbox ORDER BY id")
    assert after == before
    repeated = await recorded.fetch("SELECT 1 FROM data.request_ids WHERE request_id = $1", (REQUEST_ID,))
    assert len(repeated) == 1


@pytest.mark.parametrize("steps", [("v3",), ("v2", "v3")])
async def test_a_migrated_database_goes_back_and_forth(recorded: Pool, steps: tuple[str, ...]) -> None:
    for version in steps:
        newer = Store(recorded, version)
        await newer.engine.migrate()
    await newer.call(
        "CreateItem",
        parent="shelves/top",
        item_id="radio",
        item={"heading": "Radio", "code": "R-1", "size": 5, "serial": "s-1", "note": "new", "part": {"fragile": True}},
    )
    older = Store(recorded, "v1")
    await older.engine.migrate(judge=find_breaking)
    lamp, radio = [await older.call("GetItem", name=f"shelves/top/items/{each}") for each in ("lamp", "radio")]
    assert (lamp.title, lamp.memo, lamp.size) == ("Old lamp", "remember", -7)
    assert (radio.title, radio.code, radio.size) == ("Radio", "R-1", 5)
    assert await older.find("memo = remember") == ["lamp"]
    await older.call("UpdateItem", item={"name": "shelves/top/items/radio", "title": "Changed"})
    await older.call("CreateItem", parent="shelves/top", item_id="vase", item={"title": "Vase", "memo": "v"})

    again = Store(recorded, "v3")
    await again.engine.migrate(judge=find_breaking)
    radio = await again.call("GetItem", name="shelves/top/items/radio")
    assert (radio.heading, radio.serial, radio.note, radio.part.fragile) == ("Changed", "s-1", "new", True)
    assert await again.find('serial = "s-1" AND part.fragile = true') == ["radio"]
    assert await again.find("heading = Vase") == ["vase"]
    found = await again.call("SearchItems", parent="shelves/top", query="lamp", page_size=5)
    assert [item.name for item in found.items] == [LAMP]
