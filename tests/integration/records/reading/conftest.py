"""Diggings for each test, kept by the record engine in a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.records.engine import Engine
from tests.integration.records.library import KEYRING
from tests.integration.records.reading.digs import Digs, digs_contract

if TYPE_CHECKING:
    from services.chassis.postgres import Pool


@pytest.fixture
async def digs(pool: Pool) -> Digs:
    engine = Engine(digs_contract(), host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    found = Digs(engine, digs_contract())
    await found.prepare()
    return found
