"""A library of books for each test, kept by the record engine in a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.records.engine import Engine
from tests.integration.records.library import KEYRING, Library, library_contract
from tests.integration.records.shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.contract import Contract
    from services.chassis.postgres import Pool


@pytest.fixture
def contract() -> Contract:
    return library_contract()


@pytest.fixture
async def library(pool: Pool, contract: Contract) -> Library:
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    return Library(engine, contract)


@pytest.fixture
def shop(tmp_path: Path, pool: Pool) -> Shop:
    folder = tmp_path / "test" / "shop" / "v1"
    folder.mkdir(parents=True)
    return Shop(folder, pool)
