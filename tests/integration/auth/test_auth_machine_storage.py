"""Whether the adapters of machines in Postgres do what the domain asks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.storage import schema
from services.auth.storage.api_keys import SqlApiKeys
from services.auth.storage.database import Database
from tests.fakes.auth_machines_conformance import ApiKeysConformance, key_named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def auth(database: str) -> AsyncIterator[Database]:
    """Auth's own tables, empty."""
    opened = Database(database)
    await schema.migrate(opened)
    yield opened
    await opened.close()


class TestSqlApiKeys(ApiKeysConformance):
    """The adapter of `ApiKeyStore` in Postgres."""

    @pytest.fixture
    def kept(self, auth: Database) -> SqlApiKeys:
        return SqlApiKeys(auth)

    async def test_a_key_that_is_made_in_vain_leaves_nothing(self, kept: SqlApiKeys, auth: Database) -> None:
        async def fail() -> None:
            async with auth.open("default"):
                await kept.add(key_named("a"))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        assert await kept.find("a") is None
