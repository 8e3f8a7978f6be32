"""Get, BatchGet and List against Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument
from services.records.failures import BatchTooLarge, NameInvalid, RecordNotFound
from services.records.reading.pages import PageTokenInvalid
from tests.integration.records.library import user

if TYPE_CHECKING:
    from tests.integration.records.library import Library


async def _books(library: Library, count: int) -> list[str]:
    await library.shelf()
    requests = [
        {"book_id": f"b{index:03}", "book": {"title": f"t{index % 7}", "pages": index}} for index in range(count)
    ]
    made = await library.do("BatchCreateBooks", parent="shelves/s1", requests=requests)
    return [book.name for book in made.books]


async def test_get_hands_on_the_stored_bytes(library: Library) -> None:
    await library.shelf()
    book = await library.do("CreateBook", parent="shelves/s1", book_id="b", book={"title": "x"})
    stored = await library.engine.pool.fetch("SELECT message FROM test_library_v1.books")
    assert await library.send("GetBook", name=book.name) == stored[0]["message"] == book.SerializeToString()


@pytest.mark.parametrize(
    "name", ["", "books/b", "shelves/s1/books/", "shelves/s1/books/b\n", "shelves/-/books/b", "x\x00"]
)
async def test_a_name_of_another_pattern_is_refused(library: Library, name: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        await library.do("GetBook", name=name)
    assert refused.value.violations[0].field == "name"


async def test_a_missing_record_is_not_found(library: Library) -> None:
    with pytest.raises(RecordNotFound, match=r"shelves/s1/books/none"):
        await library.do("GetBook", name="shelves/s1/books/none")


async def test_a_batch_keeps_the_order_and_repeats_what_is_asked_twice(library: Library) -> None:
    names = await _books(library, 5)
    asked = [names[3], names[0], names[3]]
    found = await library.do("BatchGetBooks", parent="shelves/s1", names=asked)
    assert [book.name for book in found.books] == asked


async def test_a_batch_with_one_missing_name_finds_nothing(library: Library) -> None:
    names = await _books(library, 2)
    with pytest.raises(RecordNotFound, match=r"shelves/s1/books/none"):
        await library.do("BatchGetBooks", names=[names[0], "shelves/s1/books/none"])


async def test_a_batch_refuses_too_many_names_and_names_of_other_parents(library: Library) -> None:
    with pytest.raises(BatchTooLarge):
        await library.do("BatchGetBooks", names=["shelves/s1/books/b"] * 1001)
    with pytest.raises(NameInvalid) as refused:
        await library.do("BatchGetBooks", parent="shelves/s2", names=["shelves/s1/books/b"])
    assert refused.value.violations[0].field == "names[0]"


@pytest.mark.parametrize("order", ["", "title", "title desc, pages", "update_time desc", "author.born, price desc"])
async def test_all_pages_together_are_the_set_without_duplicates(library: Library, order: str) -> None:
    names = await _books(library, 23)
    await library.do("CreateBook", parent="shelves/s1", book_id="z", book={"title": "z", "author": {"born": 5}})
    seen: list[str] = []
    token, size = "", 4
    while True:
        page = await library.do("ListBooks", parent="shelves/s1", page_size=size, page_token=token, order_by=order)
        seen += [book.name for book in page.books]
        token, size = page.next_page_token, 7
        if not token:
            break
    assert sorted(seen) == sorted([*names, "shelves/s1/books/z"])
    whole = await library.do("ListBooks", parent="shelves/s1", page_size=1000, order_by=order)
    assert [book.name for book in whole.books] == seen


async def test_the_page_has_fifty_rows_unless_it_is_said_and_never_a_negative_number(library: Library) -> None:
    await _books(library, 51)
    page = await library.do("ListBooks", parent="shelves/s1")
    assert len(page.books) == 50
    assert page.next_page_token
    with pytest.raises(InvalidArgument):
        await library.do("ListBooks", parent="shelves/s1", page_size=-1)


async def test_a_page_token_is_bound_to_the_request_and_to_the_organization(library: Library) -> None:
    await _books(library, 5)
    token = (await library.do("ListBooks", parent="shelves/s1", page_size=2)).next_page_token
    for changed in ({"filter": "pages > 1"}, {"order_by": "title"}, {"parent": "shelves/s2"}):
        with pytest.raises(PageTokenInvalid):
            await library.do("ListBooks", **{"parent": "shelves/s1", "page_token": token, **changed})
    with pytest.raises(PageTokenInvalid):
        await library.do("ListBooks", user("rival"), parent="shelves/s1", page_token=token)


async def test_a_list_is_filtered(library: Library) -> None:
    await _books(library, 20)
    page = await library.do("ListBooks", parent="shelves/s1", filter='title = "t3" AND pages > 3')
    assert [book.pages for book in page.books] == [10, 17]


async def test_input_only_fields_are_stored_and_never_returned(library: Library) -> None:
    made = await library.do("CreateNote", note_id="n", note={"text": "x", "password": "secret"})
    assert made.password == ""
    assert (await library.do("GetNote", name="notes/n")).password == ""
    assert (await library.do("ListNotes")).notes[0].password == ""
    rows = await library.engine.pool.fetch("SELECT password FROM test_library_v1.notes")
    assert rows[0]["password"] == "secret"


async def test_a_row_of_another_shape_is_shown_without_fields_that_are_gone(library: Library) -> None:
    await library.shelf()
    # The field 99 is none of the contract's: this is how a row looks whose field was removed since.
    await library.engine.pool.fetch(
        "UPDATE test_library_v1.shelves SET shape = 1, message = message || $1", (b"\x9a\x06\x03old",)
    )
    assert b"old" not in await library.send("GetShelf", name="shelves/s1")
    assert (await library.do("GetShelf", name="shelves/s1")).title == "s1"


@pytest.mark.parametrize(
    "fields",
    [
        {"filter": 'title = "a\0"'},
        {"filter": "labels.\0 = 3"},
        {"order_by": "title\0"},
        {"page_token": "\0"},
        {"page_token": "AAAA"},
        {"parent": "shelves/\0"},
        {"filter": "pages = 99999999999999999999"},
        {"filter": 'published_at > "10000-01-01T00:00:00Z"'},
        {"filter": "nope = 1"},
        {"order_by": "nope"},
        {"order_by": "tags"},
        {"filter": "(" * 3000},
    ],
)
async def test_a_bad_argument_is_the_callers_mistake(library: Library, fields: dict[str, str]) -> None:
    await library.shelf()
    sent: dict[str, Any] = {"parent": "shelves/s1", **fields}
    with pytest.raises(InvalidArgument) as refused:
        await library.do("ListBooks", **sent)
    assert refused.value.violations[0].field in fields
