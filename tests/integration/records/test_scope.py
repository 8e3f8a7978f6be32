"""Records belong to an organization, an owner, or to all; nobody sees or touches another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from services.chassis.call import NOBODY
from services.chassis.errors import TenonError, Unauthenticated
from services.records.failures import NameTaken, RecordNotFound, ReferenceNotFound
from services.records.scope import GlobalReadOnly, NoOrganization, scoped
from tests.integration.records.library import SYSTEM, WORKLOAD, user

if TYPE_CHECKING:
    from tests.integration.records.library import Library

RIVAL = user("rival", "users/9")
COLLEAGUE = user("acme", "users/2")


async def test_another_organization_finds_nothing_by_any_method(library: Library) -> None:
    shelf = await library.shelf()
    book = await library.do("CreateBook", parent=shelf, book={"title": "a", "isbn": "1"})
    attempts = [
        ("GetBook", {"name": book.name}),
        ("GetShelf", {"name": shelf}),
        ("BatchGetBooks", {"names": [book.name]}),
        ("UpdateBook", {"book": {"name": book.name, "title": "b"}}),
        ("DeleteBook", {"name": book.name, "etag": book.etag}),
        ("DeleteShelf", {"name": shelf}),
        ("CreateBook", {"parent": shelf, "book": {"title": "b"}}),
    ]
    for method, fields in attempts:
        with pytest.raises(RecordNotFound):
            await library.do(method, RIVAL, **fields)
    assert (await library.do("ListBooks", RIVAL, parent=shelf)).books == []
    await library.shelf(RIVAL)
    with pytest.raises(ReferenceNotFound):
        await library.do("CreateBook", RIVAL, parent=shelf, book={"title": "b", "sequels": [book.name]})
    # Names and unique values are an organization's own.
    body = {"title": "x", "isbn": "1"}
    await library.do("CreateBook", RIVAL, parent=shelf, book_id=book.name.split("/")[-1], book=body)
    assert await library.do("GetBook", name=book.name) == book


async def test_an_owner_sees_its_own_rows_alone(library: Library) -> None:
    note = await library.do("CreateNote", note_id="n", note={"text": "mine"})
    for method in ("GetNote", "DeleteNote"):
        with pytest.raises(RecordNotFound):
            await library.do(method, COLLEAGUE, name=note.name)
    assert (await library.do("ListNotes", COLLEAGUE)).notes == []
    with pytest.raises(NameTaken):
        await library.do("CreateNote", COLLEAGUE, note_id="n", note={"text": "x"})
    assert [found.name for found in (await library.do("ListNotes")).notes] == [note.name]


async def test_a_global_record_is_read_by_all_and_written_by_the_system_alone(library: Library) -> None:
    with pytest.raises(GlobalReadOnly, match="system"):
        await library.do("CreateGenre", genre_id="g", genre={"title": "G"})
    genre = await library.do("CreateGenre", SYSTEM, genre_id="g", genre={"title": "G"})
    for caller in (user(), RIVAL, WORKLOAD, NOBODY):
        assert await library.do("GetGenre", caller, name=genre.name) == genre
        assert len((await library.do("ListGenres", caller)).genres) == 1
    with pytest.raises(GlobalReadOnly):
        await library.do("DeleteGenre", name=genre.name)


async def test_a_caller_without_an_organization_is_refused_before_anything_else(library: Library) -> None:
    for method, fields in (("GetShelf", {"name": "\0"}), ("CreateShelf", {"shelf_id": "\0"}), ("ListNotes", {})):
        with pytest.raises(NoOrganization):
            await library.do(method, WORKLOAD, **fields)
        with pytest.raises(Unauthenticated):
            await library.do(method, NOBODY, **fields)
    with pytest.raises(TenonError):
        await library.do("ListNotes", user(subject=""))


async def test_a_statement_that_does_not_ask_whose_rows_it_sees_is_not_made(library: Library) -> None:
    shelves = library.engine.tables["test.library.v1.Shelf"]
    notes = library.engine.tables["test.library.v1.Note"]
    with pytest.raises(AssertionError, match="caller_organization"):
        scoped(shelves, sa.select(shelves.table.c.message))
    organization = sa.bindparam("caller_organization", type_=sa.Text())
    with pytest.raises(AssertionError, match="caller_subject"):
        scoped(notes, sa.select(notes.table.c.message).where(notes.table.c.organization == organization))
