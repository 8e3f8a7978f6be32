"""A worker of its own: it begins an import on a database and is at it until it is killed."""

from __future__ import annotations

import asyncio
import sys

from services.chassis.postgres import open_pool
from services.records.engine import Engine
from services.records.transfer.limits import Limits
from tests.integration.records.library import KEYRING
from tests.integration.records.transfer.harbour import CSV, PACKAGE, SERVICE, Harbour, cargo_contract


async def main(url: str, source: str) -> None:
    """Import the file and print the operation's name."""
    async with open_pool(url) as pool:
        contract = cargo_contract()
        engine = Engine(contract, host="data", pool=pool, keyring=KEYRING, limits=Limits(lease_seconds=1.0))
        harbour = Harbour(engine, contract, PACKAGE, SERVICE)
        sys.stdout.write(await harbour.begin("ImportCrates", source=source, format=CSV) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
