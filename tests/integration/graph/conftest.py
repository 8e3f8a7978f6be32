"""A studio for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.graph.studio import Studio

if TYPE_CHECKING:
    from services.chassis.postgres import Pool


@pytest.fixture
async def studio(pool: Pool) -> Studio:
    """Make an empty studio."""
    made = Studio(pool)
    await made.engine.migrate()
    return made
