"""How much there is, how much of it is promised, and what may happen to it: never less than nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from services.chassis.errors import FailedPrecondition, InvalidArgument, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST = 10**15
"""The most that is kept of one variant at one location; 64 bits would hold more, and sums of it would not."""


class StockInsufficient(FailedPrecondition):
    """Less is available, set aside or counted than is needed."""

    reason = "STOCK_INSUFFICIENT"
    domain = "commerce.tenon"


class StockOutOfRange(FailedPrecondition):
    """More would be kept than can be."""

    reason = "STOCK_OUT_OF_RANGE"
    domain = "commerce.tenon"


class LocationsSame(InvalidArgument):
    """Stock would be moved from a location to itself."""

    reason = "LOCATIONS_SAME"
    domain = "commerce.tenon"


class Kind(Enum):
    """Why stock changes; each is a value of `StockMovementKind`."""

    ADJUST = "ADJUST"
    COUNT = "COUNT"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"
    FULFIL = "FULFIL"
    RETURN = "RETURN"
    RECEIVE = "RECEIVE"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Place:
    """Where stock of one variant is."""

    variant: str
    """Name of the variant."""
    location: str
    """Name of the location."""

    @property
    def level(self) -> str:
        """Name of the stock level, which has the location's id."""
        return f"{self.variant}/stockLevels/{self.location.rpartition('/')[2]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """How much of one variant there is at one location."""

    on_hand: int = 0
    """How much there is."""
    reserved: int = 0
    """How much of it is set aside."""
    for_orders: int = 0
    """How much of what is set aside is for orders, and leaves with them alone."""
    reorder_level: int | None = None
    """The quantity at which it is low, or None where nobody wants to know."""

    @property
    def available(self) -> int:
        """How much of it can be promised."""
        return self.on_hand - self.reserved

    @property
    def is_low(self) -> bool:
        """Whether no more is available than the reorder level."""
        return self.reorder_level is not None and self.available <= self.reorder_level

    def moved(self, movement: Movement) -> Stock:
        """Return the stock after a movement, which may be more than there is: `lacks` tells."""
        return replace(
            self,
            on_hand=self.on_hand + movement.quantity,
            reserved=self.reserved + movement.reserved,
            for_orders=self.for_orders + (movement.reserved if movement.for_order else 0),
        )

    def lacks(self, kind: Kind) -> str:
        """Return what there would be less of than nothing after a movement, with the mend, or an empty text."""
        if self.for_orders < 0 or self.reserved < self.for_orders:
            more = max(-self.for_orders, self.for_orders - self.reserved)
            return f"{more:,} more would be released than are set aside, those for orders apart. Release less"
        if self.available < 0 and kind is Kind.COUNT:
            return f"{-self.available:,} more are set aside than were counted. Release them, or cancel orders, first"
        if self.available < 0:
            return f"{-self.available:,} more are needed than are available. Take less, or wait until there is more"
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """One change of stock."""

    kind: Kind
    """Why it changes."""
    quantity: int = 0
    """How much more there is."""
    reserved: int = 0
    """How much more is set aside."""
    for_order: bool = False
    """Whether what is set aside is for an order."""


def adjust(quantity: int) -> Movement:
    """Add by hand, or take away."""
    return Movement(kind=Kind.ADJUST, quantity=quantity)


def reserve(quantity: int, *, for_order: bool = False) -> Movement:
    """Set aside."""
    return Movement(kind=Kind.RESERVE, reserved=quantity, for_order=for_order)


def release(quantity: int, *, for_order: bool = False) -> Movement:
    """Make available again."""
    return Movement(kind=Kind.RELEASE, reserved=-quantity, for_order=for_order)


def fulfil(quantity: int) -> Movement:
    """Hand over what was set aside for an order."""
    return Movement(kind=Kind.FULFIL, quantity=-quantity, reserved=-quantity, for_order=True)


def take_back(quantity: int, *, damaged: bool = False) -> Movement:
    """Take back what was handed over; what is damaged is not added to the stock."""
    return Movement(kind=Kind.RETURN, quantity=0 if damaged else quantity)


def receive(quantity: int) -> Movement:
    """Add what a supplier delivered."""
    return Movement(kind=Kind.RECEIVE, quantity=quantity)


def count(stock: Stock, counted: int) -> Movement:
    """Make the stock what was counted."""
    return Movement(kind=Kind.COUNT, quantity=counted - stock.on_hand)


def transfer(source: Place, destination: Place, quantity: int) -> dict[Place, Movement]:
    """Move stock from one location to another; raises LocationsSame."""
    if source == destination:
        said = "It is the source as well. Name another location."
        raise LocationsSame(
            f"destination: {said}",
            violations=[Violation(field="destination", description=said, reason=LocationsSame.reason)],
            metadata={"location": source.location},
        )
    return {
        source: Movement(kind=Kind.TRANSFER_OUT, quantity=-quantity),
        destination: Movement(kind=Kind.TRANSFER_IN, quantity=quantity),
    }


def move(stocks: Mapping[Place, Stock], movements: Mapping[Place, Movement]) -> dict[Place, Stock]:
    """Return all stock after its movement.

    Raises:
        StockInsufficient: with every place that has less than it needs; then nothing moves.
        StockOutOfRange: where more would be kept than can be.
    """
    after = {place: stocks[place].moved(movement) for place, movement in movements.items()}
    refuse_shortages((place, stock.lacks(movements[place].kind)) for place, stock in after.items())
    for place, stock in after.items():
        if stock.on_hand > MOST:
            said = f"`{place.level}` would hold more than {MOST:,}. Add less."
            raise StockOutOfRange(said, metadata={"stock_level": place.level})
    return after


def refuse_shortages(found: Iterable[tuple[Place, str]]) -> None:
    """Raise StockInsufficient with every place that lacks something."""
    lacking = [(place, lack) for place, lack in found if lack]
    if not lacking:
        return
    place, lack = lacking[0]
    more = f" {len(lacking) - 1} more are short." if len(lacking) > 1 else ""
    raise StockInsufficient(
        f"`{place.variant}` at `{place.location}`: {lack}.{more}",
        violations=[
            Violation(field=each.level, description=f"{said}.", reason=StockInsufficient.reason)
            for each, said in lacking
        ],
        metadata={"variant": place.variant, "location": place.location},
    )
