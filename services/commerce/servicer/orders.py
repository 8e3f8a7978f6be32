"""Serves OrderService: what moves an order on; drafts are records as any other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tenon.commerce.v1 import customer_pb2, order_pb2, product_pb2, variant_pb2
from tenon.commerce.v1 import order_service_pb2 as pb

from services.commerce.domain import orders, stock
from services.commerce.domain.stock import Place
from services.commerce.servicer.drafts import change_draft
from services.commerce.storage import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.chassis.call import Call
    from services.commerce.domain.orders import Item
    from services.commerce.domain.stock import Movement
    from services.records.engine import Engine
    from services.records.session import Session

Order = order_pb2.Order


class OrderServicer:
    """Moves orders on."""

    def __init__(self, records: Engine) -> None:
        """Take the engine."""
        self.records = records

    async def UpdateOrder(self, request: pb.UpdateOrderRequest, call: Call) -> bytes:
        """Change a draft."""
        name = request.order.name
        return await change_draft(self.records, request, call, kind=Order, name=name, state_of=_state)

    async def DeleteOrder(self, request: pb.DeleteOrderRequest, call: Call) -> bytes:
        """Delete a draft."""
        return await change_draft(self.records, request, call, kind=Order, name=request.name, state_of=_state)

    async def PlaceOrder(self, request: pb.PlaceOrderRequest, call: Call) -> bytes:
        """Settle the prices and the address of a draft, and set its stock aside."""

        async def work(session: Session) -> pb.PlaceOrderResponse:
            order = await self._open(session, request, orders.DRAFT)
            await _settle_prices(session, order)
            await _settle_address(session, order)
            wanted = {item.variant: item.quantity for item in order.items}
            await _move(session, order, wanted, partial(stock.reserve, for_order=True))
            order.place_time.GetCurrentTime()
            _fill(order, orders.place_items(_items(order)), "PLACED")
            await session.update(order, event="placed")
            return pb.PlaceOrderResponse(order=order)

        return await self.records.transact(request, call, work)

    async def FulfilOrder(self, request: pb.FulfilOrderRequest, call: Call) -> bytes:
        """Hand items over."""

        async def work(session: Session) -> pb.FulfilOrderResponse:
            order = await self._open(session, request, orders.OPEN)
            chosen = orders.choose(order.name, _items(order), _wanted(request), lambda item: item.left)
            await _move(session, order, chosen, stock.fulfil)
            items = orders.fulfil_items(_items(order), chosen)
            _fill(order, items, orders.state_of(items, _state(order)))
            await session.update(order, event="fulfilled" if _state(order) == "FULFILLED" else "partially_fulfilled")
            return pb.FulfilOrderResponse(order=order)

        return await self.records.transact(request, call, work)

    async def CancelOrder(self, request: pb.CancelOrderRequest, call: Call) -> bytes:
        """Give up what is not yet handed over."""

        async def work(session: Session) -> pb.CancelOrderResponse:
            order = await self._open(session, request, orders.CANCELLABLE)
            kept = {item.variant: item.reserved for item in order.items if item.reserved}
            await _move(session, order, kept, partial(stock.release, for_order=True), reason=request.reason)
            items = orders.cancel_items(_items(order))
            _fill(order, items, orders.state_of(items, _state(order)))
            order.reason = request.reason
            await session.update(order, event="cancelled")
            return pb.CancelOrderResponse(order=order)

        return await self.records.transact(request, call, work)

    async def ReturnOrder(self, request: pb.ReturnOrderRequest, call: Call) -> bytes:
        """Take items back."""

        async def work(session: Session) -> pb.ReturnOrderResponse:
            order = await self._open(session, request, orders.RETURNABLE)
            chosen = orders.choose(order.name, _items(order), _wanted(request), lambda item: item.kept)
            back = partial(stock.take_back, damaged=request.damaged)
            await _move(session, order, chosen, back, reason=request.reason)
            items = orders.return_items(_items(order), chosen)
            _fill(order, items, orders.state_of(items, _state(order)))
            order.reason = request.reason
            await session.update(order, event="returned")
            return pb.ReturnOrderResponse(order=order)

        return await self.records.transact(request, call, work)

    async def _open(self, session: Session, request: Any, states: Sequence[str]) -> Order:
        """Return the order of a request, locked and in one of the states."""
        order = await session.get(Order, request.name, lock=True, etag=request.etag)
        orders.require_state(order.name, _state(order), states)
        return order


async def _settle_prices(session: Session, order: Order) -> None:
    """Take over what the variants cost and are called now, if all of them are for sale."""
    variants = await session.get_all(variant_pb2.Variant, [item.variant for item in order.items])
    parents = [name.rpartition("/variants/")[0] for name in variants]
    products = await session.get_all(product_pb2.Product, parents)
    active = product_pb2.PRODUCT_STATE_ACTIVE
    orders.require_for_sale({name: product.state == active for name, product in products.items()})
    order.currency = orders.one_currency(variant.currency for variant in variants.values())
    for item in order.items:
        variant = variants[item.variant]
        title = products[item.variant.rpartition("/variants/")[0]].display_name
        item.price = variant.price
        item.display_name = f"{title}, {variant.display_name}" if variant.display_name else title
    order.total = orders.total_of(order.name, ((item.price, item.quantity) for item in order.items))


async def _settle_address(session: Session, order: Order) -> None:
    """Take over where the customer lives now, unless the order says where it goes."""
    customer = await session.get(customer_pb2.Customer, order.customer)
    if customer.HasField("shipping_address") and not order.HasField("shipping_address"):
        order.shipping_address.CopyFrom(customer.shipping_address)


async def _move(
    session: Session, order: Order, chosen: Mapping[str, int], make: Callable[[int], Movement], *, reason: str = ""
) -> None:
    """Move the stock of chosen items at the order's location."""
    ledger = Ledger(session, order=order.name, reason=reason)
    await ledger.move({Place(variant=v, location=order.location): make(quantity) for v, quantity in chosen.items()})


def _items(order: Order) -> tuple[Item, ...]:
    return tuple(
        orders.Item(
            variant=item.variant,
            quantity=item.quantity,
            reserved=item.reserved,
            fulfilled=item.fulfilled,
            cancelled=item.cancelled,
            returned=item.returned,
        )
        for item in order.items
    )


def _fill(order: Order, items: Sequence[Item], state: str) -> None:
    """Write into the order how far its items are."""
    for item, now in zip(order.items, items, strict=True):
        item.reserved, item.fulfilled, item.cancelled = now.reserved, now.fulfilled, now.cancelled
        item.returned = now.returned
    order.state = order_pb2.OrderState.Value(f"ORDER_STATE_{state}")


def _state(order: Order) -> str:
    return order_pb2.OrderState.Name(order.state).removeprefix("ORDER_STATE_")


def _wanted(request: Any) -> list[tuple[str, int]]:
    return [(item.variant, item.quantity) for item in request.items]
