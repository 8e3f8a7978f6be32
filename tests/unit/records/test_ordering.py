"""Orders: read by AIP-132, always ending in the name, and refused with a place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.records.reading.ordering import MAX_KEYS, MAX_LENGTH, OrderByInvalid, Orderings
from services.records.reading.pages import PageTokenInvalid
from tests.unit.records.filter.specimen import descriptor, table

ORDERINGS = Orderings(table().record, descriptor())


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", "name:string"),
        ("   ", "name:string"),
        ("small", "small:int32,name:string"),
        ("small desc", "small:int32 desc,name:string desc"),
        ("  small   desc ,code asc", "small:int32 desc,code:string,name:string"),
        ("part.inner.size desc", "part.inner.size:int32 desc,name:string desc"),
        ("name desc", "name:string desc"),
        ("small, name, big desc", "small:int32,name:string"),
    ],
)
def test_an_order_ends_in_the_name(text: str, shape: str) -> None:
    assert ORDERINGS.read(text).shape == shape


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", r"There is no field 'nope' \(at position 1\)"),
        ("small, smal", r"There is no field 'smal'; did you mean 'small' \(at position 8\)"),
        ("small, small desc", r"'small' is named twice \(at position 8\)"),
        ("small,,big", r"A field is missing here \(at position 7\)"),
        ("small,", "A field is missing here"),
        ("small down", "'small down' is not a field"),
        ("small DESC", "'small DESC' is not a field"),
        ("small; drop", "is not a field"),
        ("part.", "a dot with no name"),
        ("part..size", "a dot with no name"),
        ("part.zzz", r"no field 'zzz' \(at position 6\)"),
        ("part", "has no order"),
        ("tags", "has no order"),
        ("parts.size", "has no order"),
        ("labels.a", "has no order"),
        ("blob", "has no order"),
        ("secret", "There is no field 'secret'"),
        ("iban", "is sensitive"),
        ("small.x", "has no fields to follow"),
        (",".join(["small"] * (MAX_KEYS + 1)), "at most 8 fields"),
        ("x" * (MAX_LENGTH + 1), "at most 1,024 characters"),
    ],
)
def test_what_is_no_order_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(OrderByInvalid, match=said) as caught:
        ORDERINGS.read(text)
    assert caught.value.reason == "ORDER_BY_INVALID"
    assert {v.field for v in caught.value.violations} == {"order_by"}


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(OrderByInvalid) as caught:
        ORDERINGS.read("nope, small, tags")
    first, second = caught.value.violations
    assert "position 1)" in first.description
    assert "position 14)" in second.description


@settings(deadline=None)
@given(text=st.text(alphabet="small.,part desc\t\x00ä'\"", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    last = "name"
    try:
        last = ORDERINGS.read(text).keys[-1].path.root
    except OrderByInvalid as error:
        last = "name" if error.violations else ""
    assert last == "name"


def test_values_of_another_order_are_a_bad_token() -> None:
    ordering = ORDERINGS.read("at, small")
    at = datetime(2020, 1, 1, tzinfo=UTC)
    assert ordering.parameters([at, 1, "n"]) == {"after_0": at, "after_1": 1, "after_2": "n"}
    assert ordering.parameters([None, 1, "n"]) == {"after_1": 1, "after_2": "n"}
    others: tuple[list[Any], ...] = (
        [at, 1],
        ["x", 1, "n"],
        [at, "1", "n"],
        [at, None, "n"],
        [at, True, "n"],
        [at, 1, None],
    )
    for values in others:
        with pytest.raises(PageTokenInvalid):
            ordering.parameters(values)
