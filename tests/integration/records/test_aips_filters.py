"""Statements of AIP-160 about filters, each under its number in the list that `test_aips_writing.py` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.records.filter import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, FilterInvalid
from tests.integration.records.books import PARENT, found, shelf_of_books

if TYPE_CHECKING:
    from tests.integration.records.library import Library

BOOKS: list[dict[str, Any]] = [
    {"pages": 1, "rare": True, "tags": ["red", "blue"], "author": {"name": "Ann"}, "note": "100% wool"},
    {
        "pages": 1,
        "copies": 7,
        "state": 2,
        "numbers": [1, 42],
        "author": {},
        "editors": [{}, {"name": "Bob", "teachers": [{"name": "Ida"}]}],
        "rating": 0,
        "subtitle": "Red herring",
    },
    {
        "pages": 2,
        "reading_time": {"seconds": 20},
        "published_at": {"seconds": 1357034400},
        "characters": {7: {"name": "Eve", "born": 9}},
        "labels": {"a": "1", "b.c": "*"},
        "note": "a.foo",
    },
    {"copies": 7, "nickname": {"value": ""}, "note": "b*foo", "tags": ["infrared"], "extra": {"a": 1}},
]
"""Books `b0` to `b3`, with the titles `t0` to `t3`."""


@pytest.fixture(autouse=True)
async def shelf(library: Library) -> None:
    await shelf_of_books(library, *BOOKS)


async def finds(library: Library, meanings: dict[str, str]) -> None:
    """Hold each filter to the ids of the books that it finds."""
    for text, wanted in meanings.items():
        assert await found(library, text) == wanted, text


async def test_28_or_binds_tighter_than_and_beside_is_and_and_not_is_a_minus(library: Library) -> None:
    await finds(
        library,
        {
            "pages = 1 AND rare = true OR copies = 7": "01",
            "(pages = 2 AND rare = true) OR copies = 7": "13",
            "copies = 7 OR pages = 2 AND rare = false": "123",
            "pages = 1 (rare = true OR copies = 7)": "01",
            "pages = 1 copies = 7": "1",
            "pages = 1 rare = true OR copies = 7": "01",
            "-pages = 1": "23",
            "NOT pages = 1": "23",
            "-(pages = 1 OR pages = 2)": "3",
            "NOT pages = 1 OR rare = true": "023",
        },
    )


async def test_29_comparisons_have_the_field_on_the_left_and_a_value_of_its_kind(library: Library) -> None:
    await finds(
        library,
        {
            "pages != 1": "23",
            "pages < 2 AND pages <= 1 AND pages > 0 AND pages >= 1": "01",
            "pages:1": "01",
            "state = STATE_OUT": "1",
            "state != STATE_OUT": "023",
            "rare = true": "0",
            "rare != true": "123",
            "reading_time > 19.5s AND reading_time = 20s": "2",
            'published_at = "2013-01-01T12:00:00+02:00"': "2",
            "published_at = 2013-01-01T10:00:00Z": "2",
            'published_at < "2013-01-01T10:00:01Z"': "2",
            "title > t1 title <= 't3'": "23",
            "pages = (1 OR 2)": "012",
        },
    )


async def test_30_a_star_in_a_text_stands_for_anything_and_all_else_for_itself(library: Library) -> None:
    await finds(
        library,
        {
            'note = "*.foo"': "2",
            "note = *foo": "23",
            'note != "*.foo"': "013",
            'note = "100%*"': "0",
            'note = "1_0%*"': "",
            'note = "b\\**"': "3",
            'note = "?\\*foo"': "",
            "title = t*": "0123",
            "subtitle = *": "1",
            "subtitle != *x*": "1",
            "subtitle = red*": "",
            "tags:*red": "03",
            "tags:inf*": "3",
            "author.name = A*n": "0",
            "author.name != A*": "1",
            "editors.teachers.name:I*": "1",
            "labels.a = *1*": "2",
            'labels."b.c" = "\\*"': "2",
            "nickname = *": "3",
        },
    )


async def test_31_dots_lead_through_messages_and_maps_and_through_lists_by_a_colon_alone(library: Library) -> None:
    await finds(
        library,
        {
            "author.name = Ann": "0",
            "characters.7.name = Eve": "2",
            "characters.7.born > 8": "2",
            'labels."b.c" = "\\*"': "2",
            "editors.name:Bob": "1",
            "editors.teachers.name:Ida": "1",
        },
    )
    for text in ("editors.name = Bob", "editors.0.name:Bob", "tags.0 = red", "tags[0] = red"):
        with pytest.raises(FilterInvalid):
            await found(library, text)


async def test_32_what_is_unset_on_the_way_matches_nothing_unequal_included(library: Library) -> None:
    await finds(
        library,
        {
            "author.name != Zoe": "01",
            "author.met_at != 2013-01-01T00:00:00Z": "",
            "rating != 3": "1",
            "NOT rating = 3": "0123",
            "nickname != x": "3",
            'labels.a != "z"': "2",
            "characters.7.name != Zoe": "2",
            "characters.8.name != Zoe": "",
            "subtitle != *z*": "1",
        },
    )


async def test_33_a_colon_asks_whether_there_is_an_element_a_key_a_field_or_anything(library: Library) -> None:
    await finds(
        library,
        {
            "tags:red": "0",
            "numbers:42": "1",
            "labels:a": "2",
            "labels.a:*": "2",
            "labels.a:1": "2",
            "characters:7": "2",
            "tags:*": "03",
            "rating:*": "",
            "author:*": "01",
            "author:name": "0",
            "subtitle:*": "1",
            "pages:*": "012",
            "extra:*": "3",
        },
    )


async def test_34_a_word_is_looked_for_in_the_texts_and_there_are_no_functions(library: Library) -> None:
    await finds(
        library,
        {
            "red": "013",
            "RED": "013",
            "red herring": "1",
            '"red herring"': "1",
            '"herring red"': "",
            "red -herring": "03",
            "wool OR foo": "023",
            "t1": "1",
            "a.foo": "2",
            '"%"': "0",
            '"\\*"': "3",
            "in*red": "3",
            "pages = 1 red": "01",
            "shelves": "",
        },
    )
    for text, position in {"now()": "1", "pages = 1 AND f(x)": "15", "published_at > now()": "16"}.items():
        with pytest.raises(FilterInvalid, match="There are no functions") as refused:
            await found(library, text)
        assert refused.value.metadata["position"] == position


NOT_UNDERSTOOD = {
    "pages =": 8,
    "nope = 1": 1,
    "author.nope = 1": 8,
    "pages = red": 9,
    "rare = yes": 8,
    "state = STATE_NONE": 9,
    "state = state_out": 9,
    "reading_time = 20": 16,
    "published_at = yesterday": 16,
    "tags = red": 1,
    "tags[0] = red": 1,
    "numbers:red": 9,
    "characters.x.name = Eve": 12,
    "author = Ann": 1,
    "cover = x": 1,
    "code = x": 1,
    "pages = 1\nAND nope = 1": 15,
    "pages = 1 OR": 13,
    "(pages = 1": 11,
}
"""Filters that are refused, each with the place of the mistake."""


async def test_35_a_filter_that_is_wrong_is_refused_with_its_place(library: Library) -> None:
    for text, position in NOT_UNDERSTOOD.items():
        with pytest.raises(FilterInvalid) as refused:
            await library.do("ListBooks", **PARENT, filter=text)
        assert {violation.field for violation in refused.value.violations} == {"filter"}, text
        assert refused.value.metadata["position"] == str(position), text


async def test_36_length_depth_and_terms_are_limited(library: Library) -> None:
    allowed = [
        "(" * MAX_DEPTH + "pages = 1" + ")" * MAX_DEPTH,
        " AND ".join(["pages = 1"] * MAX_TERMS),
        " ".join(["t"] * MAX_TERMS),
        "title != " + "x" * (MAX_LENGTH - 9),
    ]
    for text in allowed:
        assert await found(library, text)
    refused = ["(" + allowed[0] + ")", allowed[1] + " AND pages = 1", allowed[2] + " t", allowed[3] + "x"]
    for text in refused:
        with pytest.raises(FilterInvalid, match=r"[Aa]t most"):
            await found(library, text)
