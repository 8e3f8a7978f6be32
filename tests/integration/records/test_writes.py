"""Create, BatchCreate, Update and Delete against Postgres."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument
from services.records.failures import (
    BatchTooLarge,
    EtagMismatch,
    NameInvalid,
    RecordExists,
    RecordHasChildren,
    RecordNotFound,
    ReferenceNotFound,
    Unstorable,
)
from tests.integration.records.library import SYSTEM

if TYPE_CHECKING:
    from tests.integration.records.library import Library


def everything(library: Library) -> dict[str, Any]:
    author = {"name": 'A"\\', "born": -(2**63), "met_at": {"seconds": -5, "nanos": 1999}, "teachers": [{"name": "T"}]}
    return {
        "title": "Title ✓ \U0001f600",
        "isbn": "978",
        "edition": -3,
        "copies": -(2**63),
        "weight": 2**64 - 1,
        "pages": 2**32 - 1,
        "score": 0.1,
        "price": float("nan"),
        "rare": True,
        "cover": b"\x00\xff",
        "state": 2,
        "published_at": {"seconds": -62135596800, "nanos": 1001},
        "reading_time": {"seconds": -1, "nanos": -1001},
        "subtitle": "",
        "rating": 0,
        "tags": ["a", 'b"\\{},', "", "NULL"],
        "numbers": [2**63 - 1, -1],
        "author": author,
        "editors": [author, {}],
        "labels": {"k": "v", "": ""},
        "characters": {-1: author},
        "hard": 0,
        "extra": {"a": [1.5, None, {"b": True}]},
        "nickname": {"value": ""},
        "loans": [{"seconds": 253402300799, "nanos": 999999999}],
        "code": "sensitive",
    }


async def test_every_kind_of_field_is_stored_alone_and_in_a_batch_alike(library: Library) -> None:
    await library.shelf()
    alone = await library.do("CreateBook", parent="shelves/s1", book_id="one", book=everything(library))
    body = {**everything(library), "isbn": "979", "edition": -4}
    made = await library.do("BatchCreateBooks", parent="shelves/s1", requests=[{"book_id": "two", "book": body}])
    assert made.books[0].author == alone.author
    ignored = ("name", "message", "isbn", "edition", "uid", "etag", "create_time", "update_time", "written_at")
    rows = await library.engine.pool.fetch("SELECT * FROM test_library_v1.books ORDER BY name")
    one, two = ({k: v for k, v in dict(row).items() if k not in ignored} for row in rows)
    assert repr(one) == repr(two)
    assert one["copies"] == -(2**63)
    assert one["subtitle"] == ""
    assert one["hard"] == 0
    assert one["soft"] is None
    assert one["tags"] == ["a", 'b"\\{},', "", "NULL"]


async def test_times_are_cut_so_that_bytes_and_columns_agree(library: Library) -> None:
    await library.shelf()
    book = await library.do("CreateBook", parent="shelves/s1", book=everything(library))
    assert book.published_at.nanos == 1000
    assert book.reading_time.nanos == -1000
    assert book.author.met_at.nanos == 1000
    assert book.characters[-1].met_at.nanos == 1000
    row = (await library.engine.pool.fetch("SELECT reading_time, loans FROM test_library_v1.books"))[0]
    assert row["reading_time"] == -1_000_001
    assert row["loans"][0].microsecond == 999999


async def test_the_server_sets_what_it_owns_and_clears_what_clients_may_not_set(library: Library) -> None:
    await library.shelf()
    body = {"name": "mine", "title": "x", "uid": "u", "checked_by": "me", "etag": "e", "author": {"rank": "r"}}
    book = await library.do("CreateBook", parent="shelves/s1", book_id="b", book=body)
    assert book.name == "shelves/s1/books/b"
    assert uuid.UUID(book.uid).version == 4
    assert book.checked_by == book.author.rank == ""
    assert book.etag.startswith('"')
    assert book.etag.endswith('"')
    assert book.create_time == book.update_time
    assert book.create_time.seconds > 0


async def test_unknown_fields_are_not_kept(library: Library) -> None:
    shelf = library.type("Shelf").FromString(b"\x12\x01x\x9a\x06\x06hidden")
    assert b"hidden" not in await library.send("CreateShelf", shelf_id="s", shelf=shelf)


async def test_an_id_left_out_sorts_by_time(library: Library) -> None:
    first = await library.do("CreateShelf", shelf={"title": "a"})
    # Version 7 has the milliseconds in front.
    assert uuid.UUID(first.name.removeprefix("shelves/")).version == 7


@pytest.mark.parametrize("id_", ["-a", "a-", "a/b", "é", "a" * 64, "a b", "a\n", ".."])
async def test_an_id_of_another_pattern_is_refused(library: Library, id_: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        await library.do("CreateShelf", shelf_id=id_, shelf={})
    assert refused.value.violations[0].field == "shelf_id"


async def test_a_name_and_a_unique_value_exist_once_and_the_key_is_named(library: Library) -> None:
    await library.shelf()
    body = {"title": "t", "isbn": "1", "edition": 1}
    await library.do("CreateBook", parent="shelves/s1", book_id="b", book=body)
    with pytest.raises(RecordExists, match="books/b"):
        await library.do("CreateBook", parent="shelves/s1", book_id="b", book={"title": "other"})
    with pytest.raises(RecordExists) as refused:
        await library.do("CreateBook", parent="shelves/s1", book={"title": "u", "isbn": "1"})
    assert refused.value.metadata["key"] == "isbn"
    with pytest.raises(RecordExists) as refused:
        await library.do("CreateBook", parent="shelves/s1", book={"title": "t", "edition": 1})
    assert refused.value.metadata["key"] == "title,edition"
    for _ in range(2):  # keys ignore rows where one of their fields is not set
        await library.do("CreateBook", parent="shelves/s1", book={"title": "t"})


async def test_all_that_cannot_be_stored_is_told_at_once_with_paths(library: Library) -> None:
    await library.shelf()
    author = {"name": "a", "teachers": [{"name": "b"}, {"name": "\0", "met_at": {"seconds": 2**60}}]}
    body = {
        "title": "a\0b",
        "isbn": "x" * 513,
        "tags": ["", "\0"],
        "labels": {"k": "\0"},
        "author": author,
        "characters": {7: {"name": "\0"}},
        "extra": {"a": "\0"},
        "published_at": {"seconds": 2**62},
        "reading_time": {"seconds": 1, "nanos": -1},
        "loans": [{"nanos": -5}],
    }
    with pytest.raises(Unstorable) as refused:
        await library.do("CreateBook", parent="shelves/s1", book=body)
    assert {violation.field for violation in refused.value.violations} == {
        "book.title",
        "book.isbn",
        "book.tags[1]",
        'book.labels["k"]',
        "book.author.teachers[1].name",
        "book.characters[7].name",
        "book.extra",
        "book.published_at",
        "book.reading_time",
        "book.loans[0]",
    }
    with pytest.raises(Unstorable) as refused:
        await library.do("BatchCreateBooks", parent="shelves/s1", requests=[{"book": {}}, {"book": {"title": "\0"}}])
    assert refused.value.violations[0].field == "requests[1].book.title"


async def test_a_deeply_nested_message_is_stored(library: Library) -> None:
    await library.shelf()
    author: dict[str, Any] = {"name": "last"}
    for _ in range(90):
        author = {"teachers": [author]}
    made = await library.do("CreateBook", parent="shelves/s1", book={"title": "x", "author": author})
    assert made.author.teachers[0].teachers[0].teachers[0]


async def test_references_must_exist_for_the_caller(library: Library) -> None:
    await library.shelf()
    await library.do("CreateGenre", SYSTEM, genre_id="g", genre={"title": "G"})
    first = await library.do("CreateBook", parent="shelves/s1", book={"title": "a", "genre": "genres/g"})
    body = {"title": "b", "genre": "genres/x", "sequels": [first.name, "shelves/s1/books/x"]}
    with pytest.raises(ReferenceNotFound) as refused:
        await library.do("CreateBook", parent="shelves/s1", book=body)
    assert [violation.field for violation in refused.value.violations] == ["book.genre", "book.sequels"]
    requests = [{"book": {"title": "c"}}, {"book": {"title": "d", "genre": "genres/x"}}]
    with pytest.raises(ReferenceNotFound) as refused:
        await library.do("BatchCreateBooks", parent="shelves/s1", requests=requests)
    assert refused.value.violations[0].field == "requests[1].book.genre"
    with pytest.raises(ReferenceNotFound) as refused:
        await library.do("UpdateBook", book={"name": first.name, "genre": "genres/x"})
    assert refused.value.violations[0].field == "book.genre"
    assert len((await library.do("ListBooks", parent="shelves/s1")).books) == 1


async def test_a_parent_must_exist_and_stays_while_it_has_children(library: Library) -> None:
    with pytest.raises(RecordNotFound, match="shelves/s1"):
        await library.do("CreateBook", parent="shelves/s1", book={"title": "a"})
    with pytest.raises(NameInvalid):
        await library.do("CreateBook", parent="", book={"title": "a"})
    shelf = await library.shelf()
    book = await library.do("CreateBook", parent=shelf, book={"title": "a"})
    with pytest.raises(RecordHasChildren):
        await library.do("DeleteShelf", name=shelf)
    await library.do("DeleteBook", name=book.name)
    await library.do("DeleteShelf", name=shelf)


async def test_a_batch_is_written_whole_or_not_at_all(library: Library) -> None:
    await library.shelf()
    ok = {"book_id": "a", "book": {"title": "a", "isbn": "1"}}
    with pytest.raises(RecordExists):
        await library.do("BatchCreateBooks", parent="shelves/s1", requests=[ok, {"book": {"title": "b", "isbn": "1"}}])
    with pytest.raises(NameInvalid) as refused:
        await library.do("BatchCreateBooks", parent="shelves/s1", requests=[ok, ok])
    assert refused.value.violations[0].field == "requests[1].book_id"
    with pytest.raises(NameInvalid) as refused:
        await library.do("BatchCreateBooks", parent="shelves/s1", requests=[{**ok, "parent": "shelves/s2"}])
    assert refused.value.violations[0].field == "requests[0].parent"
    with pytest.raises(BatchTooLarge):
        await library.do("BatchCreateBooks", parent="shelves/s1", requests=[{}] * 1001)
    assert (await library.do("ListBooks", parent="shelves/s1")).books == []


async def test_an_update_changes_what_the_mask_names_and_nothing_else(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book={"title": "a", "isbn": "1", "tags": ["x"]})
    changed = await library.do(
        "UpdateBook", book={"name": made.name, "title": "b", "isbn": "2"}, update_mask={"paths": ["title", "tags"]}
    )
    assert (changed.title, changed.isbn, list(changed.tags)) == ("b", "1", [])
    assert changed.create_time == made.create_time
    assert changed.uid == made.uid
    assert changed.etag != made.etag
    assert await library.do("GetBook", name=made.name) == changed
    row = (await library.engine.pool.fetch("SELECT title, tags, revision FROM test_library_v1.books"))[0]
    assert tuple(row) == ("b", [], 2)


async def test_an_update_that_changes_nothing_writes_nothing(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book=everything(library))
    made.price = 1.5  # not-a-number never equals itself
    first = await library.do("UpdateBook", book={"name": made.name, "price": 1.5})
    events = await library.engine.pool.fetch("SELECT count(*) FROM data.outbox")
    assert await library.do("UpdateBook", book=first, update_mask={"paths": ["*"]}) == first
    assert await library.engine.pool.fetch("SELECT count(*) FROM data.outbox") == events


async def test_an_etag_is_a_precondition_wherever_it_is_sent(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book={"title": "a"})
    changed = await library.do("UpdateBook", book={"name": made.name, "title": "b", "etag": made.etag})
    with pytest.raises(EtagMismatch):
        await library.do("UpdateBook", book={"name": made.name, "title": "c", "etag": made.etag})
    with pytest.raises(EtagMismatch):
        await library.do("DeleteBook", name=made.name, etag=made.etag)
    assert await library.send("DeleteBook", name=made.name, etag=changed.etag) == b""
    with pytest.raises(RecordNotFound):
        await library.do("DeleteBook", name=made.name)


async def test_concurrent_updates_of_different_fields_are_all_kept(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book={"title": "a"})
    fields: list[dict[str, Any]] = [
        {"copies": 1},
        {"pages": 2},
        {"isbn": "3"},
        {"rating": 4},
        {"note": "5"},
        {"rare": True},
    ]
    await asyncio.gather(*(library.do("UpdateBook", book={"name": made.name, **field}) for field in fields))
    found = await library.do("GetBook", name=made.name)
    assert (found.copies, found.pages, found.isbn, found.rating, found.note, found.rare) == (1, 2, "3", 4, "5", True)
    events = await library.engine.pool.fetch(
        "SELECT revision FROM data.outbox WHERE subject = $1 ORDER BY id", (made.name,)
    )
    assert sorted(row["revision"] for row in events) == list(range(1, 8))


async def test_an_immutable_field_and_an_unknown_path_are_refused(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", parent="shelves/s1", book={"title": "a", "shelf_mark": "m"})
    await library.do("UpdateBook", book={"name": made.name, "shelf_mark": "m"}, update_mask={"paths": ["shelf_mark"]})
    with pytest.raises(InvalidArgument) as refused:
        await library.do("UpdateBook", book={"name": made.name, "shelf_mark": "n"})
    assert refused.value.violations[0].field == "book.shelf_mark"
    with pytest.raises(InvalidArgument) as refused:
        await library.do("UpdateBook", book={"name": made.name}, update_mask={"paths": ["nope"]})
    assert refused.value.violations[0].field == "update_mask"
    with pytest.raises(NameInvalid) as refused:
        await library.do("UpdateBook", book={"title": "a"})
    assert refused.value.violations[0].field == "book.name"
