"""What may happen to stock: never less than nothing, and the movements add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.commerce.domain.stock import (
    MOST,
    Kind,
    LocationsSame,
    Movement,
    Place,
    Stock,
    StockInsufficient,
    StockOutOfRange,
    adjust,
    count,
    fulfil,
    move,
    receive,
    release,
    reserve,
    take_back,
    transfer,
)

PLACE = Place(variant="products/p/variants/v", location="locations/a")
OTHER = Place(variant="products/p/variants/v", location="locations/b")
MOVES = st.one_of(
    st.integers(-20, 20).map(adjust),
    *(st.integers(1, 20).map(make) for make in (reserve, release, fulfil, take_back, receive)),
    *(st.builds(make, st.integers(1, 20), for_order=st.booleans()) for make in (reserve, release)),
)


def after(stock: Stock, movement: Movement) -> Stock:
    return move({PLACE: stock}, {PLACE: movement})[PLACE]


def test_a_level_has_the_id_of_its_location() -> None:
    assert PLACE.level == "products/p/variants/v/stockLevels/a"


def test_what_is_set_aside_is_not_available() -> None:
    stock = after(Stock(on_hand=10), reserve(4))
    assert (stock.on_hand, stock.reserved, stock.available) == (10, 4, 6)
    assert after(stock, release(4)) == Stock(on_hand=10)
    assert after(Stock(on_hand=10, reserved=4, for_orders=4), fulfil(3)) == Stock(on_hand=7, reserved=1, for_orders=1)


def test_what_is_set_aside_for_orders_is_not_released_by_hand() -> None:
    stock = after(after(Stock(on_hand=10), reserve(4, for_order=True)), reserve(1))
    assert (stock.reserved, stock.for_orders) == (5, 4)
    with pytest.raises(StockInsufficient, match="1 more would be released than are set aside, those for orders apart"):
        after(stock, release(2))
    assert after(stock, release(4, for_order=True)) == Stock(on_hand=10, reserved=1)


@pytest.mark.parametrize("movement", [adjust(-7), reserve(7), release(5), release(1, for_order=True), fulfil(5)])
def test_nothing_goes_below_zero(movement: Movement) -> None:
    with pytest.raises(StockInsufficient) as refused:
        after(Stock(on_hand=10, reserved=4), movement)
    assert [violation.field for violation in refused.value.violations] == [PLACE.level]


@given(st.lists(MOVES, max_size=60))
def test_whatever_is_asked_the_stock_holds_and_the_movements_add_up_to_it(movements: list[Movement]) -> None:
    stock, written = Stock(), []
    for movement in movements:
        try:
            stock = after(stock, movement)
        except StockInsufficient:
            continue
        written.append(movement)
    assert 0 <= stock.for_orders <= stock.reserved <= stock.on_hand
    assert (stock.on_hand, stock.reserved) == (sum(m.quantity for m in written), sum(m.reserved for m in written))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 100))
def test_a_count_makes_the_stock_what_was_counted_unless_more_is_set_aside(held: int, reserved: int, n: int) -> None:
    stock = Stock(on_hand=held + reserved, reserved=reserved)
    if n < reserved:
        with pytest.raises(StockInsufficient):
            after(stock, count(stock, n))
    else:
        assert after(stock, count(stock, n)) == Stock(on_hand=n, reserved=reserved)


def test_what_one_place_lacks_keeps_all_from_moving_and_every_place_is_named() -> None:
    stocks = {PLACE: Stock(on_hand=1), OTHER: Stock()}
    with pytest.raises(StockInsufficient, match=r"\. 1 more are short\.") as refused:
        move(stocks, {PLACE: reserve(2), OTHER: reserve(2)})
    assert {violation.field for violation in refused.value.violations} == {PLACE.level, OTHER.level}


def test_a_transfer_takes_from_one_place_what_it_gives_to_the_other() -> None:
    moved = transfer(PLACE, OTHER, 3)
    assert [movement.kind for movement in moved.values()] == [Kind.TRANSFER_OUT, Kind.TRANSFER_IN]
    found = move({PLACE: Stock(on_hand=5), OTHER: Stock(on_hand=1)}, moved)
    assert (found[PLACE].on_hand, found[OTHER].on_hand) == (2, 4)


def test_a_location_does_not_deliver_to_itself() -> None:
    with pytest.raises(LocationsSame):
        transfer(PLACE, PLACE, 3)


def test_what_comes_back_damaged_is_not_sold_again() -> None:
    assert after(Stock(), take_back(3, damaged=True)) == Stock()
    assert after(Stock(), take_back(3)) == Stock(on_hand=3)


def test_more_than_can_be_kept_is_refused() -> None:
    with pytest.raises(StockOutOfRange):
        after(Stock(on_hand=MOST), adjust(1))


@pytest.mark.parametrize(
    ("level", "reserved", "is_low"), [(None, 10, False), (3, 6, False), (3, 7, True), (0, 10, True)]
)
def test_stock_is_low_at_its_reorder_level_and_below(level: int | None, reserved: int, is_low: bool) -> None:
    assert Stock(on_hand=10, reserved=reserved, reorder_level=level).is_low is is_low
