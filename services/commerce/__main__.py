"""Wires commerce and serves it."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.chassis.frame import Frame, Wiring
from services.chassis.postgres import open_pool
from services.chassis.server import serve
from services.commerce.servicer import InventoryServicer, OrderServicer, PurchasingServicer
from services.records.engine import Engine
from services.records.methods import handlers_beside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def wire(frame: Frame) -> AsyncIterator[Wiring]:
    """Build commerce on a frame, with its tables in step with the contract."""
    async with open_pool(frame.settings.database_url) as pool:
        engine = Engine(frame.contract, host=frame.name, pool=pool, keyring=frame.keyring, schema=frame.name)
        await engine.migrate(judge=frame.judge)
        yield Wiring(
            handlers=handlers_beside(engine, frame.name, build_servicers(engine)),
            tasks=(engine.forget, engine.purge),
        )


def build_servicers(engine: Engine) -> dict[str, object]:
    """Return the servicers by the full name of their service; a service without one is served by records alone."""
    return {
        "tenon.commerce.v1.InventoryService": InventoryServicer(engine),
        "tenon.commerce.v1.OrderService": OrderServicer(engine),
        "tenon.commerce.v1.PurchasingService": PurchasingServicer(engine),
    }


if __name__ == "__main__":
    sys.exit(serve(name="commerce", wire=wire, environ=os.environ))
