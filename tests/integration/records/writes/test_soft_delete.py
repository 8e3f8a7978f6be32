"""Records that are deleted softly: hidden and kept, brought back, expunged, purged (AIP-164)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.chassis.errors import InvalidArgument
from services.records.failures import (
    EtagMismatch,
    RecordDeleted,
    RecordExists,
    RecordHasChildren,
    RecordLive,
    RecordNotDeleted,
    RecordNotFound,
    ReferenceNotFound,
    UndeleteBlocked,
)
from tests.integration.records.library import user

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot


async def test_delete_answers_with_the_record_its_times_and_a_new_etag(depot: Depot) -> None:
    """AIP statement 47."""
    made = await depot.maker()
    gone = await depot.do("DeleteMaker", name=made.name)
    assert gone.title == made.title
    assert gone.purge_time.seconds - gone.delete_time.seconds == 3600
    assert gone.delete_time == gone.update_time
    assert gone.etag != made.etag
    assert await depot.do("GetMaker", name=made.name) == gone
    assert await depot.events() == [("Maker.created", "makers/m"), ("Maker.deleted", "makers/m")]
    await depot.is_consistent()


async def test_undelete_brings_a_record_back_as_it_was(depot: Depot) -> None:
    made = await depot.maker(code="c")
    await depot.do("DeleteMaker", name=made.name)
    back = await depot.do("UndeleteMaker", name=made.name)
    assert (back.title, back.code) == (made.title, made.code)
    assert not back.HasField("delete_time")
    assert not back.HasField("purge_time")
    assert (await depot.do("UpdateMaker", maker={"name": made.name, "title": "n"})).title == "n"
    rows = await depot.rows("SELECT deleted_at, purge_at FROM test_depot_v1.makers")
    assert tuple(rows[0]) == (None, None)
    assert (await depot.events())[2] == ("Maker.undeleted", "makers/m")
    await depot.is_consistent()


async def test_what_is_live_cannot_be_undeleted_or_expunged(depot: Depot) -> None:
    """AIP statement 47: ALREADY_EXISTS."""
    await depot.maker()
    with pytest.raises(RecordNotDeleted) as refused:
        await depot.do("UndeleteMaker", name="makers/m")
    assert refused.value.code == 6
    with pytest.raises(RecordLive):
        await depot.do("ExpungeMaker", name="makers/m")
    for method in ("UndeleteMaker", "ExpungeMaker"):
        with pytest.raises(RecordNotFound):
            await depot.do(method, name="makers/none")


async def test_what_is_deleted_is_not_deleted_again_unless_missing_is_allowed(depot: Depot) -> None:
    await depot.maker()
    gone = await depot.do("DeleteMaker", name="makers/m")
    with pytest.raises(RecordNotFound):
        await depot.do("DeleteMaker", name="makers/m")
    assert await depot.do("DeleteMaker", name="makers/m", allow_missing=True) == gone
    assert await depot.send("DeleteMaker", name="makers/none", allow_missing=True) == b""
    assert len(await depot.events()) == 2


async def test_what_is_deleted_is_not_changed(depot: Depot) -> None:
    await depot.maker()
    await depot.do("DeleteMaker", name="makers/m")
    with pytest.raises(RecordDeleted):
        await depot.do("UpdateMaker", maker={"name": "makers/m", "title": "n"}, allow_missing=True)
    with pytest.raises(RecordDeleted):
        await depot.do("BatchUpdateMakers", requests=[{"maker": {"name": "makers/m", "title": "n"}}])
    with pytest.raises(ReferenceNotFound):
        await depot.order(maker="makers/m")
    with pytest.raises(RecordNotFound, match="Maker `makers/m`"):
        await depot.do("CreateTool", parent="makers/m", tool={})


async def test_a_deleted_record_keeps_its_name_and_releases_its_keys(depot: Depot) -> None:
    await depot.maker(code="c")
    await depot.do("DeleteMaker", name="makers/m")
    with pytest.raises(RecordExists):
        await depot.maker()
    await depot.maker("n", code="c")
    with pytest.raises(RecordExists, match="Change or delete that one first") as refused:
        await depot.do("UndeleteMaker", name="makers/m")
    assert refused.value.metadata["key"] == "code"
    await depot.do("DeleteMaker", name="makers/n")
    assert (await depot.do("UndeleteMaker", name="makers/m")).code == "c"


async def test_expunge_removes_for_good_with_what_was_deleted_below(depot: Depot) -> None:
    await depot.maker()
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={})
    await depot.do("DeleteTool", name="makers/m/tools/t")
    await depot.do("DeleteMaker", name="makers/m")
    assert await depot.send("ExpungeMaker", name="makers/m") == b""
    with pytest.raises(RecordNotFound):
        await depot.do("GetMaker", name="makers/m")
    assert (await depot.events())[-2:] == [("Tool.expunged", "makers/m/tools/t"), ("Maker.expunged", "makers/m")]
    assert (await depot.maker()).name == "makers/m"
    await depot.is_consistent()


async def test_what_lives_below_is_in_the_way_unless_force_takes_it_along(depot: Depot) -> None:
    """AIP statement 15."""
    await depot.maker()
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={})
    with pytest.raises(RecordHasChildren):
        await depot.do("DeleteMaker", name="makers/m")
    await depot.do("DeleteMaker", name="makers/m", force=True)
    with pytest.raises(UndeleteBlocked):
        await depot.do("UndeleteTool", name="makers/m/tools/t")
    await depot.do("UndeleteMaker", name="makers/m")
    assert (await depot.do("UndeleteTool", name="makers/m/tools/t")).name == "makers/m/tools/t"
    await depot.is_consistent()


async def test_a_record_cannot_come_back_to_what_is_gone(depot: Depot) -> None:
    await depot.maker()
    for tool, like in (("t", ""), ("u", "makers/m/tools/t")):
        await depot.do("CreateTool", parent="makers/m", tool_id=tool, tool={"like": like})
    await depot.do("DeleteTool", name="makers/m/tools/u")
    await depot.do("DeleteTool", name="makers/m/tools/t")
    with pytest.raises(UndeleteBlocked) as refused:
        await depot.do("UndeleteTool", name="makers/m/tools/u")
    assert refused.value.metadata["field"] == "like"
    await depot.do("UndeleteTool", name="makers/m/tools/t")
    await depot.do("UndeleteTool", name="makers/m/tools/u")


async def test_a_record_that_refers_to_itself_can_be_made_and_come_back(depot: Depot) -> None:
    await depot.maker()
    own = "makers/m/tools/t"
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={"like": own})
    await depot.do("DeleteTool", name=own)
    assert (await depot.do("UndeleteTool", name=own)).like == own


async def test_etags_guard_every_deletion(depot: Depot) -> None:
    """AIP statement 41."""
    made = await depot.maker()
    with pytest.raises(EtagMismatch):
        await depot.do("DeleteMaker", name=made.name, etag='"other"')
    gone = await depot.do("DeleteMaker", name=made.name, etag=made.etag)
    for method in ("UndeleteMaker", "ExpungeMaker"):
        with pytest.raises(EtagMismatch):
            await depot.do(method, name=made.name, etag=made.etag)
    back = await depot.do("UndeleteMaker", name=made.name, etag=gone.etag)
    assert back.etag not in (made.etag, gone.etag)


async def test_clients_do_not_set_the_times_of_deletion(depot: Depot) -> None:
    made = await depot.maker(delete_time={"seconds": 5}, purge_time={"seconds": 6})
    assert not made.HasField("delete_time")
    changed = await depot.do("UpdateMaker", maker={"name": made.name, "title": "n", "delete_time": {"seconds": 5}})
    assert not changed.HasField("delete_time")


async def test_what_others_own_is_not_there_to_be_deleted(depot: Depot) -> None:
    await depot.maker()
    for method in ("DeleteMaker", "UndeleteMaker", "ExpungeMaker"):
        with pytest.raises(RecordNotFound):
            await depot.do(method, user("rival"), name="makers/m")
    await depot.do("CreateMemo", memo_id="o", memo={})
    with pytest.raises(RecordNotFound):
        await depot.do("DeleteMemo", user(subject="users/2"), name="memos/o")
    await depot.do("DeleteMemo", name="memos/o")
    for method in ("UndeleteMemo", "ExpungeMemo"):
        with pytest.raises(RecordNotFound):
            await depot.do(method, user(subject="users/2"), name="memos/o")


async def test_of_a_deletion_and_its_repeat_at_once_one_deletes(depot: Depot) -> None:
    await depot.maker()
    found = await asyncio.gather(*(depot.do("DeleteMaker", name="makers/m") for _ in range(6)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Maker"] + ["RecordNotFound"] * 5
    await depot.is_consistent()


async def test_the_purge_removes_what_is_kept_no_longer_and_nothing_else(depot: Depot) -> None:
    for name in ("m", "n", "o"):
        await depot.maker(name)
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={})
    await depot.do("CreateMemo", memo_id="o", memo={})
    await depot.do("DeleteMaker", name="makers/m", force=True)
    await depot.do("DeleteMaker", name="makers/n")
    await depot.do("DeleteMemo", name="memos/o")
    assert await depot.engine.purging.purge() == 0
    await depot.rows("UPDATE test_depot_v1.makers SET purge_at = now() WHERE name = 'makers/m'")
    assert sum(await asyncio.gather(*(depot.engine.purging.purge() for _ in range(3)))) == 1
    assert await depot.names("makers") == ["makers/n", "makers/o"]
    # What was kept for ever below it had no place any more; what stands alone is kept for ever.
    assert await depot.names("tools") == []
    assert await depot.names("memos") == ["memos/o"]
    last = (await depot.rows("SELECT * FROM data.outbox ORDER BY id DESC LIMIT 1"))[0]
    assert (last["type"], last["actor"]) == ("depot.test/Maker.expunged", "workloads/data")
    await depot.is_consistent()


async def test_a_secret_is_in_no_event_of_a_deletion(depot: Depot) -> None:
    await depot.maker(secret="hush-hush")
    await depot.do("DeleteMaker", name="makers/m")
    await depot.do("UndeleteMaker", name="makers/m")
    await depot.do("DeleteMaker", name="makers/m")
    await depot.do("ExpungeMaker", name="makers/m")
    for event in await depot.rows("SELECT before, after FROM data.outbox"):
        assert b"hush-hush" not in (event["before"] or b"") + (event["after"] or b"")


async def test_names_of_deletions_are_judged(depot: Depot) -> None:
    for method in ("DeleteMaker", "UndeleteMaker", "ExpungeMaker"):
        with pytest.raises(InvalidArgument):
            await depot.do(method, name="shops/1")
