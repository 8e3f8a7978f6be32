"""Stock, and what is written down about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.interceptors.fields import plan_of, walk
from services.commerce.domain.stock import StockInsufficient
from services.records.failures import NameInvalid, RecordNotFound
from tests.integration.commerce.shop import BERLIN, PARIS, VARIANT
from tests.integration.records.library import user

if TYPE_CHECKING:
    from services.chassis.errors import Violation
    from tests.integration.commerce.shop import Shop


async def test_every_change_writes_a_movement(shop: Shop) -> None:
    await shop.do("AdjustStock", variant=VARIANT, location=BERLIN, quantity=9, reason="first delivery")
    await shop.do("ReserveStock", variant=VARIANT, location=BERLIN, quantity=4)
    await shop.do("ReleaseStock", variant=VARIANT, location=BERLIN, quantity=1)
    await shop.do("TransferStock", variant=VARIANT, source=BERLIN, destination=PARIS, quantity=2)
    counted = await shop.do("CountStock", variant=VARIANT, location=BERLIN, counted=6)
    assert counted.difference == -1
    assert counted.stock_level.HasField("count_time")
    found = (await shop.do("ListStockMovements", order_by="create_time")).stock_movements
    level = f"{VARIANT}/stockLevels/berlin"
    assert [(m.kind, m.quantity, m.reserved, m.on_hand_after) for m in found if m.stock_level == level] == [
        (1, 9, 0, 9),
        (5, 0, 4, 9),
        (6, 0, -1, 9),
        (3, -2, 0, 7),
        (2, -1, 0, 6),
    ]
    assert (found[0].reason, found[0].actor) == ("first delivery", "users/1")
    assert await shop.level(location=PARIS) == (2, 0, 2)
    await shop.check_books()


async def test_more_than_is_available_does_not_leave(shop: Shop) -> None:
    await shop.stock(5)
    await shop.do("ReserveStock", variant=VARIANT, location=BERLIN, quantity=3)
    refused: list[tuple[str, dict[str, Any]]] = [
        ("ReserveStock", {"location": BERLIN, "quantity": 3}),
        ("ReleaseStock", {"location": BERLIN, "quantity": 4}),
        ("AdjustStock", {"location": BERLIN, "quantity": -3}),
        ("TransferStock", {"source": BERLIN, "destination": PARIS, "quantity": 3}),
        ("CountStock", {"location": BERLIN, "counted": 2}),
        ("ReserveStock", {"location": PARIS, "quantity": 1}),
    ]
    for method, fields in refused:
        with pytest.raises(StockInsufficient):
            await shop.do(method, variant=VARIANT, **fields)
    assert await shop.level() == (5, 3, 2)
    await shop.check_books()


async def test_stock_of_what_is_not_there_is_refused(shop: Shop) -> None:
    for method in ("AdjustStock", "ReserveStock"):
        with pytest.raises(RecordNotFound, match="Variant `products/runner/variants/none`"):
            await shop.do(method, variant="products/runner/variants/none", location=BERLIN, quantity=1)
        with pytest.raises(RecordNotFound, match="Location `locations/none`"):
            await shop.do(method, variant=VARIANT, location="locations/none", quantity=1)
    await shop.stock(1)
    with pytest.raises(RecordNotFound):
        await shop.do("AdjustStock", user("other"), variant=VARIANT, location=BERLIN, quantity=1)


@pytest.mark.parametrize("other", ["berlin", "stores/berlin", "locations/x/berlin", "locations/-", ""])
async def test_what_only_ends_as_a_location_does_is_none(shop: Shop, other: str) -> None:
    await shop.stock(5)
    with pytest.raises(NameInvalid, match=r"^location:"):
        await shop.stock(1, location=other)
    with pytest.raises(NameInvalid, match=r"^destination:"):
        await shop.do("TransferStock", variant=VARIANT, source=BERLIN, destination=other, quantity=1)
    assert await shop.level() == (5, 0, 5)


async def test_what_is_set_aside_for_an_order_leaves_with_it_alone(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.confirmed(quantity=3)
    await shop.do("ReserveStock", variant=VARIANT, location=BERLIN, quantity=2)
    with pytest.raises(StockInsufficient, match="1 more would be released than are set aside, those for orders apart"):
        await shop.do("ReleaseStock", variant=VARIANT, location=BERLIN, quantity=3)
    await shop.do("ReleaseStock", variant=VARIANT, location=BERLIN, quantity=2)
    await shop.do("FulfilOrder", name=name)
    assert await shop.level() == (7, 0, 7)
    await shop.check_books()


async def test_a_count_below_what_is_set_aside_says_what_to_do(shop: Shop) -> None:
    await shop.stock(10)
    await shop.do("ReserveStock", variant=VARIANT, location=BERLIN, quantity=4)
    with pytest.raises(StockInsufficient, match=r"1 more are set aside than were counted\. Release them"):
        await shop.do("CountStock", variant=VARIANT, location=BERLIN, counted=3)


def test_a_count_has_to_say_what_was_counted(shop: Shop) -> None:
    """One that is left out would empty the shelf."""
    request = shop.handlers[shop.path("CountStock")].request_type
    descriptor: Any = request.DESCRIPTOR
    plan = plan_of(descriptor, clears_output=True)
    for counted, wanted in (({}, ["counted"]), ({"counted": 0}, [])):
        said: list[Violation] = []
        walk(request(variant=VARIANT, location=BERLIN, **counted), plan, said)
        assert [violation.field for violation in said] == wanted


async def test_low_stock_is_told_once_for_each_crossing(shop: Shop) -> None:
    await shop.stock(10)
    await shop.do("SetReorderLevel", variant=VARIANT, location=BERLIN, reorder_level=4)
    assert await shop.events("StockLevel.low") == []
    for quantity in (-6, -1, 5, -5):
        await shop.stock(quantity)
    told = await shop.events("StockLevel.low")
    assert len(told) == 2, "at 4, and again at 3 after it had been 8"
    level = shop.engine.tables["tenon.commerce.v1.StockLevel"].message
    assert [level.FromString(event["after"]).available for event in told] == [4, 3]  # type: ignore[attr-defined]
    assert {event["subject"] for event in told} == {f"{VARIANT}/stockLevels/berlin"}


async def test_what_is_set_aside_makes_stock_low_and_so_does_a_higher_reorder_level(shop: Shop) -> None:
    await shop.stock(10)
    answer = await shop.do("SetReorderLevel", variant=VARIANT, location=BERLIN, reorder_level=10)
    assert answer.stock_level.low
    await shop.do("SetReorderLevel", variant=VARIANT, location=BERLIN, reorder_level=9)
    await shop.do("ReserveStock", variant=VARIANT, location=BERLIN, quantity=1)
    assert len(await shop.events("StockLevel.low")) == 2
    assert not (await shop.do("SetReorderLevel", variant=VARIANT, location=BERLIN)).stock_level.low
    found = await shop.do("ListStockLevels", parent="products/-/variants/-", filter="low = true")
    assert list(found.stock_levels) == []


async def test_a_reorder_level_may_be_set_before_there_is_stock(shop: Shop) -> None:
    answer = await shop.do("SetReorderLevel", variant=VARIANT, location=PARIS, reorder_level=2)
    assert answer.stock_level.low
    await shop.stock(3, location=PARIS)
    assert (await shop.do("ListStockLevels", parent=VARIANT)).stock_levels[0].low is False
