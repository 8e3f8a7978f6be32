"""A watch tells what is there and what happens, each thing once, to whoever may see it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import PermissionDenied
from services.records.filter import FilterInvalid
from services.records.reading.guards import FieldNotReadable
from tests.integration.records.library import SYSTEM, user
from tests.integration.records.watching.harbour import (
    CREATED,
    DELETED,
    LIVE,
    PICTURE,
    REMOVED,
    SHOWN,
    UPDATED,
    holder,
)

if TYPE_CHECKING:
    from tests.integration.records.watching.harbour import Harbour, Watching


def said(watch: Watching) -> list[tuple[int, str]]:
    """Return what a watcher was told: what, and the last part of the name."""
    return [(kind, name.rpartition("/")[2]) for kind, name, _ in watch.told]


async def test_a_watch_shows_what_is_there_and_then_what_happens(harbour: Harbour) -> None:
    await harbour.berth("a", "one")
    watch = harbour.watch()
    await watch.until(LIVE)
    await harbour.berth("b", "two")
    await harbour.retitle("a", "three")
    await harbour.do("DeleteBerth", name="berths/b")
    await watch.until_known(a="three", b=None)
    await watch.close()
    assert said(watch) == [(SHOWN, "a"), (CREATED, "b"), (UPDATED, "a"), (DELETED, "b")]
    assert watch.states[:2] == [PICTURE, LIVE]
    assert watch.told[-1][2].title == "two"
    changes = [change for message in watch.messages for change in message.changes]
    assert [change.actor for change in changes] == ["", "users/1", "users/1", "users/1"]
    assert [change.HasField("change_time") for change in changes] == [False, True, True, True]


async def test_a_filter_lets_records_in_and_out(harbour: Harbour) -> None:
    await harbour.berth("deep", "x", depth=20, tags=["quay"])
    await harbour.berth("flat", "x", depth=2)
    watch = harbour.watch(filter='depth > 10 AND NOT labels.state = "closed"')
    await watch.until(LIVE)
    await harbour.retitle("flat", "in", depth=11)
    await watch.until_known(flat="in")
    await harbour.retitle("deep", "out", depth=9)
    await harbour.retitle("deep", "still out", depth=8)
    await harbour.berth("never", "x", depth=1)
    await harbour.do("DeleteBerth", name="berths/never")
    await harbour.retitle("flat", "out by a label", labels={"state": "closed"})
    await harbour.berth("last", "last", depth=99)
    await harbour.do("DeleteBerth", name="berths/last")
    await watch.until_known(flat=None)
    while said(watch)[-1] != (DELETED, "last"):
        await watch.next()
    await watch.close()
    assert said(watch) == [
        (SHOWN, "deep"),
        (CREATED, "flat"),
        (REMOVED, "deep"),
        (REMOVED, "flat"),
        (CREATED, "last"),
        (DELETED, "last"),
    ]
    assert watch.told[2][2].title == "out"


async def test_what_may_not_be_seen_is_in_neither_the_picture_nor_the_changes(harbour: Harbour) -> None:
    hidden: dict[str, Any] = {"keeper": "sensitive", "rent": "guarded", "code": "input only"}
    await harbour.berth("a", "one", **hidden)
    clerk, owner = holder("harbour.berths.*"), holder("harbour.berths.*", "harbour.rents.get")
    watches = [harbour.watch(caller=clerk), harbour.watch(caller=owner)]
    for watch in watches:
        await watch.until(LIVE)
    await harbour.retitle("a", "two", rent="guarded still")
    await harbour.do("DeleteBerth", name="berths/a")
    for watch in watches:
        await watch.until_known(a=None)
        await watch.close()
    seen = [[(r.keeper, r.rent, r.code) for _, _, r in watch.told] for watch in watches]
    assert seen[0] == [("", "", "")] * 3
    assert seen[1] == [("", "guarded", ""), ("", "guarded still", ""), ("", "guarded still", "")]


async def test_a_filter_names_nothing_that_is_hidden(harbour: Harbour) -> None:
    for text, error in (("rent = x", FieldNotReadable), ("keeper = x", FilterInvalid), ("code = x", FilterInvalid)):
        with pytest.raises(error):
            await harbour.watch(caller=holder("harbour.berths.*"), filter=text).next()


async def test_organizations_and_owners_see_their_own(harbour: Harbour) -> None:
    watches = {
        "mine": harbour.watch("WatchNotes", user()),
        "colleague's": harbour.watch("WatchNotes", user(subject="users/2")),
        "stranger's": harbour.watch("WatchNotes", user("other")),
    }
    for watch in watches.values():
        await watch.until(LIVE)
    await harbour.do("CreateNote", user(), note_id="a", note={"title": "a"})
    await harbour.do("CreateNote", user(subject="users/2"), note_id="b", note={"title": "b"})
    await harbour.do("CreateNote", user("other"), note_id="c", note={"title": "c"})
    for watch, name in zip(watches.values(), "abc", strict=True):
        await watch.until_known(**{name: name})
        await watch.close()
        assert said(watch) == [(CREATED, name)]


async def test_a_global_record_is_watched_by_all_who_may(harbour: Harbour) -> None:
    await harbour.do("CreateTide", SYSTEM, tide_id="low", tide={"title": "low"})
    watches = [harbour.watch("WatchTides", user(organization)) for organization in ("acme", "other")]
    for watch in watches:
        await watch.until(LIVE)
    await harbour.do("CreateTide", SYSTEM, tide_id="high", tide={"title": "high"})
    for watch in watches:
        await watch.until_known(low="low", high="high")
        await watch.close()


async def test_a_parent_may_be_one_or_any(harbour: Harbour) -> None:
    for berth in "ab":
        await harbour.berth(berth)
        await harbour.do("CreateShip", parent=f"berths/{berth}", ship_id=f"{berth}1", ship={"title": "1"})
    one, every = harbour.watch("WatchShips", parent="berths/a"), harbour.watch("WatchShips", parent="berths/-")
    for watch in (one, every):
        await watch.until(LIVE)
    for berth in "ba":
        await harbour.do("CreateShip", parent=f"berths/{berth}", ship_id=f"{berth}2", ship={"title": "2"})
    for watch in (one, every):
        await watch.until_known(a2="2")
        await watch.close()
    assert said(one) == [(SHOWN, "a1"), (CREATED, "a2")]
    assert said(every) == [(SHOWN, "a1"), (SHOWN, "b1"), (CREATED, "b2"), (CREATED, "a2")]


async def test_a_record_that_is_deleted_and_kept_is_gone_until_it_is_undeleted(harbour: Harbour) -> None:
    await harbour.berth("a")
    for ship in ("x", "y"):
        await harbour.do("CreateShip", parent="berths/a", ship_id=ship, ship={"title": ship})
    await harbour.do("DeleteShip", name="berths/a/ships/y")
    watch = harbour.watch("WatchShips", parent="berths/a")
    await watch.until(LIVE)
    await harbour.do("DeleteShip", name="berths/a/ships/x")
    await harbour.do("UndeleteShip", name="berths/a/ships/x")
    await harbour.do("ExpungeShip", name="berths/a/ships/y")
    await harbour.do("CreateShip", parent="berths/a", ship_id="z", ship={"title": "z"})
    await watch.until_known(z="z")
    await watch.close()
    assert said(watch) == [(SHOWN, "x"), (DELETED, "x"), (CREATED, "x"), (CREATED, "z")]


async def test_an_event_that_is_no_change_of_a_record_is_not_told(harbour: Harbour) -> None:
    watch = harbour.watch()
    await watch.until(LIVE)
    async with harbour.engine.open(harbour.call("CreateBerth")) as session:
        berth: Any = await session.create(harbour.type("Berth")(title="a"), id="a")
        await session.emit("harbour.test/Berth.flooded", berth.name, said=harbour.type("Note")(title="water"))
        await session.commit()
    await harbour.berth("b", "b")
    await watch.until_known(b="b")
    await watch.close()
    assert said(watch) == [(CREATED, "a"), (CREATED, "b")]


async def test_who_acts_in_no_organization_watches_nothing_that_belongs_to_one(harbour: Harbour) -> None:
    with pytest.raises(PermissionDenied):
        await harbour.watch(caller=user("")).next()


async def test_large_records_are_told_in_messages_that_clients_take(harbour: Harbour) -> None:
    plan = b"p" * 1_900_000
    for number in range(3):
        await harbour.berth(f"b{number}", "1", plan=plan)
    watch = harbour.watch()
    await watch.until(LIVE)
    await asyncio.gather(*(harbour.retitle(f"b{number}", "2") for number in range(3)))
    await watch.until_known(b0="2", b1="2", b2="2")
    await watch.close()
    assert max(message.ByteSize() for message in watch.messages) < 4 * 1024 * 1024
    assert len(watch.told) == 6
