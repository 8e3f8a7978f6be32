"""Relations in Postgres pass the suite that their fake passes, and read no more than they need."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.access.decisions import Decisions, Question
from services.auth.domain.access.listing import Listing
from services.auth.domain.access.names import Object
from services.auth.storage import schema
from services.auth.storage.conditions import CelConditions
from services.auth.storage.database import Database
from services.auth.storage.directory import SqlDirectory
from services.auth.storage.relations import SqlRelations
from services.chassis.errors import Unavailable
from services.chassis.postgres import DatabaseUnavailable
from tests.fakes.auth_access_conformance import ANN, MODEL, RelationStoreConformance, reached, relation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.auth.domain.access.relations import RelationStore


@pytest.fixture
async def auth(database: str) -> AsyncIterator[Database]:
    opened = Database(database)
    await schema.migrate(opened)
    yield opened
    await opened.close()


class TestSqlRelations(RelationStoreConformance):
    """`SqlRelations` in Postgres."""

    @pytest.fixture
    async def store(self, auth: Database) -> SqlRelations:
        self.database = auth
        return SqlRelations(auth)

    @asynccontextmanager
    async def writing(self, store: RelationStore) -> AsyncIterator[None]:
        async with self.database.open("default"):
            yield


async def test_an_object_with_many_direct_subjects_costs_no_more_than_one_with_few(auth: Database) -> None:
    store = SqlRelations(auth)
    await store.advance("default", MODEL)
    for resource, count in (("'a'", 20_000), ("'d' || n % 2000", 4_000)):
        await auth.fetch(
            f"INSERT INTO auth.relations SELECT 'default', 'documents', {resource}, 'viewer', 'users', 'u' || n, ''"
            f" FROM generate_series(1, {count}) n"
        )
    await store.write("default", [relation(f"documents/d{n}#parent@documents/d{n // 2}") for n in range(1, 1000)])
    await store.write("default", [relation("documents/a#viewer@users/ann")])
    await auth.fetch("ANALYZE auth.relations")
    assert await reached(store.now("default"), "a", limit=2) == {"documents/a#viewer@users/ann"}
    # More often than Postgres plans for each call anew.
    for _ in range(8):
        before = await _rows_read(auth)
        await reached(store.now("default"), "a", limit=2)
        assert await _rows_read(auth) - before < 50


async def _rows_read(auth: Database) -> int:
    await auth.fetch("SELECT pg_stat_force_next_flush()")
    rows = await auth.fetch(
        "SELECT sum(s.idx_tup_read + t.seq_tup_read) AS read FROM pg_stat_user_indexes s"
        " JOIN pg_stat_user_tables t USING (relid) WHERE t.relname = 'relations'"
    )
    return int(rows[0]["read"])


async def test_no_answer_is_given_while_postgres_does_not_answer() -> None:
    """Auth statement 49: where the backend fails, nobody is allowed anything: UNAVAILABLE."""
    gone = Database("postgresql://nobody@/nothing?host=/nonexistent")
    decisions = Decisions(store=SqlRelations(gone), conditions=CelConditions(), directory=SqlDirectory(gone))
    asked = Question(subject=ANN, permission="view", resource=Object("documents", "a"))
    for question in (asked, Question(subject=ANN, permission="shop.orders.get")):
        with pytest.raises(DatabaseUnavailable):
            await decisions.check("default", question)
        with pytest.raises(Unavailable):
            await decisions.check_all("default", [question])
    with pytest.raises(Unavailable):
        await Listing(decisions=decisions).list_resources(
            "default", subject=ANN, permission="view", type_="documents", context={}, after="", count=5
        )
