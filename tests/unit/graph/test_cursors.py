"""Cursors: each leads to one place, and what is none is refused."""

from __future__ import annotations

import base64
import contextlib
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.graph.cursors import Page, Place, cursor_of, first_cursor, last_cursor, seal, unseal
from services.graph.failures import CursorInvalid


def _page(count: int, following: str) -> Page:
    records = [SimpleNamespace(name=f"books/{index}") for index in range(count)]
    return Page(records=records, place=Place(token="begun"), following=following, response=None)


@given(st.text(max_size=50), st.integers(0, 1000), st.text(max_size=50), st.integers(0, 2**31 - 1))
def test_a_cursor_leads_back_to_its_place(token: str, count: int, name: str, skip: int) -> None:
    place = Place(token=token, count=count, name=name, skip=skip) if count else Place(token=token)
    assert unseal(seal(place)) == place


def test_the_last_row_of_a_page_has_the_cursor_of_the_next_page() -> None:
    page = _page(3, "next")
    assert unseal(cursor_of(page, 2)) == Place(token="next")
    assert cursor_of(page, 2) == last_cursor(page)


def test_a_row_in_the_midst_is_found_by_its_place_and_its_name() -> None:
    assert unseal(cursor_of(_page(3, "next"), 1)) == Place(token="begun", count=2, name="books/1")
    assert first_cursor(_page(3, "next")) == cursor_of(_page(3, "next"), 0)


def test_a_page_without_rows_leads_on_where_there_is_more() -> None:
    assert last_cursor(_page(0, "next")) == seal(Place(token="next"))
    assert last_cursor(_page(0, "")) is None
    assert first_cursor(_page(0, "next")) is None


@pytest.mark.parametrize(
    "parts", [None, {}, [], [1], ["a", 1], ["a", 0, "b", 0], ["a", 1001, "b", 0], ["a", 1, "b", -1], ["a", 1, 2, 0]]
)
def test_what_was_made_elsewhere_is_refused(parts: object) -> None:
    with pytest.raises(CursorInvalid):
        unseal(base64.urlsafe_b64encode(json.dumps(parts).encode()).decode())


@given(st.text(max_size=60))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    with contextlib.suppress(CursorInvalid):
        unseal(text)


def test_a_long_text_is_not_looked_at() -> None:
    with pytest.raises(CursorInvalid):
        unseal(seal(Place(token="x" * 30_000)))
