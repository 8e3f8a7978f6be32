"""Keeps stock levels and their movements in records, within one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.commerce.v1 import location_pb2, stock_level_pb2, stock_movement_pb2, variant_pb2

from services.commerce.domain.stock import Movement, Place, Stock, move
from services.records.failures import RecordExists
from services.records.session import Overtaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from services.records.session import Session

    StockLevel = stock_level_pb2.StockLevel

LOW = "commerce.tenon/StockLevel.low"
"""The event of stock that has become low."""


class Ledger:
    """The one place where stock changes: each change locks its level, writes a movement, and tells what becomes low."""

    def __init__(self, session: Session, *, reason: str = "", order: str = "", purchase_order: str = "") -> None:
        """Take the transaction, and what its movements say of themselves."""
        self._session = session
        self._reason, self._order, self._purchase_order = reason, order, purchase_order

    async def move(self, movements: Mapping[Place, Movement]) -> dict[Place, StockLevel]:
        """Make all movements or none, and return the levels after them.

        Raises:
            StockInsufficient: StockOutOfRange: as the domain has it.
            RecordNotFound: where there is no such variant, or no such location.
        """
        levels = await self._lock(movements)
        return await self._write(levels, movements)

    async def move_by(self, place: Place, plan: Callable[[Stock], Movement]) -> tuple[StockLevel, Movement]:
        """Make one movement that depends on what there is; return the level after it, and the movement."""
        levels = await self._lock([place])
        movement = plan(stock_of(levels.get(place)))
        return (await self._write(levels, {place: movement}))[place], movement

    async def set_reorder_level(self, place: Place, reorder_level: int | None) -> StockLevel:
        """Say from when on stock is low, and return its level."""
        levels = await self._lock([place])
        before = levels.get(place)
        level = stock_level_pb2.StockLevel(location=place.location)
        if before is not None:
            level.CopyFrom(before)
        level.ClearField("reorder_level")
        if reorder_level is not None:
            level.reorder_level = reorder_level
        return await self._keep(place, level, stock_of(level), before)

    async def _lock(self, places: Iterable[Place]) -> dict[Place, StockLevel]:
        """Return the levels that there are, locked until the end; where there is none, there could be one."""
        by_name = {place.level: place for place in places}
        found = await self._session.get_any(stock_level_pb2.StockLevel, by_name, lock=True)
        for name, place in by_name.items():
            if name not in found:
                await self._session.get(variant_pb2.Variant, place.variant)
                await self._session.get(location_pb2.Location, place.location)
        return {by_name[name]: level for name, level in found.items()}

    async def _write(
        self, levels: Mapping[Place, StockLevel], movements: Mapping[Place, Movement]
    ) -> dict[Place, StockLevel]:
        after = move({place: stock_of(levels.get(place)) for place in movements}, movements)
        written = {}
        for place in sorted(movements):
            before = levels.get(place)
            level = stock_level_pb2.StockLevel(location=place.location)
            if before is not None:
                level.CopyFrom(before)
            if movements[place].kind.name == "COUNT":
                level.count_time.GetCurrentTime()
            written[place] = await self._keep(place, level, after[place], before)
            await self._record(place, movements[place], after[place])
        return written

    async def _keep(self, place: Place, level: StockLevel, stock: Stock, before: StockLevel | None) -> StockLevel:
        level.on_hand, level.reserved, level.available = stock.on_hand, stock.reserved, stock.available
        level.reserved_for_orders, level.low = stock.for_orders, stock.is_low
        if before is not None:
            await self._session.update(level)
        else:
            await self._create(place, level)
        if level.low and not (before is not None and before.low):
            await self._session.emit(LOW, level.name, said=level)
        return level

    async def _create(self, place: Place, level: StockLevel) -> None:
        try:
            await self._session.create(level, parent=place.variant, id=place.location.rpartition("/")[2])
        except RecordExists as error:
            raise Overtaken(f"`{place.level}` was made just now. Retry shortly.") from error

    async def _record(self, place: Place, movement: Movement, after: Stock) -> None:
        kind = f"STOCK_MOVEMENT_KIND_{movement.kind.value}"
        await self._session.create(
            stock_movement_pb2.StockMovement(
                stock_level=place.level,
                kind=stock_movement_pb2.StockMovementKind.Value(kind),
                quantity=movement.quantity,
                reserved=movement.reserved,
                on_hand_after=after.on_hand,
                reserved_after=after.reserved,
                actor=self._session.call.caller.subject,
                reason=self._reason,
                order=self._order,
                purchase_order=self._purchase_order,
            )
        )


def stock_of(level: StockLevel | None) -> Stock:
    """Return what a level says; nothing where there is none."""
    if level is None:
        return Stock()
    reorder_level = level.reorder_level if level.HasField("reorder_level") else None
    return Stock(
        on_hand=level.on_hand,
        reserved=level.reserved,
        for_orders=level.reserved_for_orders,
        reorder_level=reorder_level,
    )
