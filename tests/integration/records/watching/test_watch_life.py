"""How a watch goes on, and how it ends: tokens, resets, heartbeats, failures, and the end of the process."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING

import pytest

from services.chassis.contract.access import DEFAULT_TIMEOUT
from services.chassis.errors import TenonError, Unauthenticated
from services.records.engine import Engine
from services.records.watching import ResumeTokenInvalid, ResumeTokens, TooManyWatches, WatchLimits, prune_outbox
from services.records.watching.place import Place, Position
from services.records.watching.snapshots import Snapshot
from services.records.watching.tokens import bound_to
from tests.integration.records.library import KEYRING, user
from tests.integration.records.watching.harbour import (
    CREATED,
    FAILED,
    HEARTBEAT,
    LIVE,
    PICTURE,
    RESET,
    SHOWN,
    UPDATED,
    Harbour,
    harbour_contract,
)

if TYPE_CHECKING:
    from services.chassis.postgres import Pool


async def limited(pool: Pool, **limits: float) -> Harbour:
    """Return a harbour with other limits."""
    contract = harbour_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING, watch_limits=WatchLimits(**limits))  # type: ignore[arg-type]
    await engine.migrate()
    return Harbour(engine, contract)


async def test_a_resumed_watch_tells_only_what_came_since(harbour: Harbour) -> None:
    await harbour.berth("a", "1")
    watch = harbour.watch()
    await watch.until(LIVE)
    await watch.close()
    await harbour.retitle("a", "2")
    await harbour.berth("b", "1")
    await watch.until_known(a="2", b="1")
    assert [kind for kind, _, _ in watch.told] == [SHOWN, UPDATED, CREATED]
    await watch.close()
    assert (await watch.next()).state == LIVE
    assert len(watch.told) == 3
    await watch.close()


async def test_a_token_resumes_with_another_process(harbour: Harbour, pool: Pool) -> None:
    watch = harbour.watch()
    await watch.until(LIVE)
    await watch.close()
    other = await limited(pool)
    await harbour.berth("a", "1")
    resumed = other.watch()
    resumed.token = watch.token
    await resumed.until_known(a="1")
    await resumed.close()


async def test_a_change_by_another_process_is_told_by_a_notification(pool: Pool) -> None:
    harbour, other = await limited(pool, poll=3600), await limited(pool)
    watch = harbour.watch()
    await watch.until(LIVE)
    while not await pool.fetch("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"):
        await asyncio.sleep(0)  # another connection's, which has no event to await
    for number in range(5):
        await other.berth(f"b{number}", "1")
        await watch.until_known(**{f"b{number}": "1"})
    await watch.close()


async def test_a_change_by_plain_sql_is_told_as_well(harbour: Harbour, pool: Pool) -> None:
    await harbour.berth("a", "1")
    watch = harbour.watch()
    await watch.until(LIVE)
    await pool.fetch(
        "INSERT INTO data.outbox (occurred_at, organization, actor, type, subject, revision, before, after) "
        "SELECT now(), organization, 'psql', 'harbour.test/Berth.updated', subject, 2, after, $1 FROM data.outbox",
        (harbour.type("Berth")(name="berths/a", title="2").SerializeToString(),),
    )
    await watch.until_known(a="2")
    await watch.close()


async def test_a_token_is_good_for_one_watch_alone(harbour: Harbour) -> None:
    watch = harbour.watch(filter="depth > 1")
    await watch.until(LIVE)
    await watch.close()
    others = [
        harbour.watch(filter="depth > 2"),
        harbour.watch(),
        harbour.watch("WatchTides", filter="depth > 1"),
        harbour.watch(caller=user("other"), filter="depth > 1"),
        harbour.watch(filter="depth > 1"),
        harbour.watch(filter="depth > 1"),
        harbour.watch(filter="depth > 1"),
    ]
    tokens = [*[watch.token] * 4, watch.token[:-4] + "AAAA", "no token", "A" * 60_000]
    for other, token in zip(others, tokens, strict=True):
        other.token = token
        with pytest.raises((ResumeTokenInvalid, TenonError)) as caught:
            await other.next()
        assert other.method == "WatchTides" or caught.value.reason == "RESUME_TOKEN_INVALID"
    colleague = harbour.watch(caller=user(subject="users/2"), filter="depth > 1")
    colleague.token = watch.token
    assert (await colleague.next()).state == LIVE
    await colleague.close()


async def test_a_note_s_token_is_its_owner_s(harbour: Harbour) -> None:
    watch = harbour.watch("WatchNotes")
    await watch.until(LIVE)
    await watch.close()
    other = harbour.watch("WatchNotes", user(subject="users/2"))
    other.token = watch.token
    with pytest.raises(ResumeTokenInvalid):
        await other.next()


async def test_a_token_that_is_older_than_the_events_begins_anew(harbour: Harbour, pool: Pool) -> None:
    await harbour.berth("a", "1")
    await harbour.berth("gone", "1")
    watch = harbour.watch()
    await watch.until(LIVE)
    await watch.close()
    await harbour.do("DeleteBerth", name="berths/gone")
    assert await prune_outbox(pool, schema="data", days=0) == 3
    await harbour.berth("b", "1")
    await watch.until(LIVE)
    assert watch.states[2:] == [RESET, PICTURE, LIVE]
    assert sorted(watch.known) == ["berths/a", "berths/b"]
    await harbour.retitle("b", "2")
    await watch.until_known(b="2")
    await watch.close()


async def test_a_token_outlives_the_deletion_of_what_it_has_seen(harbour: Harbour, pool: Pool) -> None:
    await harbour.berth("a", "1")
    watch = harbour.watch()
    await watch.until(LIVE)
    await watch.close()
    assert await prune_outbox(pool, schema="data", days=1) == 0
    assert await prune_outbox(pool, schema="data", days=0) == 1
    await harbour.berth("b", "1")
    await watch.until_known(b="1")
    assert RESET not in watch.states
    await watch.close()


async def test_a_token_of_a_database_that_was_set_back_begins_anew(harbour: Harbour) -> None:
    watch = harbour.watch()
    await watch.until(LIVE)
    await watch.close()
    bound = bound_to(f"{harbour.service}WatchBerths", "acme", "", "", "")
    tokens = ResumeTokens(KEYRING)
    known = tokens.open(watch.token, bound).position.seen
    ahead = Snapshot(known.xmax + 1_000_000, frozenset({known.xmax + 5}))
    for place in (Place(Position(ahead)), Place(Position(known, ahead)), Place(Position(ahead), shown="berths/a")):
        watch.token = tokens.seal(place, bound)
        assert (await watch.next()).state == RESET
        await watch.until(LIVE)
        await watch.close()


async def test_a_quiet_watch_says_that_it_is_alive_and_its_token_stays_young(pool: Pool) -> None:
    harbour = await limited(pool, heartbeat=0.05)
    watch = harbour.watch()
    await watch.until(LIVE)
    first = await watch.until(HEARTBEAT)
    await harbour.do("CreateNote", note_id="n", note={"title": "another record"})
    second = await watch.until(HEARTBEAT)
    assert not first.changes
    assert not second.changes
    await watch.close()
    await harbour.berth("a", "1")
    await watch.until_known(a="1")
    await watch.close()


async def test_a_watch_ends_with_its_access_token_and_says_so_in_band(harbour: Harbour) -> None:
    watch = harbour.watch()
    watch.open()
    assert watch.call is not None
    watch.call.valid_until = time.time() + 0.3
    await watch.until(LIVE)
    last = await watch.until(FAILED)
    with pytest.raises(Unauthenticated):
        await watch.next()
    assert last.error.code == 16
    assert [detail.type_url for detail in last.error.details] == ["type.googleapis.com/google.rpc.ErrorInfo"]
    await harbour.berth("a", "1")
    await watch.close()
    await watch.until_known(a="1")
    await watch.close()


async def test_what_fails_before_the_first_message_is_the_answer_alone(harbour: Harbour) -> None:
    watch = harbour.watch()
    watch.open()
    assert watch.call is not None
    watch.call.valid_until = time.time() - 1
    with pytest.raises(Unauthenticated):
        await watch.next()
    assert watch.messages == []


async def test_a_watch_ends_when_its_process_is_about_to(harbour: Harbour) -> None:
    ending = asyncio.Event()
    watches = [harbour.watch() for _ in range(3)]
    for watch in watches:
        watch.open()
        assert watch.call is not None
        watch.call.ending = ending
        await watch.until(LIVE)
    ending.set()
    for watch in watches:
        last = await watch.next()
        assert last.state == HEARTBEAT
        assert last.resume_token
        assert await watch.next() is None
    assert harbour.engine.watching.tailer.ring is not None


async def test_a_watch_with_a_deadline_ends_well_before_it(harbour: Harbour) -> None:
    watch = harbour.watch()
    watch.open()
    assert watch.call is not None
    watch.call.deadline = time.monotonic() + 1.0
    await watch.until(LIVE)
    assert (await watch.next()).state == HEARTBEAT
    assert await watch.next() is None
    assert watch.call.deadline > time.monotonic()


async def test_there_is_a_bound_for_all_and_one_for_each_organization(pool: Pool) -> None:
    harbour = await limited(pool, watches=3, watches_of_one=2)
    kept = [harbour.watch(caller=user(organization)) for organization in ("acme", "acme", "other")]
    for watch in kept[:2]:
        await watch.until(LIVE)
    with pytest.raises(TooManyWatches):
        await harbour.watch().next()
    await kept[2].until(LIVE)
    with pytest.raises(TooManyWatches):
        await harbour.watch(caller=user("third")).next()
    await kept[0].close()
    await kept[0].until(LIVE)
    for watch in kept:
        await watch.close()


async def test_nothing_is_read_while_nobody_watches(harbour: Harbour) -> None:
    watch = harbour.watch()
    await watch.until(LIVE)
    tasks = harbour.engine.watching.tailer.tasks
    assert len(tasks) == 2
    await watch.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    await watch.until(LIVE)
    await watch.close()


def test_a_watch_has_no_timeout_unless_its_rule_names_one() -> None:
    rules = {method.name: method.rule for method in harbour_contract().methods.values()}
    assert rules["WatchBerths"].timeout == math.inf
    assert rules["WatchTides"].timeout == 3600
    assert rules["GetBerth"].timeout == DEFAULT_TIMEOUT
