"""How orders move on: nothing is handed over twice, and what is left is always known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.commerce.domain.orders import (
    CurrenciesDiffer,
    Item,
    ItemUnknown,
    ProductNotForSale,
    QuantityExceeded,
    StateUnsuitable,
    TotalOutOfRange,
    cancel_items,
    choose,
    fulfil_items,
    one_currency,
    place_items,
    received_state,
    require_for_sale,
    require_state,
    return_items,
    state_of,
    total_of,
)

if TYPE_CHECKING:
    from services.chassis.errors import TenonError

ITEMS = place_items([Item(variant="a", quantity=3), Item(variant="b", quantity=1)])


def left(item: Item) -> int:
    return item.left


def kept(item: Item) -> int:
    return item.kept


def test_what_is_placed_is_set_aside_whole() -> None:
    assert [(item.reserved, item.left) for item in ITEMS] == [(3, 3), (1, 1)]


def test_without_items_a_call_is_about_all_that_is_left() -> None:
    assert choose("orders/o", fulfil_items(ITEMS, {"a": 2}), [], left) == {"a": 1, "b": 1}


def test_where_nothing_is_left_there_is_nothing_to_do() -> None:
    with pytest.raises(QuantityExceeded, match="Nothing of `orders/o`"):
        choose("orders/o", fulfil_items(ITEMS, {"a": 3, "b": 1}), [], left)


@pytest.mark.parametrize(
    ("wanted", "error", "field"),
    [
        ([("a", 4)], QuantityExceeded, "items[0].quantity"),
        ([("a", 1), ("c", 1)], ItemUnknown, "items[1].variant"),
        ([("a", 1), ("a", 1)], ItemUnknown, "items[0].variant"),
    ],
)
def test_more_than_there_is_and_what_is_not_there_is_refused(
    wanted: list[tuple[str, int]], error: type[TenonError], field: str
) -> None:
    with pytest.raises(error) as refused:
        choose("orders/o", ITEMS, wanted, left)
    assert isinstance(refused.value, QuantityExceeded | ItemUnknown)
    assert [violation.field for violation in refused.value.violations] == [field]


def test_an_order_is_fulfilled_in_parts() -> None:
    first = fulfil_items(ITEMS, {"a": 2})
    assert state_of(first, "CONFIRMED") == "PARTIALLY_FULFILLED"
    second = fulfil_items(first, choose("orders/o", first, [], left))
    assert state_of(second, "PARTIALLY_FULFILLED") == "FULFILLED"
    assert [item.reserved for item in second] == [0, 0]


def test_an_order_given_up_before_anything_left_is_cancelled_and_later_it_is_fulfilled() -> None:
    assert state_of(cancel_items(ITEMS), "PLACED") == "CANCELLED"
    assert state_of(cancel_items(fulfil_items(ITEMS, {"a": 1})), "PARTIALLY_FULFILLED") == "FULFILLED"


def test_an_order_that_came_back_as_a_whole_is_returned() -> None:
    all_out = fulfil_items(ITEMS, {"a": 3, "b": 1})
    part = return_items(all_out, {"a": 3})
    assert state_of(part, "FULFILLED") == "FULFILLED"
    assert state_of(return_items(part, choose("orders/o", part, [], kept)), "FULFILLED") == "RETURNED"


@given(st.lists(st.tuples(st.sampled_from(["fulfil", "return", "cancel"]), st.integers(0, 3)), max_size=20))
def test_whatever_happens_no_item_is_handed_over_or_taken_back_more_often_than_it_is_there(
    steps: list[tuple[str, int]],
) -> None:
    items = ITEMS
    for step, number in steps:
        if step == "cancel":
            items = cancel_items(items)
            continue
        most, act = (left, fulfil_items) if step == "fulfil" else (kept, return_items)
        try:
            items = act(items, choose("orders/o", items, [("a", number)] if number else [], most))
        except QuantityExceeded:
            continue
    for item in items:
        assert item.fulfilled + item.cancelled + item.left == item.quantity
        assert 0 <= item.returned <= item.fulfilled <= item.quantity
        assert item.reserved == item.left >= 0


def test_a_purchase_order_is_received_once_nothing_is_outstanding() -> None:
    bought = (Item(variant="a", quantity=3), Item(variant="b", quantity=1))
    assert received_state(fulfil_items(bought, {"a": 3})) == "PARTIALLY_RECEIVED"
    assert received_state(fulfil_items(bought, {"a": 3, "b": 1})) == "RECEIVED"


def test_a_state_that_does_not_allow_the_call_is_named_with_those_that_do() -> None:
    with pytest.raises(StateUnsuitable, match="`orders/o` is DRAFT, and it has to be PLACED or CONFIRMED") as refused:
        require_state("orders/o", "DRAFT", ("PLACED", "CONFIRMED"))
    assert refused.value.metadata == {"name": "orders/o", "state": "DRAFT", "allowed": "PLACED, CONFIRMED"}
    require_state("orders/o", "PLACED", ("PLACED", "CONFIRMED"))


def test_an_order_has_one_currency() -> None:
    assert one_currency(["EUR", "EUR"]) == "EUR"
    with pytest.raises(CurrenciesDiffer, match="EUR and USD"):
        one_currency(["USD", "EUR"])


def test_an_order_costs_what_its_items_do_as_long_as_that_can_be_kept() -> None:
    assert total_of("orders/o", [(5, 2), (1, 3)]) == 13
    assert total_of("orders/o", [(2**63 - 1, 1)]) == 2**63 - 1
    with pytest.raises(TotalOutOfRange, match="Order less"):
        total_of("orders/o", [(2**62, 2)])


def test_what_is_not_for_sale_cannot_be_ordered() -> None:
    require_for_sale({"products/p": True})
    with pytest.raises(ProductNotForSale, match="products/q"):
        require_for_sale({"products/p": True, "products/q": False})
