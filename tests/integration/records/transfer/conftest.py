"""An engine with crates for each test, in a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.records.engine import Engine
from tests.integration.records.library import KEYRING
from tests.integration.records.transfer.harbour import PACKAGE, SERVICE, Harbour, cargo_contract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.postgres import Pool


@pytest.fixture
async def harbour(pool: Pool) -> AsyncIterator[Harbour]:
    contract = cargo_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    yield Harbour(engine, contract, PACKAGE, SERVICE)
    await engine.transfers.runner.stop()
