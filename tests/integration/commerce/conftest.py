"""A shop with one product for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.commerce.shop import Shop

if TYPE_CHECKING:
    from services.chassis.postgres import Pool


@pytest.fixture
async def shop(pool: Pool) -> Shop:
    found = Shop(pool)
    await found.engine.migrate()
    await found.fill()
    return found
