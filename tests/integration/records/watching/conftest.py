"""A harbour for each test, kept by the record engine in a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.records.engine import Engine
from tests.integration.records.library import KEYRING
from tests.integration.records.watching.harbour import Harbour, harbour_contract

if TYPE_CHECKING:
    from services.chassis.postgres import Pool


@pytest.fixture
async def harbour(pool: Pool) -> Harbour:
    contract = harbour_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    return Harbour(engine, contract)
