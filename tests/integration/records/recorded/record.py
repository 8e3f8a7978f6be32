"""Records the database of the store's first version: `python -m tests.integration.records.recorded.record URL`.

It was run with the code of the release before contracts could change while they are served; `pg_dump --inserts
--no-owner --no-privileges` of that database is `store.sql`. To record another release, run it there.
"""

from __future__ import annotations

import asyncio
import sys

from services.chassis.postgres import open_pool
from tests.integration.records.recorded.store import Store

REQUEST_ID = "6f2c3d1e-8a55-4a0f-9f0e-3d1b6c1f7a10"


async def record(url: str) -> None:
    """Write what a store writes: rows of two organizations, changes, a deletion, a request that may be repeated."""
    async with open_pool(url) as pool:
        store = Store(pool, "v1")
        await store.engine.migrate()
        for organization in ("acme", "other"):
            await store.call("CreateShelf", organization=organization, shelf_id="top", shelf={"theme": "All"})
        full = {
            "title": "Lamp",
            "code": "L-1",
            "size": -7,
            "rating": 0,
            "picture": b"\x00\xff",
            "memo": "remember",
            "part": {"label": "bulb", "weight": 3},
            "parts": [{"label": "foot"}, {"weight": 2**31 - 1}],
            "counts": {"red": 2},
            "tags": ["new", "bright"],
            "state": 2,
        }
        create = {"parent": "shelves/top"}
        await store.call("CreateItem", **create, item_id="lamp", item=full, request_id=REQUEST_ID)
        await store.call("CreateItem", **create, item_id="bare", item={})
        await store.call("CreateItem", **create, item_id="gone", item={"title": "Gone", "code": "G-1"})
        await store.call(
            "CreateItem", organization="other", **create, item_id="lamp", item={"title": "Theirs", "code": "L-1"}
        )
        await store.call("UpdateItem", item={"name": "shelves/top/items/lamp", "title": "Old lamp"})
        await store.call("DeleteItem", name="shelves/top/items/gone")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1]))
