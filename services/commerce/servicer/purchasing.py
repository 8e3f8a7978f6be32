"""Serves PurchasingService: what a supplier delivers becomes stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.commerce.v1 import purchase_order_pb2
from tenon.commerce.v1 import purchasing_service_pb2 as pb

from services.commerce.domain import orders, stock
from services.commerce.domain.stock import Place
from services.commerce.servicer.drafts import change_draft
from services.commerce.storage import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.call import Call
    from services.commerce.domain.orders import Item
    from services.records.engine import Engine
    from services.records.session import Session

PurchaseOrder = purchase_order_pb2.PurchaseOrder
PREFIX = "PURCHASE_ORDER_STATE_"


class PurchasingServicer:
    """Keeps drafts apart from what was sent, and receives that."""

    def __init__(self, records: Engine) -> None:
        """Take the engine."""
        self.records = records

    async def UpdatePurchaseOrder(self, request: pb.UpdatePurchaseOrderRequest, call: Call) -> bytes:
        """Change a draft."""
        name = request.purchase_order.name
        return await change_draft(self.records, request, call, kind=PurchaseOrder, name=name, state_of=_state)

    async def DeletePurchaseOrder(self, request: pb.DeletePurchaseOrderRequest, call: Call) -> bytes:
        """Delete a draft."""
        name = request.name
        return await change_draft(self.records, request, call, kind=PurchaseOrder, name=name, state_of=_state)

    async def ReceivePurchaseOrder(self, request: pb.ReceivePurchaseOrderRequest, call: Call) -> bytes:
        """Add what has come to the stock."""

        async def work(session: Session) -> pb.ReceivePurchaseOrderResponse:
            purchase = await session.get(PurchaseOrder, request.name, lock=True, etag=request.etag)
            orders.require_state(purchase.name, _state(purchase), orders.COMING)
            wanted = [(item.variant, item.quantity) for item in request.items]
            chosen = orders.choose(purchase.name, _items(purchase), wanted, lambda item: item.left)
            places = {Place(variant=v, location=purchase.location): stock.receive(n) for v, n in chosen.items()}
            await Ledger(session, purchase_order=purchase.name).move(places)
            _fill(purchase, orders.fulfil_items(_items(purchase), chosen))
            await session.update(purchase, event=_state(purchase).lower())
            return pb.ReceivePurchaseOrderResponse(purchase_order=purchase)

        return await self.records.transact(request, call, work)


def _items(purchase: PurchaseOrder) -> tuple[Item, ...]:
    return tuple(
        orders.Item(variant=item.variant, quantity=item.quantity, fulfilled=item.received) for item in purchase.items
    )


def _fill(purchase: PurchaseOrder, items: Sequence[Item]) -> None:
    """Write into the purchase order how far its items are."""
    for item, now in zip(purchase.items, items, strict=True):
        item.received = now.fulfilled
    state = PREFIX + orders.received_state(items)
    purchase.state = purchase_order_pb2.PurchaseOrderState.Value(state)


def _state(purchase: PurchaseOrder) -> str:
    return purchase_order_pb2.PurchaseOrderState.Name(purchase.state).removeprefix(PREFIX)
