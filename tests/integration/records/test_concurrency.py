"""Calls that meet: of those that exclude each other one wins, and what is there afterwards is what was acknowledged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import Aborted, NotFound, TenonError
from services.chassis.postgres import DatabaseUnavailable, open_pool
from services.records.failures import (
    EtagMismatch,
    RecordExists,
    RecordHasChildren,
    RecordNotFound,
    ReferenceNotFound,
    RequestIdReused,
)
from services.records.transactions.outbox import unit_of_work
from tests.integration.records.library import SYSTEM

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.integration.records.library import Library

ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"


async def _together(*calls: Awaitable[Any]) -> tuple[list[Any], list[BaseException]]:
    """Return what came back, and what was raised."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    failed = [each for each in found if isinstance(each, BaseException)]
    return [each for each in found if not isinstance(each, BaseException)], failed


async def _rows(library: Library, sql: str) -> list[Any]:
    return await library.engine.pool.fetch(sql)


async def _check_outbox(library: Library) -> None:
    """Check that the events say of each record what its row says, and nothing of records that are not there."""
    last: dict[tuple[str, str], Any] = {}
    for event in await _rows(library, "SELECT * FROM data.outbox ORDER BY id"):
        key = (event["organization"], event["subject"])
        before = last.get(key)
        # A record that was deleted and made again begins anew.
        expected = 1 if before is None or before["after"] is None else before["revision"] + 1
        assert event["revision"] == expected, event
        last[key] = event
    there: dict[tuple[str, str], Any] = {}
    for table in ("shelves", "books", "notes", "genres"):
        for row in await _rows(library, f"SELECT organization, name, revision FROM test_library_v1.{table}"):
            there[row["organization"], row["name"]] = row["revision"]
    assert there == {key: event["revision"] for key, event in last.items() if event["after"] is not None}


async def test_of_two_creates_with_one_id_one_wins(library: Library) -> None:
    await library.shelf()
    calls = [library.do("CreateBook", parent="shelves/s1", book_id="b", book={"title": f"{n}"}) for n in range(8)]
    made, failed = await _together(*calls)
    assert len(made) == 1
    assert {type(error) for error in failed} == {RecordExists}
    assert (await library.do("GetBook", name=made[0].name)).title == made[0].title
    await _check_outbox(library)


async def test_of_two_updates_with_one_etag_one_wins(library: Library) -> None:
    await library.shelf()
    book = await library.do("CreateBook", parent="shelves/s1", book={"title": "a"})
    calls = [library.do("UpdateBook", book={"name": book.name, "title": f"{n}", "etag": book.etag}) for n in range(8)]
    made, failed = await _together(*calls)
    assert len(made) == 1
    assert {type(error) for error in failed} == {EtagMismatch}
    assert (await library.do("GetBook", name=book.name)).title == made[0].title
    await _check_outbox(library)


async def test_an_update_and_a_delete_with_one_etag_do_not_both_win(library: Library) -> None:
    await library.shelf()
    for _ in range(5):
        book = await library.do("CreateBook", parent="shelves/s1", book_id="b", book={"title": "a"})
        made, failed = await _together(
            library.do("UpdateBook", book={"name": book.name, "title": "b", "etag": book.etag}),
            library.do("DeleteBook", name=book.name, etag=book.etag),
        )
        assert len(made) == len(failed) == 1
        assert isinstance(failed[0], EtagMismatch | RecordNotFound)
        await _check_outbox(library)
        if isinstance(failed[0], EtagMismatch):
            await library.do("DeleteBook", name=book.name)


async def test_repeats_that_come_at_once_have_one_answer_and_one_effect(library: Library) -> None:
    """AIP statement 42: for each writing method, with the id that the client chose and without."""
    await library.shelf()
    batch = [{"book": {"title": "a"}}, {"book": {"title": "b"}}]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("CreateBook", {"parent": "shelves/s1", "book": {"title": "c"}}),
        ("CreateBook", {"parent": "shelves/s1", "book_id": "named", "book": {"title": "d"}}),
        ("BatchCreateBooks", {"parent": "shelves/s1", "requests": batch}),
        ("UpdateBook", {"book": {"name": "shelves/s1/books/named", "title": "e"}}),
        ("DeleteBook", {"name": "shelves/s1/books/named"}),
    ]
    for number, (method, fields) in enumerate(calls):
        request_id = f"{ID[:-1]}{number}"
        before = len(await _rows(library, "SELECT 1 FROM data.outbox"))
        answers = await asyncio.gather(*(library.send(method, request_id=request_id, **fields) for _ in range(8)))
        assert len(set(answers)) == 1, method
        events = len(await _rows(library, "SELECT 1 FROM data.outbox")) - before
        assert events == (2 if method.startswith("Batch") else 1), method
    await _check_outbox(library)


async def test_two_requests_under_one_id_that_come_at_once_are_not_both_done(library: Library) -> None:
    await library.shelf()
    calls = [library.do("CreateBook", parent="shelves/s1", book={"title": t}, request_id=ID) for t in "abcdef"]
    made, failed = await _together(*calls)
    assert len(made) == 1
    assert {type(error) for error in failed} == {RequestIdReused}
    assert len(await _rows(library, "SELECT 1 FROM test_library_v1.books")) == 1


async def test_a_repeat_of_an_update_that_changed_nothing_changes_nothing_later(library: Library) -> None:
    """AIP statement 42: the first answer stands, whatever others have done since."""
    await library.shelf()
    book = await library.do("CreateBook", parent="shelves/s1", book={"title": "a"})
    sent: dict[str, Any] = {"book": {"name": book.name, "title": "a"}, "request_id": ID}
    first = await library.do("UpdateBook", **sent)
    await library.do("UpdateBook", book={"name": book.name, "title": "b"})
    assert await library.do("UpdateBook", **sent) == first
    assert (await library.do("GetBook", name=book.name)).title == "b"


async def test_a_repeat_inside_a_unit_of_work_gets_its_first_answer(library: Library) -> None:
    call = library.call("CreateBook")
    await library.shelf()
    request = library.type("CreateBookRequest")(parent="shelves/s1", book={"title": "a"}, request_id=ID)
    answers = []
    for _ in range(2):
        async with unit_of_work(library.engine.pool, call, schema="data") as uow:
            answers.append(await library.engine.function(call.method.path)(request, call, uow.transaction))
            await uow.commit()
    assert answers[0] == answers[1]
    assert len(await _rows(library, "SELECT 1 FROM test_library_v1.books")) == 1


async def test_batches_that_take_the_same_keys_in_opposite_orders_are_told_who_was_first(library: Library) -> None:
    """Each waits for the other, which Postgres ends: nobody gets an INTERNAL, and one batch of each pair is whole."""
    await library.shelf()
    for turn in range(6):
        keys = [f"{turn}-{n}" for n in range(40)]

        def batch(order: list[str], mark: str) -> Awaitable[Any]:
            requests = [{"book_id": f"{mark}{key}", "book": {"title": mark, "isbn": key}} for key in order]
            return library.do("BatchCreateBooks", parent="shelves/s1", requests=requests)

        made, failed = await _together(batch(keys, "x"), batch(keys[::-1], "y"))
        assert all(isinstance(error, RecordExists | Aborted) for error in failed), failed
        assert len(made) == 1
        found = await _rows(library, f"SELECT isbn FROM test_library_v1.books WHERE isbn LIKE '{turn}-%'")
        assert len(found) == len(keys)
    await _check_outbox(library)


async def test_a_parent_that_goes_while_a_child_is_made_leaves_no_orphan(library: Library) -> None:
    for _ in range(10):
        await library.shelf()
        calls = [
            library.do("DeleteShelf", name="shelves/s1"),
            library.do("CreateBook", parent="shelves/s1", book_id="b", book={"title": "a"}),
            library.do("BatchCreateBooks", parent="shelves/s1", requests=[{"book_id": "c", "book": {"title": "a"}}]),
        ]
        _, failed = await _together(*calls)
        assert all(isinstance(error, RecordHasChildren | RecordNotFound) for error in failed), failed
        orphans = "SELECT 1 FROM test_library_v1.books b WHERE NOT EXISTS (SELECT 1 FROM test_library_v1.shelves)"
        assert await _rows(library, orphans) == []
        await _check_outbox(library)
        for method, name in (
            ("DeleteBook", "shelves/s1/books/b"),
            ("DeleteBook", "shelves/s1/books/c"),
            ("DeleteShelf", "shelves/s1"),
        ):
            await _together(library.do(method, name=name))


async def test_a_child_whose_parent_goes_before_it_is_written_is_told_that_there_is_none(library: Library) -> None:
    """The parent is there when the statement looks, and its deletion is committed while the statement waits."""
    await library.shelf()
    one: dict[str, Any] = {"book_id": "b", "book": {"title": "a"}}
    for method, fields in (("CreateBook", one), ("BatchCreateBooks", {"requests": [one]})):
        async with library.engine.pool.transaction() as other:
            await other.fetch("DELETE FROM test_library_v1.shelves")
            waiting = asyncio.create_task(library.do(method, parent="shelves/s1", **fields))
            await _until_somebody_waits(library)
        with pytest.raises(RecordNotFound, match="Shelf `shelves/s1`"):
            await waiting
        await library.engine.pool.fetch("DELETE FROM data.outbox")
        await library.shelf()


async def test_a_reference_that_leads_nowhere_is_refused_when_it_is_set_and_left_alone_when_it_was_set(
    library: Library,
) -> None:
    """Such as one that was written before the contract said that it is a reference."""
    await library.shelf()
    await library.do("CreateGenre", SYSTEM, genre_id="g", genre={"title": "G"})
    book = await library.do("CreateBook", parent="shelves/s1", book={"title": "a", "genre": "genres/g"})
    await _rows(library, "DELETE FROM test_library_v1.genres")
    changed = await library.do("UpdateBook", book={"name": book.name, "title": "b"})
    assert (changed.title, changed.genre) == ("b", "genres/g")
    with pytest.raises(ReferenceNotFound):
        await library.do("CreateBook", parent="shelves/s1", book={"title": "c", "genre": "genres/g"})


async def test_a_connection_that_is_lost_in_the_middle_of_a_write_is_unavailable_and_writes_nothing(
    library: Library,
) -> None:
    await library.shelf()
    book = await library.do("CreateBook", parent="shelves/s1", book={"title": "a"})
    one = {"book": {"title": "c"}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("CreateBook", {"parent": "shelves/s1", **one}),
        ("BatchCreateBooks", {"parent": "shelves/s1", "requests": [one]}),
        ("UpdateBook", {"book": {"name": book.name, "title": "b"}}),
        ("DeleteBook", {"name": book.name}),
    ]
    for method, fields in calls:
        async with library.engine.pool.transaction() as other:
            await other.fetch("LOCK TABLE data.outbox IN ACCESS EXCLUSIVE MODE")
            waiting = asyncio.create_task(library.do(method, **fields))
            await _until_somebody_waits(library)
            await library.engine.pool.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            with pytest.raises(DatabaseUnavailable) as refused:
                await waiting
            assert refused.value.retry_after
    assert (await library.do("GetBook", name=book.name)).title == "a"
    assert len((await library.do("ListBooks", parent="shelves/s1")).books) == 1
    await _check_outbox(library)


async def test_writes_go_on_when_every_connection_was_lost_between_them(library: Library, database: str) -> None:
    await library.shelf()
    await asyncio.gather(*(library.do("GetShelf", name="shelves/s1") for _ in range(8)))
    async with open_pool(database, size=1) as other:
        await other.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        # Until the last of them has gone.
        await other.fetch("SELECT 1")
    made, failed = await _together(
        *(library.do("CreateBook", parent="shelves/s1", book={"title": f"{n}"}) for n in range(8))
    )
    # One that Postgres may have seen is not tried again by itself: its caller is told to.
    assert all(isinstance(error, DatabaseUnavailable) for error in failed), failed
    assert len(await _rows(library, "SELECT 1 FROM test_library_v1.books")) == len(made)
    assert (await library.do("CreateBook", parent="shelves/s1", book={"title": "z"})).title == "z"
    await _check_outbox(library)


async def test_whatever_meets_the_outbox_holds_exactly_what_was_done(library: Library) -> None:
    await library.shelf()

    async def work(number: int) -> None:
        for step in range(12):
            name, own = f"b{(number + step) % 3}", f"{number}-{step}"
            with_id = {"request_id": f"{ID}-{own}"}
            calls: list[tuple[str, dict[str, Any]]] = [
                ("CreateBook", {"parent": "shelves/s1", "book_id": name, "book": {"title": own}, **with_id}),
                ("UpdateBook", {"book": {"name": f"shelves/s1/books/{name}", "title": own}, **with_id}),
                ("DeleteBook", {"name": f"shelves/s1/books/{name}"}),
            ]
            method, fields = calls[(number + step) % 3]
            try:
                await library.do(method, **fields)
            except TenonError as error:
                assert isinstance(error, RecordExists | NotFound | Aborted), error  # noqa: PT017 - it may succeed too

    await asyncio.gather(*(work(number) for number in range(6)))
    await _check_outbox(library)


async def test_the_event_of_a_record_made_again_stands_behind_that_of_its_deletion(library: Library) -> None:
    """The order of an aggregate's events is that of its changes, also where one waits for the other."""
    await library.shelf()
    one: dict[str, Any] = {"book_id": "b", "book": {"title": "a"}}
    for method, fields in (("CreateBook", one), ("BatchCreateBooks", {"requests": [one]})):
        made = await library.do("CreateBook", parent="shelves/s1", **one)
        async with unit_of_work(library.engine.pool, library.call("DeleteBook"), schema="data") as uow:
            await uow.transaction.fetch("DELETE FROM test_library_v1.books")
            waiting = asyncio.create_task(library.do(method, parent="shelves/s1", **fields))
            await _until_somebody_waits(library)
            await uow.emit("library.test/Book.deleted", made.name, revision=2, before=made.SerializeToString())
            await uow.commit()
        await waiting
        await _check_outbox(library)
        await library.do("DeleteBook", name=made.name)


async def _until_somebody_waits(library: Library) -> None:
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while not await _rows(library, waits):
            await asyncio.sleep(0.01)
