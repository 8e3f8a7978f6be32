"""Orders from the draft to the return, and what they do to the stock."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.call import Caller, CallerKind
from services.chassis.errors import FailedPrecondition, PermissionDenied
from services.commerce.domain.orders import (
    CurrenciesDiffer,
    ProductNotForSale,
    QuantityExceeded,
    StateUnsuitable,
    TotalOutOfRange,
)
from services.commerce.domain.stock import StockInsufficient
from services.records.failures import EtagMismatch
from tests.integration.commerce.shop import BERLIN, VARIANT

if TYPE_CHECKING:
    from tests.integration.commerce.shop import Shop

DRAFT, PLACED, CONFIRMED, PARTLY, FULFILLED, CANCELLED, RETURNED = range(1, 8)


async def test_an_order_goes_its_way(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.order(quantity=3)
    assert (await shop.do("GetOrder", name=name)).state == DRAFT
    placed = (await shop.do("PlaceOrder", name=name)).order
    assert (placed.state, placed.total, placed.currency) == (PLACED, 29700, "EUR")
    assert (placed.items[0].price, placed.items[0].display_name) == (9900, "Runner, 42")
    assert await shop.level() == (10, 3, 7)
    assert (await shop.do("ConfirmOrder", name=name)).order.state == CONFIRMED
    partly = (await shop.do("FulfilOrder", name=name, items=[{"variant": VARIANT, "quantity": 1}])).order
    assert (partly.state, partly.items[0].fulfilled, partly.items[0].reserved) == (PARTLY, 1, 2)
    assert await shop.level() == (9, 2, 7)
    assert (await shop.do("FulfilOrder", name=name)).order.state == FULFILLED
    assert await shop.level() == (7, 0, 7)
    back = (await shop.do("ReturnOrder", name=name, items=[{"variant": VARIANT, "quantity": 2}])).order
    assert (back.state, back.items[0].returned) == (FULFILLED, 2)
    assert (await shop.do("ReturnOrder", name=name, damaged=True, reason="torn")).order.state == RETURNED
    assert await shop.level() == (9, 0, 9), "what came back damaged is not sold again"
    await shop.check_books()


async def test_each_step_is_an_event_of_its_own(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.confirmed()
    await shop.do("FulfilOrder", name=name)
    await shop.do("ReturnOrder", name=name)
    events = await shop.pool.fetch("SELECT type, revision FROM commerce.outbox WHERE subject = $1 ORDER BY id", (name,))
    told = [(event["type"].rpartition(".")[2], event["revision"]) for event in events]
    assert told == [("created", 1), ("placed", 2), ("confirmed", 3), ("fulfilled", 4), ("returned", 5)]


async def test_an_order_that_lacks_one_item_sets_nothing_aside(shop: Shop) -> None:
    other = await shop.variant("v43")
    await shop.stock(10)
    name = await shop.order(items=[{"variant": VARIANT, "quantity": 2}, {"variant": other, "quantity": 1}])
    with pytest.raises(StockInsufficient) as refused:
        await shop.do("PlaceOrder", name=name)
    assert [violation.field for violation in refused.value.violations] == [f"{other}/stockLevels/berlin"]
    assert await shop.level() == (10, 0, 10)
    assert (await shop.do("GetOrder", name=name)).state == DRAFT


async def test_cancelling_makes_what_is_left_available_again(shop: Shop) -> None:
    await shop.stock(10)
    early, late = await shop.confirmed(id_="early"), await shop.confirmed(id_="late")
    await shop.do("FulfilOrder", name=late, items=[{"variant": VARIANT, "quantity": 1}])
    assert (await shop.do("CancelOrder", name=early, reason="changed my mind")).order.state == CANCELLED
    given_up = (await shop.do("CancelOrder", name=late)).order
    assert (given_up.state, given_up.items[0].cancelled) == (FULFILLED, 2)
    assert await shop.level() == (9, 0, 9)
    await shop.check_books()


@pytest.mark.parametrize("method", ["PlaceOrder", "ConfirmOrder", "FulfilOrder", "CancelOrder", "ReturnOrder"])
async def test_an_order_that_is_given_up_stays_so(shop: Shop, method: str) -> None:
    name = await shop.order()
    await shop.do("CancelOrder", name=name)
    with pytest.raises(FailedPrecondition):
        await shop.do(method, name=name)


async def test_no_more_is_handed_over_or_taken_back_than_there_is(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.confirmed(quantity=3)
    items = [{"variant": VARIANT, "quantity": 4}]
    with pytest.raises(QuantityExceeded):
        await shop.do("FulfilOrder", name=name, items=items)
    await shop.do("FulfilOrder", name=name)
    with pytest.raises(QuantityExceeded):
        await shop.do("ReturnOrder", name=name, items=items)
    with pytest.raises(StateUnsuitable):
        await shop.do("FulfilOrder", name=name)


async def test_a_repeat_of_each_step_has_the_first_answer_and_no_second_effect(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.order(quantity=3)
    for method in ("PlaceOrder", "ConfirmOrder", "FulfilOrder", "ReturnOrder"):
        sent: dict[str, Any] = {"name": name, "request_id": str(uuid.uuid4())}
        first = await shop.send(method, **sent)
        level = await shop.level()
        assert await shop.send(method, **sent) == first, method
        assert await shop.level() == level, method


async def test_an_order_that_was_placed_is_changed_by_its_own_methods_alone(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.order()
    sent: dict[str, Any] = {"order": {"name": name, "notes": "ring twice"}, "request_id": str(uuid.uuid4())}
    first = await shop.send("UpdateOrder", **sent)
    await shop.do("PlaceOrder", name=name)
    with pytest.raises(StateUnsuitable):
        await shop.do("UpdateOrder", order={"name": name, "notes": "ring once"})
    with pytest.raises(StateUnsuitable, match="`orders/o1` is PLACED, and it has to be DRAFT"):
        await shop.do("DeleteOrder", name=name)
    with pytest.raises(StateUnsuitable):
        await shop.do("UpdateOrder", order={"name": name, "notes": "ring once"}, validate_only=True)
    assert await shop.send("UpdateOrder", **sent) == first, "a repeat of what was done while it was a draft"
    assert (await shop.do("GetOrder", name=name)).notes == "ring twice"
    draft = await shop.order("o2")
    await shop.do("DeleteOrder", name=draft)


async def test_an_etag_that_is_not_the_latest_stops_a_step(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.order()
    old = (await shop.do("GetOrder", name=name)).etag
    await shop.do("UpdateOrder", order={"name": name, "notes": "more"})
    with pytest.raises(EtagMismatch):
        await shop.do("PlaceOrder", name=name, etag=old)


async def test_what_is_not_for_sale_or_of_two_currencies_is_not_placed(shop: Shop) -> None:
    await shop.stock(10)
    dollars = await shop.variant("usd", currency="USD", price=1)
    items = [{"variant": VARIANT, "quantity": 1}, {"variant": dollars, "quantity": 1}]
    with pytest.raises(CurrenciesDiffer):
        await shop.do("PlaceOrder", name=await shop.order("mixed", items=items))
    name = await shop.order("late")
    await shop.do("ArchiveProduct", name="products/runner")
    with pytest.raises(ProductNotForSale):
        await shop.do("PlaceOrder", name=name)


async def test_who_may_not_see_contacts_gets_no_address_from_any_step(shop: Shop) -> None:
    await shop.stock(10)
    clerk = Caller(
        kind=CallerKind.USER, subject="users/2", organization="acme", permissions=frozenset({"commerce.orders.*"})
    )
    address = {"recipient": "Ada", "country": "DE"}
    name = await shop.order(shipping_address=address)
    assert not (await shop.do("PlaceOrder", clerk, name=name)).order.HasField("shipping_address")
    assert not (await shop.do("ConfirmOrder", clerk, name=name)).order.HasField("shipping_address")
    assert (await shop.do("FulfilOrder", name=name)).order.shipping_address.recipient == "Ada"


async def test_who_replaces_a_whole_order_keeps_the_address_that_they_may_not_see(shop: Shop) -> None:
    clerk = Caller(
        kind=CallerKind.USER, subject="users/2", organization="acme", permissions=frozenset({"commerce.orders.*"})
    )
    name = await shop.order(shipping_address={"recipient": "Ada", "country": "DE"})
    items = [{"variant": VARIANT, "quantity": 4}]
    body = {"name": name, "customer": "customers/ada", "location": BERLIN, "items": items}
    await shop.do("UpdateOrder", clerk, order=body, update_mask={"paths": ["*"]})
    left = await shop.do("GetOrder", name=name)
    assert (left.items[0].quantity, left.shipping_address.recipient) == (4, "Ada")
    await shop.do("UpdateOrder", order=body, update_mask={"paths": ["*"]})
    assert not (await shop.do("GetOrder", name=name)).HasField("shipping_address"), "who sees it may take it away"


async def test_an_order_keeps_the_address_that_its_customer_had_when_it_was_placed(shop: Shop) -> None:
    await shop.stock(10)
    first = {"recipient": "Ada", "country": "DE"}
    await shop.do("UpdateCustomer", customer={"name": "customers/ada", "shipping_address": first})
    name, other = await shop.order("o1"), await shop.order("o2", shipping_address={"recipient": "Bob", "country": "FR"})
    placed = (await shop.do("PlaceOrder", name=name)).order
    assert placed.shipping_address.recipient == "Ada"
    assert (await shop.do("PlaceOrder", name=other)).order.shipping_address.recipient == "Bob"
    moved = {"recipient": "Ada", "country": "IT"}
    await shop.do("UpdateCustomer", customer={"name": "customers/ada", "shipping_address": moved})
    assert (await shop.do("GetOrder", name=name)).shipping_address.country == "DE"


async def test_an_order_that_costs_more_than_can_be_kept_is_not_placed(shop: Shop) -> None:
    dear = await shop.variant("dear", price=2**62)
    await shop.stock(10, dear)
    with pytest.raises(TotalOutOfRange, match="`orders/dear` would cost"):
        await shop.do("PlaceOrder", name=await shop.order("dear", quantity=2, variant=dear))
    assert await shop.level(dear) == (10, 0, 10)
    assert (await shop.do("PlaceOrder", name=await shop.order("one", quantity=1, variant=dear))).order.total == 2**62


async def test_costs_and_contacts_are_for_those_who_may_see_them(shop: Shop) -> None:
    clerk = Caller(
        kind=CallerKind.USER,
        subject="users/2",
        organization="acme",
        permissions=frozenset({"commerce.variants.*", "commerce.customers.*"}),
    )
    assert (await shop.do("GetVariant", name=VARIANT)).cost_price == 4000
    assert not (await shop.do("GetVariant", clerk, name=VARIANT)).HasField("cost_price")
    assert (await shop.do("GetCustomer", clerk, name="customers/ada")).email == ""
    with pytest.raises(PermissionDenied):
        await shop.do("UpdateVariant", clerk, variant={"name": VARIANT, "cost_price": 1})
    events = await shop.events("Customer.created")
    assert b"ada@example.com" not in events[0]["after"]
