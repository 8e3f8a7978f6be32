"""Python code in a transaction of the engine: all rules hold, all is kept or nothing, and nobody is overwritten."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import FailedPrecondition
from services.records.failures import (
    EtagMismatch,
    RecordExists,
    RecordNotFound,
    ReferenceNotFound,
    RequestIdReused,
    TooMuchContention,
    Unstorable,
)
from services.records.masks import UpdateInvalid
from services.records.scope import GlobalReadOnly
from services.records.session import Overtaken, quote
from services.records.transactions.transacting import MAX_ATTEMPTS, service_caller
from tests.integration.records.library import PACKAGE, user

if TYPE_CHECKING:
    from services.records.session import Session
    from tests.integration.records.library import Library

BOOK, SHELF, GENRE = f"{PACKAGE}.Book", f"{PACKAGE}.Shelf", f"{PACKAGE}.Genre"
ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"


@pytest.fixture
async def book(library: Library) -> str:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book_id="b", book={"title": "a"})
    return str(made.name)


async def _events(library: Library) -> list[str]:
    rows = await library.engine.pool.fetch("SELECT type FROM data.outbox ORDER BY id")
    return [row["type"].rpartition("/")[2] for row in rows]


async def test_what_is_not_committed_is_taken_back(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        found = await session.get(BOOK, book, lock=True)
        found.title = "changed"
        await session.update(found)
        await session.create(library.type("Shelf")(title="new"), id="s2")
    assert (await library.do("GetBook", name=book)).title == "a"
    assert await _events(library) == ["Shelf.created", "Book.created"]


async def test_what_is_committed_is_there_with_its_events(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        found = await session.get(BOOK, book, lock=True)
        found.title = "changed"
        await session.update(found, event="renamed")
        shelf = await session.create(library.type("Shelf")(title="new"), id="s2")
        await session.emit("library.test/Shelf.full", shelf.name, said=shelf)
        await session.commit()
    stored = await library.do("GetBook", name=book)
    assert (stored.title, stored.etag) == ("changed", found.etag), "the message is as it is stored"
    assert shelf.name == "shelves/s2"
    assert (await _events(library))[2:] == ["Book.renamed", "Shelf.created", "Shelf.full"]


async def test_output_only_fields_are_the_codes_to_set(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        made = await session.create(library.type("Book")(title="b", author={"rank": "first"}), parent="shelves/s1")
        found = await session.get(BOOK, book)
        found.author.rank = "second"
        await session.update(found, paths=["author.rank"])
        await session.commit()
    assert (await library.do("GetBook", name=made.name)).author.rank == "first"
    assert (await library.do("GetBook", name=book)).author.rank == "second"


async def test_only_the_named_paths_are_stored(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        await session.update(library.type("Book")(name=book, title="b", pages=9), paths=["pages"])
        await session.commit()
    stored = await library.do("GetBook", name=book)
    assert (stored.title, stored.pages) == ("a", 9)


async def test_the_rules_of_the_contract_hold(library: Library, book: str) -> None:
    make = library.type("Book")
    async with library.engine.open(library.call("GetBook")) as session:
        with pytest.raises(Unstorable, match=r"book\.title"):
            await session.create(make(), parent="shelves/s1")
        found = await session.get(BOOK, book)
        found.title = ""
        with pytest.raises(UpdateInvalid, match=r"book\.title"):
            await session.update(found)
        with pytest.raises(RecordNotFound):
            await session.get(BOOK, "shelves/s1/books/none")


@pytest.mark.parametrize(
    ("fields", "parent", "error"),
    [
        ({"title": "a", "genre": "genres/none"}, "shelves/s1", ReferenceNotFound),
        ({"title": "a"}, "shelves/none", RecordNotFound),
        ({"title": "a", "id": "b"}, "shelves/s1", RecordExists),
    ],
)
async def test_references_parents_and_names_are_held(
    library: Library, book: str, fields: dict[str, Any], parent: str, error: type[Exception]
) -> None:
    id_ = fields.pop("id", "")
    async with library.engine.open(library.call("GetBook")) as session:
        with pytest.raises(error):
            await session.create(library.type("Book")(**fields), parent=parent, id=id_)


async def test_others_rows_are_not_seen(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook", user("other"))) as session:
        assert await session.find(BOOK) == []
        assert await session.get_any(BOOK, [book]) == {}
        with pytest.raises(RecordNotFound):
            await session.update(library.type("Book")(name=book, title="b"))


async def test_global_records_are_written_by_the_service_alone(library: Library) -> None:
    genre = library.type("Genre")(title="Poetry")
    async with library.engine.open(library.call("GetGenre")) as session:
        with pytest.raises(GlobalReadOnly):
            await session.create(genre, id="poetry")
    acting = service_caller("data", organization="system")
    async with library.engine.open(library.call("GetGenre"), acting=acting) as session:
        await session.create(genre, id="poetry")
        await session.commit()
    rows = await library.engine.pool.fetch("SELECT organization, actor FROM data.outbox")
    assert [tuple(row) for row in rows] == [("system", "workloads/data")]


async def test_records_are_found_by_filter_parent_and_order(library: Library, book: str) -> None:
    for number in range(4):
        await library.do("CreateBook", parent="shelves/s1", book={"title": f't"{number}*', "pages": number % 2})
    async with library.engine.open(library.call("GetBook")) as session:
        titled = await session.find(BOOK, "title = " + quote('t"2*'))
        ordered = await session.find(BOOK, "pages = 1", parent="shelves/s1", order_by="title desc", limit=2, lock=True)
        named = await session.find(BOOK, lock=True)
    assert [each.title for each in titled] == ['t"2*']
    assert [each.title for each in ordered] == ['t"3*', 't"1*']
    assert len(named) == 5


async def test_who_locked_a_record_is_waited_for(library: Library, book: str) -> None:
    """Each adds one to what it has read: with a lock, none is lost."""

    async def add(session: Session) -> bytes:
        found = await session.get(BOOK, book, lock=True)
        found.pages += 1
        await session.update(found)
        return b""

    call = library.call("UpdateBook")
    request = library.type("UpdateBookRequest")()
    await asyncio.gather(*(library.engine.transact(request, call, add) for _ in range(20)))
    assert (await library.do("GetBook", name=book)).pages == 20


async def test_without_a_lock_what_somebody_else_changed_is_not_overwritten(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        found = await session.get(BOOK, book)
        await library.do("UpdateBook", book={"name": book, "title": "theirs"})
        found.title = "ours"
        with pytest.raises(Overtaken):
            await session.update(found)


async def test_work_that_was_overtaken_is_done_again(library: Library, book: str) -> None:
    attempts = []

    async def rename(session: Session) -> bytes:
        found = await session.get(BOOK, book)
        attempts.append(found.title)
        if len(attempts) == 1:
            await library.do("UpdateBook", book={"name": book, "title": "theirs"})
        found.title += " and ours"
        await session.update(found)
        return b""

    await library.engine.transact(library.type("UpdateBookRequest")(), library.call("UpdateBook"), rename)
    assert attempts == ["a", "theirs"]
    assert (await library.do("GetBook", name=book)).title == "theirs and ours"


async def test_work_that_is_overtaken_for_ever_is_aborted_and_says_when_to_retry(library: Library, book: str) -> None:
    attempts = []

    async def lose(session: Session) -> bytes:
        attempts.append(1)
        raise Overtaken("again")

    with pytest.raises(TooMuchContention) as failed:
        await library.engine.transact(library.type("UpdateBookRequest")(), library.call("UpdateBook"), lose)
    assert len(attempts) == MAX_ATTEMPTS
    assert failed.value.retry_after > 0


async def test_a_deadlock_is_done_again(library: Library, book: str) -> None:
    other = (await library.do("CreateBook", parent="shelves/s1", book_id="c", book={"title": "c"})).name
    both = asyncio.Barrier(2)

    def crosswise(names: list[str]) -> Any:
        attempts = []

        async def work(session: Session) -> bytes:
            attempts.append(1)
            for name in names:
                found = await session.get(BOOK, name, lock=True)
                found.pages += 1
                await session.update(found)
                if len(attempts) == 1 and name == names[0]:
                    await both.wait()
            return b""

        return library.engine.transact(library.type("UpdateBookRequest")(), library.call("UpdateBook"), work)

    await asyncio.gather(crosswise([book, other]), crosswise([other, book]))
    assert {(await library.do("GetBook", name=name)).pages for name in (book, other)} == {2}


async def test_a_request_is_served_once_however_often_it_comes(library: Library, book: str) -> None:
    done = []

    async def work(session: Session) -> Any:
        done.append(1)
        found = await session.get(BOOK, book, lock=True)
        found.pages += 1
        return await session.update(found)

    request = library.type("CreateBookRequest")(request_id=ID)
    call = library.call("CreateBook")
    answers = await asyncio.gather(*(library.engine.transact(request, call, work) for _ in range(8)))
    assert (len(set(answers)), len(done)) == (1, 1)
    assert (await library.do("GetBook", name=book)).pages == 1
    with pytest.raises(RequestIdReused):
        await library.engine.transact(library.type("CreateBookRequest")(request_id=ID, parent="x"), call, work)


async def test_a_request_that_failed_may_come_again(library: Library, book: str) -> None:
    class Refused(FailedPrecondition):
        """The work is refused."""

    async def refuse(session: Session) -> bytes:
        raise Refused("no")

    async def work(session: Session) -> bytes:
        return b"done"

    request, call = library.type("CreateBookRequest")(request_id=ID), library.call("CreateBook")
    with pytest.raises(Refused):
        await library.engine.transact(request, call, refuse)
    assert await library.engine.transact(request, call, work) == b"done"


async def test_a_derived_function_takes_part_in_the_transaction(library: Library, book: str) -> None:
    call = library.call("UpdateBook")
    request = library.type("UpdateBookRequest")(book={"name": book, "title": "changed"})
    async with library.engine.open(call) as session:
        before = await session.get(BOOK, book, lock=True)
        await library.engine.function(call.method.path)(request, call, session.work.transaction)
        assert not await session.is_same(before)
    assert (await library.do("GetBook", name=book)).title == "a"


async def test_what_is_deleted_is_gone_once_it_is_committed(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        await session.delete(BOOK, book)
        assert await session.get_any(BOOK, [book]) == {}
        await session.commit()
    with pytest.raises(RecordNotFound):
        await library.do("GetBook", name=book)


async def test_an_etag_is_held_where_it_is_sent(library: Library, book: str) -> None:
    async with library.engine.open(library.call("GetBook")) as session:
        etag = (await session.get(BOOK, book)).etag
        await session.get(BOOK, book, lock=True, etag=etag)
        with pytest.raises(EtagMismatch):
            await session.get(BOOK, book, etag='"other"')
