"""Diggings whose finds are read in every way that there is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.chassis.call import Caller, CallerKind
from services.chassis.contract import Contract, compile_protos, load_contract
from tests.integration.records.library import Library

if TYPE_CHECKING:
    from services.records.engine import Engine

CONTRACTS = Path(__file__).parent / "contracts"
PACKAGE = "test.digs.v1"
SITE = "regions/crete/sites/knossos"


@cache
def digs_contract() -> Contract:
    """Compile the contract of the diggings, once."""
    return load_contract(compile_protos([CONTRACTS]), services=("auth", "data"), custom=None)


def digger(*permissions: str) -> Caller:
    """Return a user with these permissions alone."""
    held = frozenset(permissions)
    return Caller(kind=CallerKind.USER, subject="users/1", organization="acme", permissions=held)


STRANGER = digger("digs.finds.list")
"""A user who may read finds, and none of their guarded fields."""


class Digs(Library):
    """The engine with two regions and three sites, and what a test asks of their finds."""

    def __init__(self, engine: Engine, contract: Contract) -> None:
        super().__init__(engine, contract, PACKAGE, f"/{PACKAGE}.DigsService/")

    async def prepare(self, caller: Caller | None = None) -> None:
        """Make the regions and the sites of one organization."""
        for region in ("crete", "rhodes"):
            await self.do("CreateRegion", caller, region_id=region, region={})
        for site in (SITE, "regions/crete/sites/malia", "regions/rhodes/sites/knossos"):
            parent, _, name = site.rpartition("/sites/")
            await self.do("CreateSite", caller, parent=parent, site_id=name, site={})

    async def add(self, *bodies: dict[str, Any], parent: str = SITE, first: int = 0) -> None:
        """Add a find of each body: `f000`, `f001` and so on."""
        requests = [{"find_id": f"f{n:03}", "find": body} for n, body in enumerate(bodies, first)]
        await self.do("BatchCreateFinds", parent=parent, requests=requests)

    async def delete(self, *ids: str) -> None:
        """Delete finds of the one site."""
        for one in ids:
            await self.do("DeleteFind", name=f"{SITE}/finds/{one}")

    async def list(self, caller: Caller | None = None, **fields: Any) -> Any:
        """Return a page of finds, of the one site unless it is said otherwise."""
        return await self.do("ListFinds", caller, **{"parent": SITE, **fields})

    async def search(self, query: str, caller: Caller | None = None, **fields: Any) -> Any:
        """Return a page of what a search finds."""
        return await self.do("SearchFinds", caller, **{"parent": SITE, "query": query, **fields})


def ids(page: Any) -> list[str]:
    """Return the ids of the finds of a page."""
    return [find.name.rpartition("/")[2] for find in page.finds]
