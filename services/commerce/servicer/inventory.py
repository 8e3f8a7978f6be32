"""Serves InventoryService: what changes stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.commerce.v1 import inventory_service_pb2 as pb
from tenon.commerce.v1 import location_pb2, variant_pb2

from services.commerce.domain import stock
from services.commerce.domain.stock import Place
from services.commerce.storage import Ledger

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.records.engine import Engine
    from services.records.session import Session


class InventoryServicer:
    """Changes stock."""

    def __init__(self, records: Engine) -> None:
        """Take the engine."""
        self.records = records

    async def ReserveStock(self, request: pb.ReserveStockRequest, call: Call) -> bytes:
        """Set stock aside."""

        async def work(session: Session) -> pb.ReserveStockResponse:
            place = _place(session, request.variant, request.location)
            levels = await Ledger(session, reason=request.reason).move({place: stock.reserve(request.quantity)})
            return pb.ReserveStockResponse(stock_level=levels[place])

        return await self.records.transact(request, call, work)

    async def ReleaseStock(self, request: pb.ReleaseStockRequest, call: Call) -> bytes:
        """Make stock available again."""

        async def work(session: Session) -> pb.ReleaseStockResponse:
            place = _place(session, request.variant, request.location)
            levels = await Ledger(session, reason=request.reason).move({place: stock.release(request.quantity)})
            return pb.ReleaseStockResponse(stock_level=levels[place])

        return await self.records.transact(request, call, work)

    async def AdjustStock(self, request: pb.AdjustStockRequest, call: Call) -> bytes:
        """Add to the stock, or take from it."""

        async def work(session: Session) -> pb.AdjustStockResponse:
            place = _place(session, request.variant, request.location)
            levels = await Ledger(session, reason=request.reason).move({place: stock.adjust(request.quantity)})
            return pb.AdjustStockResponse(stock_level=levels[place])

        return await self.records.transact(request, call, work)

    async def TransferStock(self, request: pb.TransferStockRequest, call: Call) -> bytes:
        """Move stock from one location to another."""

        async def work(session: Session) -> pb.TransferStockResponse:
            source = _place(session, request.variant, request.source, "source")
            destination = _place(session, request.variant, request.destination, "destination")
            moved = stock.transfer(source, destination, request.quantity)
            levels = await Ledger(session, reason=request.reason).move(moved)
            return pb.TransferStockResponse(source=levels[source], destination=levels[destination])

        return await self.records.transact(request, call, work)

    async def CountStock(self, request: pb.CountStockRequest, call: Call) -> bytes:
        """Make the stock what was counted."""

        async def work(session: Session) -> pb.CountStockResponse:
            place = _place(session, request.variant, request.location)
            ledger = Ledger(session, reason=request.reason)
            level, movement = await ledger.move_by(place, lambda before: stock.count(before, request.counted))
            return pb.CountStockResponse(stock_level=level, difference=movement.quantity)

        return await self.records.transact(request, call, work)

    async def SetReorderLevel(self, request: pb.SetReorderLevelRequest, call: Call) -> bytes:
        """Say from which quantity on stock is low."""

        async def work(session: Session) -> pb.SetReorderLevelResponse:
            place = _place(session, request.variant, request.location)
            wanted = request.reorder_level if request.HasField("reorder_level") else None
            return pb.SetReorderLevelResponse(stock_level=await Ledger(session).set_reorder_level(place, wanted))

        return await self.records.transact(request, call, work)


def _place(session: Session, variant: str, location: str, field: str = "location") -> Place:
    """Return where stock is; `field` has the location in the request. Raises NameInvalid."""
    session.check_name(variant_pb2.Variant, variant, "variant")
    session.check_name(location_pb2.Location, location, field)
    return Place(variant=variant, location=location)
