"""Purchase orders from the draft until all of it has come, and what they do to the stock."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from services.commerce.domain.orders import QuantityExceeded, StateUnsuitable
from tests.integration.commerce.shop import BERLIN, PARIS, VARIANT

if TYPE_CHECKING:
    from tests.integration.commerce.shop import Shop

PARTLY_RECEIVED, RECEIVED = 3, 4


async def buy(shop: Shop, id_: str = "p1") -> str:
    """Make a draft of ten."""
    await shop.do("CreateSupplier", supplier_id=f"s-{id_}", supplier={"display_name": id_})
    body = {
        "supplier": f"suppliers/s-{id_}",
        "location": BERLIN,
        "currency": "EUR",
        "items": [{"variant": VARIANT, "quantity": 10, "cost": 4000}],
    }
    return str((await shop.do("CreatePurchaseOrder", purchase_order_id=id_, purchase_order=body)).name)


async def test_what_comes_from_a_supplier_becomes_stock(shop: Shop) -> None:
    name = await buy(shop)
    with pytest.raises(StateUnsuitable):
        await shop.do("ReceivePurchaseOrder", name=name)
    await shop.do("SendPurchaseOrder", name=name)
    part: dict[str, Any] = {"name": name, "items": [{"variant": VARIANT, "quantity": 4}]}
    part["request_id"] = str(uuid.uuid4())
    first = await shop.send("ReceivePurchaseOrder", **part)
    assert await shop.send("ReceivePurchaseOrder", **part) == first
    assert await shop.level() == (4, 0, 4)
    with pytest.raises(QuantityExceeded):
        await shop.do("ReceivePurchaseOrder", name=name, items=[{"variant": VARIANT, "quantity": 7}])
    received = (await shop.do("ReceivePurchaseOrder", name=name)).purchase_order
    assert (received.state, received.items[0].received) == (RECEIVED, 10)
    assert await shop.level() == (10, 0, 10)
    assert len(await shop.events("PurchaseOrder.partially_received")) == 1
    await shop.check_books()


async def test_what_was_sent_is_neither_changed_nor_deleted(shop: Shop) -> None:
    """An update of its items would forget what has come, and it would come again."""
    name = await buy(shop)
    items = [{"variant": VARIANT, "quantity": 8, "cost": 3900}]
    await shop.do("UpdatePurchaseOrder", purchase_order={"name": name, "items": items})
    await shop.do("SendPurchaseOrder", name=name)
    await shop.do("ReceivePurchaseOrder", name=name, items=[{"variant": VARIANT, "quantity": 3}])
    for change in ({"items": [{"variant": VARIANT, "quantity": 2}]}, {"location": PARIS}, {"notes": "soon"}):
        with pytest.raises(StateUnsuitable):
            await shop.do("UpdatePurchaseOrder", purchase_order={"name": name, **change})
    with pytest.raises(StateUnsuitable):
        await shop.do("DeletePurchaseOrder", name=name)
    left = await shop.do("GetPurchaseOrder", name=name)
    assert (left.state, left.location, left.items[0].received) == (PARTLY_RECEIVED, BERLIN, 3)
    sent = await buy(shop, "p2")
    await shop.do("SendPurchaseOrder", name=sent)
    with pytest.raises(StateUnsuitable):
        await shop.do("DeletePurchaseOrder", name=sent)
    await shop.do("DeletePurchaseOrder", name=await buy(shop, "p3"))


async def test_what_it_costs_is_in_no_event(shop: Shop) -> None:
    await buy(shop)
    event = (await shop.events("PurchaseOrder.created"))[0]
    message: Any = shop.engine.tables["tenon.commerce.v1.PurchaseOrder"].message.FromString(event["after"])
    assert (message.items[0].quantity, message.items[0].cost) == (10, 0)


async def test_of_many_who_receive_the_same_each_thing_comes_once(shop: Shop) -> None:
    name = await buy(shop)
    await shop.do("SendPurchaseOrder", name=name)
    items = [{"variant": VARIANT, "quantity": 3}]
    calls = (shop.do("ReceivePurchaseOrder", name=name, items=items) for _ in range(6))
    found = await asyncio.gather(*calls, return_exceptions=True)
    failed = {type(each) for each in found if isinstance(each, BaseException)}
    assert failed == {QuantityExceeded}
    assert await shop.level() == (9, 0, 9)
    await shop.check_books()
