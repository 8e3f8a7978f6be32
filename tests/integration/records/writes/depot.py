"""Calls the record engine that keeps a depot, and looks into its tables and events."""

from __future__ import annotations

from typing import Any

from services.chassis.call import Caller, CallerKind
from tests.integration.records.library import SYSTEM, Library

PACKAGE = "test.depot.v1"
SERVICE = f"/{PACKAGE}.DepotService/"


def holder(*permissions: str, organization: str = "acme", subject: str = "users/1") -> Caller:
    """Return a user who has these permissions alone."""
    return Caller(kind=CallerKind.USER, subject=subject, organization=organization, permissions=frozenset(permissions))


class Depot(Library):
    """Calls methods by their simple names."""

    async def maker(self, name: str = "m", **fields: Any) -> Any:
        return await self.do("CreateMaker", maker_id=name, maker={"title": name, **fields})

    async def order(self, name: str = "o", **fields: Any) -> Any:
        return await self.do("CreateOrder", order_id=name, order={"title": name, **fields})

    async def region(self, name: str = "r") -> Any:
        return await self.do("CreateRegion", SYSTEM, region_id=name, region={"title": name})

    async def rows(self, sql: str) -> list[Any]:
        return await self.engine.pool.fetch(sql)

    async def names(self, table: str) -> list[str]:
        return [row["name"] for row in await self.rows(f"SELECT name FROM test_depot_v1.{table} ORDER BY name")]

    async def events(self) -> list[tuple[str, str]]:
        """Return kind and subject of all events, in order."""
        found = await self.rows("SELECT type, subject FROM data.outbox ORDER BY id")
        return [(row["type"].removeprefix("depot.test/"), row["subject"]) for row in found]

    async def is_consistent(self) -> None:
        """Hold that each record's last event says what its row says, and that its revisions follow each other."""
        last: dict[tuple[str, str], Any] = {}
        for event in await self.rows("SELECT * FROM data.outbox ORDER BY id"):
            key = (event["organization"], event["subject"])
            before = last.get(key)
            expected = 1 if before is None or before["after"] is None else before["revision"] + 1
            assert event["revision"] == expected, event
            assert (before is None or before["after"] is None) == (event["before"] is None), event
            last[key] = event
        there: dict[tuple[str, str], Any] = {}
        for table in ("regions", "makers", "tools", "orders", "drawers", "reviews", "memos"):
            for row in await self.rows(f"SELECT organization, name, revision FROM test_depot_v1.{table}"):
                there[row["organization"], row["name"]] = row["revision"]
        assert there == {key: event["revision"] for key, event in last.items() if event["after"] is not None}
