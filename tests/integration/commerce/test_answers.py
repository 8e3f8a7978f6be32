"""What Python code answers with shows nobody what they may not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tenon.commerce.v1 import catalog_service_pb2, order_pb2, order_service_pb2, variant_pb2

from services.chassis.call import Call, Caller, CallerKind
from services.records.transactions.transacting import service_caller
from tests.integration.commerce.shop import VARIANT
from tests.integration.records.library import NoTransport, user

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.records.session import Session
    from tests.integration.commerce.shop import Shop

CLERK = Caller(
    kind=CallerKind.USER, subject="users/2", organization="acme", permissions=frozenset({"commerce.orders.*"})
)


async def answer(shop: Shop, caller: Caller, make: Any, *, acting: Caller | None = None) -> bytes:
    """Have code answer a call as `make` says."""
    handler = shop.handlers[shop.path("PlaceOrder")]
    call = Call(method=handler.method, metadata={}, transport=NoTransport())
    call.caller = caller

    async def work(session: Session) -> Message:
        found: Message = await make(session)
        return found

    return await shop.engine.transact(handler.request_type(name="orders/o1"), call, work, acting=acting)


@pytest.mark.parametrize("acting", [None, service_caller("commerce", organization="acme")])
async def test_a_record_deep_in_an_answer_loses_what_its_caller_may_not_read(shop: Shop, acting: Caller | None) -> None:
    name = await shop.order(shipping_address={"recipient": "Ada", "country": "DE"})

    async def make(session: Session) -> Message:
        order = await session.get(order_pb2.Order, name)
        assert order.shipping_address.recipient == "Ada", "the code itself reads all of it"
        change = order_service_pb2.OrderChange(order=order)
        return order_service_pb2.WatchOrdersResponse(changes=[change, change])

    for caller, shown in ((CLERK, False), (user(), True)):
        found = order_service_pb2.WatchOrdersResponse.FromString(await answer(shop, caller, make, acting=acting))
        assert [change.order.name for change in found.changes] == [name, name]
        assert [change.order.HasField("shipping_address") for change in found.changes] == [shown, shown]


async def test_records_of_another_service_of_the_same_process_lose_it_as_well(shop: Shop) -> None:
    async def make(session: Session) -> Message:
        variant = await session.get(variant_pb2.Variant, VARIANT)
        return catalog_service_pb2.BatchGetVariantsResponse(variants=[variant])

    for caller, cost in ((CLERK, 0), (user(), 4000)):
        found = catalog_service_pb2.BatchGetVariantsResponse.FromString(await answer(shop, caller, make))
        assert (found.variants[0].sku, found.variants[0].cost_price) == ("R-v42", cost)
