"""Every change leaves its event in the same transaction; a unit of work keeps all or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.records.failures import RecordExists
from services.records.transactions.outbox import unit_of_work

if TYPE_CHECKING:
    from tests.integration.records.library import Library


async def _events(library: Library) -> list[Any]:
    return await library.engine.pool.fetch("SELECT * FROM data.outbox ORDER BY id")


async def test_each_change_has_one_event_with_the_record_before_and_after(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book={"title": "a", "code": "hidden"})
    changed = await library.do("UpdateBook", book={"name": made.name, "title": "b"})
    await library.do("DeleteBook", name=made.name)
    shelf, created, updated, deleted = await _events(library)
    book = library.type("Book")
    assert shelf["type"] == "library.test/Shelf.created"
    assert [event["type"].partition(".")[2] for event in (created, updated, deleted)] == [
        "test/Book.created",
        "test/Book.updated",
        "test/Book.deleted",
    ]
    assert [event["revision"] for event in (created, updated, deleted)] == [1, 2, 3]
    assert {event["subject"] for event in (created, updated, deleted)} == {made.name}
    assert (created["organization"], created["actor"], created["request_id"]) == ("acme", "users/1", "request-1")
    assert created["trace"].startswith("00-0af7")
    assert created["before"] is None
    assert deleted["after"] is None
    assert updated["before"] == created["after"]
    assert deleted["before"] == updated["after"]
    shown = book.FromString(updated["after"])
    assert (shown.title, shown.etag, shown.code) == ("b", changed.etag, "")
    assert len({event["event_id"] for event in (shelf, created, updated, deleted)}) == 4


async def test_sensitive_fields_at_any_depth_stay_out_of_events_and_in_the_record(library: Library) -> None:
    await library.shelf()
    author = {"name": "A", "secret": "hidden"}
    body = {"title": "a", "code": "hidden", "author": author, "editors": [author], "characters": {1: author}}
    made = await library.do("CreateBook", parent="shelves/s1", book=body)
    assert made.characters[1].secret == made.code == "hidden"
    assert b"hidden" not in (await _events(library))[-1]["after"]


async def test_a_batch_has_one_event_per_record_in_its_order(library: Library) -> None:
    await library.shelf()
    made = await library.do("BatchCreateBooks", parent="shelves/s1", requests=[{"book": {"title": t}} for t in "zyx"])
    assert [event["subject"] for event in (await _events(library))[1:]] == [book.name for book in made.books]


async def test_what_fails_leaves_no_event(library: Library) -> None:
    await library.shelf()
    with pytest.raises(RecordExists):
        await library.shelf()
    assert len(await _events(library)) == 1


async def test_a_unit_of_work_is_kept_when_committed_and_else_not_at_all(library: Library) -> None:
    call = library.call("CreateShelf")
    create = library.engine.function(call.method.path)
    for commit in (False, True):
        async with unit_of_work(library.engine.pool, call, schema="data") as uow:
            request = library.type("CreateShelfRequest")(shelf_id="s", shelf={"title": "x"})
            await create(request, call, uow.transaction)
            await uow.emit("auth.tenon/Password.changed", "users/1", after=b"x")
            if commit:
                await uow.commit()
        assert len(await _events(library)) == (2 if commit else 0)
    assert [event["type"] for event in await _events(library)] == [
        "library.test/Shelf.created",
        "auth.tenon/Password.changed",
    ]
