"""Whether the audit trail keeps all that is written down, and shows whoever has changed it (auth statement 49)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.auth.domain.audit import AuditEntry
from services.auth.domain.audit_trail import Query, TrailEvent, verify
from services.auth.storage import schema
from services.auth.storage.audit import SqlAudit
from services.auth.storage.database import Database
from services.chassis.keyring import Keyring, RootKey
from services.records.schema.names import uuid7
from tests.fakes.auth import START

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SEALER = Keyring([RootKey(id="k", secret=b"k" * 32)]).sealer("auth audit")


@pytest.fixture
async def auth(database: str) -> AsyncIterator[Database]:
    """Auth's own tables, empty."""
    opened = Database(database)
    await schema.migrate(opened)
    yield opened
    await opened.close()


@pytest.fixture
def trail(auth: Database) -> SqlAudit:
    return SqlAudit(auth, SEALER)


def event(number: int, *, organization: str = "default", **fields: str) -> TrailEvent:
    return TrailEvent(
        id=str(uuid7()),
        time=START + timedelta(seconds=number),
        organization=organization,
        **{"kind": "sign_in.failed", "outcome": "failure", "actor": f"users/{number % 3}", **fields},
        detail={"number": str(number)},
    )


async def unlocked(auth: Database, statement: str) -> None:
    """Run a statement as somebody who owns the database and takes the guard away."""
    async with auth.transaction() as transaction:
        for table in ("audit_events", "audit_links"):
            await transaction.connection.execute(f"ALTER TABLE auth.{table} DISABLE TRIGGER append_only")
        await transaction.connection.execute(statement)


async def test_what_is_written_is_read_the_latest_first_and_by_what_is_asked(trail: SqlAudit) -> None:
    events = [event(n) for n in range(10)]
    other = event(3, kind="sign_in", outcome="success", subject="users/7")
    await trail.add([*events, other, event(1, organization="other")])
    found = await trail.page(Query(organization="default"), before=None, size=100)
    assert [each.detail["number"] for each in found] == [str(n) for n in (9, 8, 7, 6, 5, 4, 3, 3, 2, 1, 0)]
    first = await trail.page(Query(organization="default"), before=None, size=4)
    rest = await trail.page(Query(organization="default"), before=(first[-1].time, first[-1].id), size=100)
    assert [*first, *rest] == found
    by_kind = await trail.page(Query(organization="default", kind="sign_in"), before=None, size=100)
    assert len(by_kind) == 11
    exact = Query(
        organization="default", outcome="success", subject="users/7", start=START, end=START + timedelta(hours=1)
    )
    assert list(await trail.page(exact, before=None, size=100)) == [other]
    assert await trail.page(Query(organization="default", actor="users/9"), before=None, size=1) == []


async def test_an_event_that_comes_twice_is_written_once(trail: SqlAudit) -> None:
    events = [event(n) for n in range(3)]
    await trail.add(events)
    await trail.add([*events, event(3)])
    assert await trail.chain() == 4
    assert await trail.chain() == 0


async def test_an_event_is_as_lasting_as_the_change_that_it_tells_of(trail: SqlAudit, auth: Database) -> None:
    entry = AuditEntry(kind="factor.added", organization="default", actor="users/1", detail={"factor": "totp"})

    async def fail() -> None:
        async with auth.open("default"):
            await trail.record(entry)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await trail.page(Query(organization="default"), before=None, size=9) == []
    async with auth.open("default"):
        await trail.record(entry)
    (found,) = await trail.page(Query(organization="default"), before=None, size=9)
    assert (found.kind, found.actor, found.detail) == ("factor.added", "users/1", {"factor": "totp"})


async def test_many_workers_make_one_chain_for_each_organization(trail: SqlAudit, auth: Database) -> None:
    for n in range(0, 60, 20):
        await trail.add([event(k, organization=f"org{k % 3}") for k in range(n, n + 20)])
        await asyncio.gather(*(SqlAudit(auth, SEALER).chain() for _ in range(4)))
    while await trail.chain():
        pass
    for name in ("org0", "org1", "org2"):
        verdict = await verify(trail, name)
        assert (verdict.events, verdict.broken_at) == (20, "")
        assert [link.sequence async for link in trail.follow(name)] == list(range(1, 21))
    assert (await verify(trail, "nobody")).events == 0


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE auth.audit_events SET actor = 'users/innocent' WHERE id = '{id}'",
        "UPDATE auth.audit_events SET detail = '{{}}' WHERE id = '{id}'",
        "UPDATE auth.audit_events SET organization = 'other' WHERE id = '{id}'",
        "DELETE FROM auth.audit_events WHERE id = '{id}'",
        "UPDATE auth.audit_links SET digest = sha256('x') WHERE event_id = '{id}'",
        "DELETE FROM auth.audit_links WHERE event_id = '{id}'",
    ],
    ids=["who", "detail", "moved", "removed", "digest", "link"],
)
async def test_whoever_changes_an_event_is_found_out(trail: SqlAudit, auth: Database, tampering: str) -> None:
    events = [event(n) for n in range(9)]
    await trail.add(events)
    await trail.chain()
    await unlocked(auth, tampering.format(id=events[4].id))
    verdict = await verify(trail, "default")
    assert verdict.events == 4
    assert verdict.broken_at in {events[4].id, events[5].id}


async def test_a_chain_that_somebody_computes_anew_lacks_the_seal(trail: SqlAudit, auth: Database) -> None:
    events = [event(n) for n in range(5)]
    await trail.add(events)
    await trail.chain()
    await unlocked(auth, "DELETE FROM auth.audit_links")
    forger = SqlAudit(auth, Keyring([RootKey(id="k", secret=b"x" * 32)]).sealer("auth audit"))
    await auth.fetch("INSERT INTO auth.audit_pending SELECT id FROM auth.audit_events")
    await forger.chain()
    assert (await verify(forger, "default")).broken_at == ""
    assert (await verify(trail, "default")).broken_at == events[-1].id


async def test_a_chain_whose_seals_somebody_has_left_out_is_found_out(trail: SqlAudit, auth: Database) -> None:
    events = [event(n) for n in range(5)]
    await trail.add(events)
    await trail.chain()
    await unlocked(auth, "UPDATE auth.audit_events SET actor = 'users/innocent'")
    await unlocked(auth, "DELETE FROM auth.audit_links")
    await auth.fetch("INSERT INTO auth.audit_pending SELECT id FROM auth.audit_events")
    await SqlAudit(auth, SEALER).chain()
    await unlocked(auth, "UPDATE auth.audit_links SET sealed = NULL")
    assert (await verify(trail, "default")).broken_at == events[-1].id


@pytest.mark.parametrize(
    "tampering",
    [
        "INSERT INTO auth.audit_events SELECT * FROM jsonb_populate_record(NULL::auth.audit_events, '{forged}')",
        "DELETE FROM auth.audit_links WHERE sequence > 2",
    ],
    ids=["written past the trail", "taken out of the chain"],
)
async def test_an_event_without_a_place_is_found_out(trail: SqlAudit, auth: Database, tampering: str) -> None:
    for n in range(4):
        await trail.add([event(n)])
        await trail.chain()
    await trail.add([event(9)])
    assert (await verify(trail, "default")).broken_at == "", "one that waits for its place is none"
    (row,) = await auth.fetch('SELECT to_jsonb(e) || \'{"id": "forged"}\' AS forged FROM auth.audit_events e LIMIT 1')
    await unlocked(auth, tampering.format(forged=row["forged"]))
    assert (await verify(trail, "default")).broken_at != ""


@pytest.mark.parametrize("statement", ["UPDATE auth.audit_events SET actor = ''", "DELETE FROM auth.audit_links"])
async def test_nobody_changes_the_trail_by_accident(trail: SqlAudit, auth: Database, statement: str) -> None:
    await trail.add([event(1)])
    await trail.chain()
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await auth.fetch(statement)


async def test_what_is_no_proper_text_is_kept_all_the_same(trail: SqlAudit) -> None:
    odd = replace(event(1), agent="a\0b\ud800", detail={"x": "\0"})
    await trail.add([odd])
    assert await trail.chain() == 1
    verdict = await verify(trail, "default")
    assert (verdict.events, verdict.broken_at) == (1, "")
    (found,) = await trail.page(Query(organization="default"), before=None, size=1)
    assert found.agent == "ab?"
    assert json.dumps(dict(found.detail))
