"""Statements of the AIPs that the other tests here do not already hold, each under its number in the list that we keep.

The list is that of the AIPs 121 to 235 as testable statements; methods, fields and options that are not served yet stop
the start, so those statements have no test here. Those about reading are in `test_aips_reading.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument, TenonError
from services.records.failures import NameTaken, RecordExists, RecordNotFound
from tests.integration.records.books import PARENT, found, shelf_of_books
from tests.integration.records.library import user

if TYPE_CHECKING:
    from tests.integration.records.library import Library


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
    await shelf_of_books(library, {"pages": 5})
    book = await library.do("UpdateBook", book={"name": "shelves/s1/books/b0", "title": "new"})
    assert (book.title, book.pages) == ("new", 5)


async def test_14_what_was_done_is_seen_by_the_next_read(library: Library) -> None:
    await library.shelf()
    made = await library.do("CreateBook", **PARENT, book_id="b0", book={"title": "a"})
    assert await library.do("GetBook", name=made.name) == made
    changed = await library.do("UpdateBook", book={"name": made.name, "title": "b"})
    assert await library.do("GetBook", name=made.name) == changed
    assert await found(library, "title = b") == "0"
    await library.do("DeleteBook", name=made.name)
    with pytest.raises(RecordNotFound):
        await library.do("GetBook", name=made.name)
    assert await found(library) == ""


async def test_15_a_record_that_is_not_there_cannot_be_deleted(library: Library) -> None:
    with pytest.raises(RecordNotFound):
        await library.do("DeleteShelf", name="shelves/none")


async def test_37_and_38_a_mask_is_obeyed_to_the_letter(library: Library) -> None:
    body = {"pages": 1, "labels": {"a.b": "1", "c": "2"}, "author": {"name": "Ann", "born": 5}, "checked_by": "x"}
    await shelf_of_books(library, body)

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
    await shelf_of_books(library, {"pages": 1, "author": {"name": "Ann", "rank": "r"}, "price": float("nan")})
    book = await library.do("GetBook", name="shelves/s1/books/b0")
    events = await library.engine.pool.fetch("SELECT count(*) FROM data.outbox")
    for mask in ([], ["*"], [field.name for field, _ in book.ListFields()]):
        again = await library.do("UpdateBook", book=book, update_mask={"paths": mask})
        assert again.SerializeToString(deterministic=True) == book.SerializeToString(deterministic=True)
    assert await library.engine.pool.fetch("SELECT count(*) FROM data.outbox") == events


async def test_41_an_etag_is_always_there_quoted_and_new_with_each_change(library: Library) -> None:
    await shelf_of_books(library, {})
    name = "shelves/s1/books/b0"
    tags = [(await library.do("GetBook", name=name)).etag]
    tags += [(await library.do("UpdateBook", book={"name": name, "pages": n})).etag for n in (1, 2)]
    tags += [book.etag for book in (await library.do("ListBooks", **PARENT)).books]
    assert len(set(tags)) == 3
    assert all(tag[0] == tag[-1] == '"' and len(tag) > 2 for tag in tags)


async def test_44_each_behaviour_of_a_field_is_kept(library: Library) -> None:
    body = {"shelf_mark": "m", "checked_by": "me", "create_time": {"seconds": 1}}
    await shelf_of_books(library, body)
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
    await shelf_of_books(library, {"copies": 50}, {"rare": True})
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
    await shelf_of_books(library, {"rare": True, "copies": 50})  # as if the rule were younger than the row
    book = await library.do("UpdateBook", book={"name": "shelves/s1/books/b0", "pages": 3})
    assert book.pages == 3


async def test_45_times_and_uids_mean_what_they_say(library: Library) -> None:
    await shelf_of_books(library, {})
    first = await library.do("GetBook", name="shelves/s1/books/b0")
    second = await library.do("UpdateBook", book={"name": first.name, "pages": 3})
    assert second.create_time == first.create_time == first.update_time
    assert second.update_time.ToNanoseconds() > first.update_time.ToNanoseconds()
    assert second.uid == first.uid
    await library.do("DeleteBook", name=first.name)
    again = await library.do("CreateBook", **PARENT, book_id="b0", book={"title": "a"})
    assert again.uid != first.uid


async def test_48_a_batch_that_fails_says_which_of_its_records_it_was(library: Library) -> None:
    await shelf_of_books(library, {"isbn": "1", "edition": 1})
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
    assert await found(library) == "0"


async def test_50_every_variable_of_a_refusal_is_in_its_metadata(library: Library) -> None:
    """Those of a field are in the `BadRequest`, whose path the metadata names."""
    await shelf_of_books(library, {})
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
