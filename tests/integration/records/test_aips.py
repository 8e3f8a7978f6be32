"""Statements of the AIPs that the other tests here do not already hold, each under its number in the list that we keep.

The list is that of the AIPs 121 to 235 as testable statements; methods, fields and options that are not served yet stop
the start, so those statements have no test here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from services.chassis.errors import InvalidArgument, TenonError
from services.records.failures import NameTaken, RecordExists, RecordNotFound
from services.records.filter import FilterInvalid
from services.records.ordering import OrderByInvalid
from services.records.pages import PageTokenInvalid
from services.records.scope import NoOrganization
from tests.integration.records.library import WORKLOAD, user

if TYPE_CHECKING:
    from tests.integration.records.library import Library

PARENT: dict[str, Any] = {"parent": "shelves/s1"}


async def _shelf_of_books(library: Library, *bodies: dict[str, Any]) -> None:
    await library.shelf()
    requests = [{"book_id": f"b{n}", "book": {"title": f"t{n}", **body}} for n, body in enumerate(bodies)]
    await library.do("BatchCreateBooks", **PARENT, requests=requests)


async def _found(library: Library, text: str = "", **more: Any) -> str:
    """Return the ids of the books that are found, without the `b` in front."""
    page = await library.do("ListBooks", **PARENT, filter=text, **more)
    return "".join(book.name.rpartition("/b")[2] for book in page.books)


async def test_5_an_id_that_is_not_of_the_pattern_is_an_invalid_argument_in_a_batch_too(library: Library) -> None:
    await library.shelf()
    with pytest.raises(InvalidArgument) as refused:
        await library.do("BatchCreateBooks", **PARENT, requests=[{"book": {}}, {"book_id": "a b", "book": {}}])
    assert refused.value.violations[0].field == "requests[1].book_id"


async def test_10_a_name_in_the_body_of_a_create_is_ignored(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", **PARENT, book_id="b", book={"name": "shelves/x/books/y", "title": "a"})
    assert made.name == "shelves/s1/books/b"


async def test_11_what_exists_and_cannot_be_seen_is_denied_alone_and_in_a_batch(library: Library) -> None:
    await library.do("CreateNote", note_id="n", note={})
    with pytest.raises(RecordExists):
        await library.do("CreateNote", note_id="n", note={})
    with pytest.raises(NameTaken):
        await library.do("CreateNote", user(subject="users/2"), note_id="n", note={})


async def test_11_a_unique_value_of_another_owner_is_no_matter_of_this_one(library: Library) -> None:
    """A refusal would tell what somebody else has."""
    await library.do("CreateNote", note={"slug": "s"})
    await library.do("CreateNote", user(subject="users/2"), note={"slug": "s"})
    with pytest.raises(RecordExists):
        await library.do("CreateNote", note={"slug": "s"})


async def test_12_a_mask_may_be_left_out(library: Library) -> None:
    await _shelf_of_books(library, {"pages": 5})
    book = await library.do("UpdateBook", book={"name": "shelves/s1/books/b0", "title": "new"})
    assert (book.title, book.pages) == ("new", 5)


async def test_14_what_was_done_is_seen_by_the_next_read(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", **PARENT, book_id="b0", book={"title": "a"})
    assert await library.do("GetBook", name=made.name) == made
    changed = await library.do("UpdateBook", book={"name": made.name, "title": "b"})
    assert await library.do("GetBook", name=made.name) == changed
    assert await _found(library, "title = b") == "0"
    await library.do("DeleteBook", name=made.name)
    with pytest.raises(RecordNotFound):
        await library.do("GetBook", name=made.name)
    assert await _found(library) == ""


async def test_15_a_record_that_is_not_there_cannot_be_deleted(library: Library) -> None:
    with pytest.raises(RecordNotFound):
        await library.do("DeleteShelf", name="shelves/none")


async def test_19_a_page_is_of_the_default_size_or_coerced(library: Library) -> None:
    await _shelf_of_books(library, *({} for _ in range(60)))
    assert len((await library.do("ListBooks", **PARENT, page_size=0)).books) == 50
    assert len((await library.do("ListBooks", **PARENT, page_size=2**31 - 1)).books) == 60


async def test_20_the_last_page_and_only_the_last_has_no_token(library: Library) -> None:
    await _shelf_of_books(library, {}, {}, {}, {})
    page = await library.do("ListBooks", **PARENT, page_size=2)
    last = await library.do("ListBooks", **PARENT, page_size=2, page_token=page.next_page_token)
    assert len(last.books) == 2  # a full page, and the end
    assert last.next_page_token == ""
    none = await library.do("ListBooks", **PARENT, page_size=2, filter="pages = 9")
    assert (len(none.books), none.next_page_token) == (0, "")


async def test_21_the_size_of_a_page_may_change_and_nothing_else(library: Library) -> None:
    await _shelf_of_books(library, *({} for _ in range(6)))
    page = await library.do("ListBooks", **PARENT, page_size=1)
    rest = await library.do("ListBooks", **PARENT, page_size=5, page_token=page.next_page_token)
    assert (len(rest.books), rest.next_page_token) == (5, "")
    for changed in ({"filter": "pages = 0"}, {"order_by": "pages"}, {"parent": "shelves/-"}):
        with pytest.raises((PageTokenInvalid, InvalidArgument)):
            await library.do("ListBooks", **{**PARENT, "page_token": page.next_page_token, **changed})


async def test_22_a_token_gives_no_right_to_anything(library: Library) -> None:
    await _shelf_of_books(library, {}, {})
    token = (await library.do("ListBooks", **PARENT, page_size=1)).next_page_token
    assert token.replace("-", "").replace("_", "").isalnum()
    with pytest.raises(NoOrganization):
        await library.do("ListBooks", WORKLOAD, **PARENT, page_token=token)
    with pytest.raises(PageTokenInvalid):
        await library.do("ListBooks", user("rival"), **PARENT, page_token=token)


async def test_25_an_order_is_a_list_of_fields_with_directions(library: Library) -> None:
    bodies: list[dict[str, Any]] = [
        {"pages": 1, "author": {"born": 3}},
        {"pages": 1, "author": {"born": 9}},
        {"pages": 0},
    ]
    await _shelf_of_books(library, *bodies)
    assert await _found(library, order_by="  pages   desc ,author.born  desc ") == "102"
    assert await _found(library, order_by="author.born") == "201"
    for wrong in ("nope", "pages desk", "pages,", "author.nope", "tags", "author", "code", "pages desc desc"):
        with pytest.raises(OrderByInvalid) as refused:
            await library.do("ListBooks", **PARENT, order_by=wrong)
        assert refused.value.violations[0].field == "order_by"


MEANINGS = [
    # 28: OR binds tighter than AND, adjacency is AND, `-` is NOT.
    ("pages = 1 AND rare = true OR copies = 7", "01"),
    ("pages = 1 (rare = true OR copies = 7)", "01"),
    ("-pages = 1", "23"),
    ("NOT pages = 1", "23"),
    # 29: operators, enums by name, booleans, durations, times with offsets.
    ("pages != 1", "23"),
    ("pages < 2 AND pages <= 1 AND pages > 0 AND pages >= 1", "01"),
    ("state = STATE_OUT", "1"),
    ("rare = true", "0"),
    ("reading_time > 19.5s AND reading_time = 20s", "2"),
    ('published_at = "2013-01-01T12:00:00+02:00"', "2"),
    ('published_at < "2013-01-01T10:00:01Z"', "2"),
    # 31: messages, maps, and lists by `:` alone.
    ("author.name = Ann", "0"),
    ("editors.name:Bob", "1"),
    ("characters.7.name = Eve", "2"),
    # 32: what is unset on the way matches nothing, `!=` included.
    ("author.name != Zoe", "01"),
    ("author.met_at != 2013-01-01T00:00:00Z", ""),
    ("rating != 3", "1"),
    ("nickname != x", "3"),
    ('labels.a != "z"', "2"),
    # 33: has, has key, present.
    ("tags:red", "0"),
    ("numbers:42", "1"),
    ("labels:a", "2"),
    ("labels.a:*", "2"),
    ("labels.a:1", "2"),
    ("tags:*", "0"),
    ("rating:*", ""),
    ("author:*", "01"),
    ("subtitle:*", "1"),
]
"""Filters, each with the ids of the books that it finds."""


async def test_28_to_33_a_filter_means_what_it_says(library: Library) -> None:
    await _shelf_of_books(
        library,
        {"pages": 1, "rare": True, "tags": ["red", "blue"], "author": {"name": "Ann"}},
        {
            "pages": 1,
            "copies": 7,
            "state": 2,
            "numbers": [1, 42],
            "author": {},
            "editors": [{}, {"name": "Bob"}],
            "rating": 0,
            "subtitle": "s",
        },
        {
            "pages": 2,
            "reading_time": {"seconds": 20},
            "published_at": {"seconds": 1357034400},
            "characters": {7: {"name": "Eve"}},
            "labels": {"a": "1"},
        },
        {"copies": 7, "nickname": {"value": ""}},
    )
    for text, wanted in MEANINGS:
        assert await _found(library, text) == wanted, text


NOT_UNDERSTOOD = [
    "pages =",
    "nope = 1",
    "author.nope = 1",
    "pages = red",
    "rare = yes",
    "state = STATE_NONE",
    "state = state_out",
    "reading_time = 20",
    "published_at = yesterday",
    "tags = red",
    "tags[0] = red",
    "tags.0 = red",
    "editors.name = Bob",
    "numbers:red",
    "characters.x.name = Eve",
    "author = Ann",
    "cover = x",
    "code = x",
    'title = "*.foo"',
    "now()",
    "red",
    "(" * 40 + "pages = 1" + ")" * 40,
    " AND ".join(["pages = 1"] * 101),
    "title = " + "x" * 5000,
]
"""Filters that are refused: wrong, or not supported yet, or too long."""


async def test_30_34_35_and_36_a_filter_that_is_not_understood_is_refused_with_its_place(library: Library) -> None:
    await library.shelf()
    for text in NOT_UNDERSTOOD:
        with pytest.raises(FilterInvalid) as refused:
            await library.do("ListBooks", **PARENT, filter=text)
        assert {violation.field for violation in refused.value.violations} == {"filter"}, text
        assert int(refused.value.metadata["position"]) >= 1, text


async def test_37_and_38_a_mask_is_obeyed_to_the_letter(library: Library) -> None:
    body = {"pages": 1, "labels": {"a.b": "1", "c": "2"}, "author": {"name": "Ann", "born": 5}, "checked_by": "x"}
    await _shelf_of_books(library, body)

    async def update(paths: list[str], **fields: Any) -> Any:
        return await library.do(
            "UpdateBook", book={"name": "shelves/s1/books/b0", **fields}, update_mask={"paths": paths}
        )

    assert (await update([], copies=3, pages=0)).pages == 1
    assert (await update(["author.born"])).author == library.type("Book.Author")(name="Ann")
    assert dict((await update(["labels.`a.b`"], labels={"a.b": "9", "c": "9"})).labels) == {"a.b": "9", "c": "2"}
    assert (await update(["checked_by", "uid", "create_time"], checked_by="me", uid="u")).checked_by == ""
    whole = await update(["*"], title="only")
    assert (whole.title, whole.pages, whole.copies, dict(whole.labels), whole.HasField("author")) == (
        "only",
        0,
        0,
        {},
        False,
    )
    for path in ("nope", "author.nope", "tags.0", "tags[0]", "author.*", "title.x", ""):
        with pytest.raises(InvalidArgument) as refused:
            await update([path], title="x")
        assert refused.value.violations[0].field == "update_mask"


async def test_39_writing_back_what_was_read_does_nothing(library: Library) -> None:
    await _shelf_of_books(library, {"pages": 1, "author": {"name": "Ann", "rank": "r"}, "price": float("nan")})
    book = await library.do("GetBook", name="shelves/s1/books/b0")
    events = await library.engine.pool.fetch("SELECT count(*) FROM data.outbox")
    for mask in ([], ["*"], [field.name for field, _ in book.ListFields()]):
        again = await library.do("UpdateBook", book=book, update_mask={"paths": mask})
        assert again.SerializeToString(deterministic=True) == book.SerializeToString(deterministic=True)
    assert await library.engine.pool.fetch("SELECT count(*) FROM data.outbox") == events


async def test_41_an_etag_is_always_there_quoted_and_new_with_each_change(library: Library) -> None:
    await _shelf_of_books(library, {})
    name = "shelves/s1/books/b0"
    tags = [(await library.do("GetBook", name=name)).etag]
    tags += [(await library.do("UpdateBook", book={"name": name, "pages": n})).etag for n in (1, 2)]
    tags += [book.etag for book in (await library.do("ListBooks", **PARENT)).books]
    assert len(set(tags)) == 3
    assert all(tag[0] == tag[-1] == '"' and len(tag) > 2 for tag in tags)


async def test_44_each_behaviour_of_a_field_is_kept(library: Library) -> None:
    body = {"shelf_mark": "m", "checked_by": "me", "create_time": {"seconds": 1}}
    await _shelf_of_books(library, body)
    name = "shelves/s1/books/b0"
    book = await library.do("GetBook", name=name)
    assert book.checked_by == ""
    assert book.create_time.seconds > 1
    assert (await library.do("UpdateBook", book={"name": name, "shelf_mark": "m", "pages": 3})).pages == 3
    with pytest.raises(InvalidArgument) as refused:
        await library.do(
            "UpdateBook", book={"name": name, "shelf_mark": "n"}, update_mask={"paths": ["shelf_mark", "title"]}
        )
    assert {violation.field for violation in refused.value.violations} == {"book.title", "book.shelf_mark"}
    note = await library.do("CreateNote", note_id="n", note={"text": "x", "password": "secret"})
    assert note.password == ""
    events = await library.engine.pool.fetch("SELECT after FROM data.outbox WHERE subject = 'notes/n'")
    assert b"secret" not in events[0]["after"]


async def test_44_rules_over_several_fields_hold_for_what_an_update_makes(library: Library) -> None:
    """The request alone cannot tell: what it leaves out is stored."""
    await _shelf_of_books(library, {"copies": 50}, {"rare": True})
    for number, change in ((0, {"rare": True}), (1, {"copies": 11})):
        for mask in ([], list(change)):
            book = {"name": f"shelves/s1/books/b{number}", **change}
            with pytest.raises(InvalidArgument) as refused:
                await library.do("UpdateBook", book=book, update_mask={"paths": mask})
            assert [(v.field, v.reason) for v in refused.value.violations] == [("book", "book.rare")]
    both = {"name": "shelves/s1/books/b0", "rare": True, "note": "x" * 10_001, "title": ""}
    with pytest.raises(InvalidArgument) as refused:
        await library.do("UpdateBook", book=both, update_mask={"paths": ["rare", "note", "title"]})
    assert {violation.field for violation in refused.value.violations} == {"book", "book.note", "book.title"}
    assert (await library.do("UpdateBook", book={"name": both["name"], "rare": True, "copies": 2})).rare


async def test_44_a_rule_that_was_broken_before_does_not_stop_an_update_of_something_else(library: Library) -> None:
    await _shelf_of_books(library, {"rare": True, "copies": 50})  # as if the rule were younger than the row
    book = await library.do("UpdateBook", book={"name": "shelves/s1/books/b0", "pages": 3})
    assert book.pages == 3


async def test_45_times_and_uids_mean_what_they_say(library: Library) -> None:
    await _shelf_of_books(library, {})
    first = await library.do("GetBook", name="shelves/s1/books/b0")
    second = await library.do("UpdateBook", book={"name": first.name, "pages": 3})
    assert second.create_time == first.create_time == first.update_time
    assert second.update_time.ToNanoseconds() > first.update_time.ToNanoseconds()
    assert second.uid == first.uid
    await library.do("DeleteBook", name=first.name)
    again = await library.do("CreateBook", **PARENT, book_id="b0", book={"title": "a"})
    assert again.uid != first.uid


async def test_48_a_batch_that_fails_says_which_of_its_records_it_was(library: Library) -> None:
    await _shelf_of_books(library, {"isbn": "1", "edition": 1})
    good = {"book_id": "c", "book": {"title": "c"}}

    async def refused(*requests: dict[str, Any]) -> dict[str, str]:
        with pytest.raises(RecordExists) as error:
            await library.do("BatchCreateBooks", **PARENT, requests=[good, *requests])
        return error.value.metadata

    taken = await refused({"book_id": "b0", "book": {"title": "d"}})
    assert (taken["field"], taken["name"]) == ("requests[1].book_id", "shelves/s1/books/b0")
    taken = await refused({"book": {"title": "d"}}, {"book": {"title": "e", "isbn": "1"}})
    assert (taken["field"], taken["key"]) == ("requests[2].book.isbn", "isbn")
    taken = await refused({"book": {"title": "t0", "edition": 1}})
    assert taken["field"] == "requests[1].book.title, requests[1].book.edition"
    # Of two in the batch itself, the later.
    taken = await refused(*[{"book": {"title": f"d{n}", "isbn": "a, b) (c"}} for n in range(2)])
    assert taken["field"] == "requests[2].book.isbn"
    assert await _found(library) == "0"


async def test_50_every_variable_of_a_refusal_is_in_its_metadata(library: Library) -> None:
    """Those of a field are in the `BadRequest`, whose path the metadata names."""
    await _shelf_of_books(library, {})
    calls: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("GetBook", {"name": "shelves/s1/books/x"}, ("shelves/s1/books/x", "library.test/Book")),
        ("CreateBook", {"parent": "shelves/x", "book": {}}, ("shelves/x", "library.test/Shelf")),
        ("CreateBook", {**PARENT, "book_id": "b0", "book": {}}, ("shelves/s1/books/b0", "library.test/Book")),
        ("DeleteShelf", {"name": "shelves/s1"}, ("shelves/s1", "library.test/Shelf")),
        ("DeleteBook", {"name": "shelves/s1/books/b0", "etag": "e"}, ("shelves/s1/books/b0",)),
        ("CreateBook", {**PARENT, "book_id": "-", "book": {}}, ("book_id",)),
        ("CreateBook", {**PARENT, "book": {"isbn": "x" * 600}}, ("book.isbn",)),
        ("CreateBook", {**PARENT, "book": {"genre": "genres/x"}}, ("book.genre",)),
        ("CreateGenre", {"genre": {}}, ("library.test/Genre",)),
    ]
    for method, fields, variables in calls:
        with pytest.raises(TenonError) as refused:
            await library.do(method, **fields)
        assert set(variables) <= set(refused.value.metadata.values()), (method, fields)
        assert all(variable in refused.value.message for variable in variables)


async def test_51_who_may_not_is_told_so_before_anything_else_is_looked_at(library: Library) -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("GetBook", {"name": "\0"}),
        ("ListBooks", {"parent": "\0", "page_size": -1, "filter": "(", "order_by": "(", "page_token": "x"}),
        ("CreateBook", {"parent": "\0", "book_id": "\0", "book": {"title": "\0"}, "request_id": "\0"}),
        ("UpdateBook", {"book": {"name": "\0"}, "update_mask": {"paths": [""]}, "request_id": "\0"}),
        ("DeleteBook", {"name": "\0", "request_id": "\0"}),
        ("BatchGetBooks", {"names": ["\0"] * 1001}),
        ("BatchCreateBooks", {"requests": [{}] * 1001, "request_id": "\0"}),
    ]
    for method, fields in wrong:
        with pytest.raises(NoOrganization):
            await library.do(method, WORKLOAD, **fields)
        with pytest.raises(InvalidArgument):
            await library.do(method, **fields)


async def test_52_fields_that_a_contract_does_not_know_are_not_shown(library: Library) -> None:
    shelf = library.type("Shelf").FromString(b"\x9a\x06\x06hidden")
    await library.do("CreateShelf", shelf_id="s1", shelf=shelf)
    assert len(UnknownFieldSet(await library.do("GetShelf", name="shelves/s1"))) == 0
