"""Names are of their record's patterns, and made below a parent."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import pytest

from services.chassis.contract import Record, Scope
from services.records.failures import NameInvalid
from services.records.schema.names import Names, uuid7

BOOK = Record(
    message="test.Book",
    package="test",
    host="data",
    type="library.test/Book",
    singular="book",
    plural="books",
    patterns=("shelves/{shelf}/books/{book}", "books/{book}", "authors/{author}/drafts/{draft}/books/{book}"),
    parent="shelves/{shelf}",
    scope=Scope.ORGANIZATION,
    unique=(),
    index=(),
    search=(),
    fields=(),
    file="book.proto",
    comment="",
)
NAMES = Names(BOOK)


@pytest.mark.parametrize(
    "name", ["shelves/a/books/b", "books/B_1.x~y-9", "authors/a/drafts/d/books/b", "books/" + "a" * 63]
)
def test_a_name_of_any_pattern_is_accepted(name: str) -> None:
    NAMES.check(name, "name")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "books/",
        "books/-",
        "books/a/",
        "/books/a",
        "shelves/a",
        "books/é",
        "books/a\n",
        "books/" + "a" * 64,
        "x" * 5000,
    ],
)
def test_any_other_name_is_refused_with_its_field(name: str) -> None:
    with pytest.raises(NameInvalid) as refused:
        NAMES.check(name, "book.name")
    assert refused.value.violations[0].field == "book.name"


@pytest.mark.parametrize(
    ("parent", "name"),
    [
        ("", "books/x"),
        ("shelves/s", "shelves/s/books/x"),
        ("authors/a/drafts/d", "authors/a/drafts/d/books/x"),
    ],
)
def test_a_name_is_made_below_its_parent_and_taken_apart_again(parent: str, name: str) -> None:
    assert NAMES.make(parent, "x", "book_id") == name
    assert NAMES.parent_of(name)[0] == parent


def test_a_parent_of_no_pattern_is_refused() -> None:
    with pytest.raises(NameInvalid) as refused:
        NAMES.make("rooms/r", "x", "book_id")
    assert refused.value.violations[0].field == "parent"


def test_an_id_that_is_left_out_is_made_up() -> None:
    made = NAMES.make("", "", "book_id").removeprefix("books/")
    assert uuid.UUID(made).version == 7


def test_an_id_of_several_parts_cannot_be_made_up() -> None:
    names = Names(replace(BOOK, patterns=("books/{day}~{book}",)))
    assert names.make("", "mon~x", "book_id") == "books/mon~x"
    with pytest.raises(NameInvalid):
        names.make("", "", "book_id")


def test_a_contract_with_a_pattern_of_its_own_may_have_longer_ids() -> None:
    names = Names(BOOK, id_pattern="^.*$")
    names.check("books/" + "é" * 150, "name")
    with pytest.raises(NameInvalid):
        names.check("books/a b", "name")


@pytest.mark.parametrize(("id_pattern", "said"), [("", "1 to 63 letters"), ("^[a-z /]{2,10}$", "`^[a-z /]{2,10}$`")])
def test_a_refused_id_is_told_the_pattern_that_it_must_be_of(id_pattern: str, said: str) -> None:
    with pytest.raises(NameInvalid, match=re.escape(said)):
        Names(BOOK, id_pattern=id_pattern).make("", "a b", "book_id")


def test_made_up_ids_sort_by_time() -> None:
    made = [uuid7() for _ in range(3)]
    assert all(each.variant == uuid.RFC_4122 for each in made)
    assert len({each.int >> 80 for each in made}) <= 3
    assert len(set(made)) == 3
