"""Whether auth's adapters in Postgres do what the domain asks of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.auth.domain.families import Proof, Successor
from services.auth.domain.signing_keys import Rotation, current_key
from services.auth.storage import schema
from services.auth.storage.credentials import SqlCredentials
from services.auth.storage.database import Database
from services.auth.storage.families import SqlFamilies
from services.auth.storage.sessions import SqlSessions
from services.auth.storage.signing_keys import SqlSigningKeys
from services.chassis.keyring import Keyring, RootKey
from tests.fakes.auth import START
from tests.fakes.auth_conformance import FamiliesConformance, SigningKeysConformance, family_named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def keys_sealed_by(auth: Database, secret: bytes) -> SqlSigningKeys:
    sealer = Keyring([RootKey(id=secret.hex()[:4], secret=secret)]).sealer("auth signing key")
    return SqlSigningKeys(auth, sealer)


@pytest.fixture
async def auth(database: str) -> AsyncIterator[Database]:
    """Auth's own tables, empty."""
    opened = Database(database)
    await schema.migrate(opened)
    yield opened
    await opened.close()


class TestSqlFamilies(FamiliesConformance):
    """The adapters of `RefreshFamilies` and `SessionStore` in Postgres."""

    @pytest.fixture
    def kept(self, auth: Database) -> SqlFamilies:
        return SqlFamilies(auth)

    @pytest.fixture
    def sessions(self, auth: Database) -> SqlSessions:
        return SqlSessions(auth)

    async def test_a_family_that_ends_while_it_is_renewed_leaves_no_token_that_is_good(self, kept: SqlFamilies) -> None:
        for n in range(20):
            await kept.open(family_named(f"s{n}"), f"a{n}".encode(), START.replace(hour=13))
            made = Successor(digest=f"b{n}".encode(), sealed=b"sealed", expires=START.replace(hour=14))
            renewing = kept.rotate(f"a{n}".encode(), Proof(), made, now=START)
            await asyncio.gather(renewing, kept.end(f"s{n}", now=START))
            found = await kept.find(f"b{n}".encode())
            assert found is None or found.revoked


class TestSqlSigningKeys(SigningKeysConformance):
    """The adapter of `SigningKeys` in Postgres."""

    @pytest.fixture
    def keys(self, auth: Database) -> SqlSigningKeys:
        return keys_sealed_by(auth, b"k" * 32)

    async def test_no_private_key_is_in_the_database_as_it_is(self, keys: SqlSigningKeys, auth: Database) -> None:
        await keys.rotate(Rotation(), now=START)
        key = current_key(await keys.list(), START)
        assert key.private is not None
        rows = await auth.fetch("SELECT * FROM auth.signing_keys")
        assert key.private["d"] not in str([tuple(row) for row in rows])

    async def test_with_another_root_key_a_new_key_signs_and_the_old_one_stays_published(
        self, keys: SqlSigningKeys, auth: Database
    ) -> None:
        await keys.rotate(Rotation(), now=START)
        lost = current_key(await keys.list(), START).id
        other = keys_sealed_by(auth, b"o" * 32)
        await other.rotate(Rotation(), now=START.replace(hour=13))
        found = await other.list()
        assert {key.id for key in found} > {lost}
        assert current_key(found, START.replace(hour=13)).id != lost


async def test_tables_are_made_once_by_many_workers_and_kept(database: str) -> None:
    workers = [Database(database) for _ in range(4)]
    await asyncio.gather(*(schema.migrate(worker) for worker in workers))
    await SqlCredentials(workers[0]).set("default", "users/1", "hash")
    await schema.migrate(workers[1])
    rows = await workers[2].fetch("SELECT password_hash FROM auth.credentials")
    assert [row["password_hash"] for row in rows] == ["hash"]
    await asyncio.gather(*(worker.close() for worker in workers))


async def test_a_password_is_replaced_and_removed(auth: Database) -> None:
    credentials = SqlCredentials(auth)
    for password_hash in ("one", "two"):
        await credentials.set("default", "users/1", password_hash)
    await credentials.set("other", "users/1", "three")
    await credentials.remove("default", "users/1")
    rows = await auth.fetch("SELECT organization, password_hash FROM auth.credentials")
    assert [tuple(row) for row in rows] == [("other", "three")]


async def test_what_fails_in_a_transaction_undoes_all_of_it(auth: Database) -> None:
    credentials = SqlCredentials(auth)

    async def fail() -> None:
        async with auth.open("default"):
            await credentials.set("default", "users/1", "hash")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await auth.fetch("SELECT 1 FROM auth.credentials") == []


async def test_a_statement_that_fails_does_not_end_the_transaction_that_it_is_in(auth: Database) -> None:
    async with auth.open("default"):
        await SqlCredentials(auth).set("default", "users/1", "hash")
        with pytest.raises(asyncpg.UniqueViolationError):
            await auth.fetch("INSERT INTO auth.credentials VALUES ('default', 'users/1', 'hash')")
    assert len(await auth.fetch("SELECT 1 FROM auth.credentials")) == 1


async def test_one_at_a_time_changes_an_organization_and_others_go_on(auth: Database) -> None:
    order: list[str] = []
    inside, leave = asyncio.Event(), asyncio.Event()

    async def hold(name: str) -> None:
        async with auth.open("default"):
            order.append(f"{name} in")
            inside.set()
            await leave.wait()
            order.append(f"{name} out")

    holding = asyncio.create_task(hold("first"))
    await inside.wait()
    waiting = asyncio.create_task(hold("second"))
    async with auth.open("other"):
        order.append("other")
    leave.set()
    await asyncio.gather(holding, waiting)
    assert order == ["first in", "other", "first out", "second in", "second out"]
