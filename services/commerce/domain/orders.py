"""What may be done to an order and to a purchase order, and how far it is afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.chassis.errors import FailedPrecondition, InvalidArgument, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class StateUnsuitable(FailedPrecondition):
    """An order is not in a state that allows the call."""

    reason = "STATE_UNSUITABLE"
    domain = "commerce.tenon"


class QuantityExceeded(FailedPrecondition):
    """More is handed over, taken back or received than there is left of an item."""

    reason = "QUANTITY_EXCEEDED"
    domain = "commerce.tenon"


class ItemUnknown(InvalidArgument):
    """An item is named that the order does not have, or twice."""

    reason = "ITEM_UNKNOWN"
    domain = "commerce.tenon"


class CurrenciesDiffer(FailedPrecondition):
    """The variants of an order have prices in different currencies."""

    reason = "CURRENCIES_DIFFER"
    domain = "commerce.tenon"


class ProductNotForSale(FailedPrecondition):
    """An order holds a variant whose product is not active."""

    reason = "PRODUCT_NOT_FOR_SALE"
    domain = "commerce.tenon"


class TotalOutOfRange(FailedPrecondition):
    """The items of an order cost more together than 64 bits hold."""

    reason = "TOTAL_OUT_OF_RANGE"
    domain = "commerce.tenon"


DRAFT = ("DRAFT",)
"""States in which an order or a purchase order is changed and deleted as any record."""

OPEN = ("CONFIRMED", "PARTIALLY_FULFILLED")
"""States of an order of which something may be handed over."""

CANCELLABLE = ("DRAFT", "PLACED", *OPEN)
"""States of an order of which something may be given up."""

RETURNABLE = ("PARTIALLY_FULFILLED", "FULFILLED")
"""States of an order of which something may come back."""

COMING = ("SENT", "PARTIALLY_RECEIVED")
"""States of a purchase order of which something may come."""

MOST = 2**63 - 1
"""The most that an order costs, in the smallest unit of its currency."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """How far one item of an order is."""

    variant: str
    """Name of the variant."""
    quantity: int
    """How many are ordered."""
    reserved: int = 0
    """How many are set aside."""
    fulfilled: int = 0
    """How many were handed over, or have come from a supplier."""
    cancelled: int = 0
    """How many were given up."""
    returned: int = 0
    """How many of those that were handed over came back."""

    @property
    def left(self) -> int:
        """How many are still to be handed over, or to come."""
        return self.quantity - self.fulfilled - self.cancelled

    @property
    def kept(self) -> int:
        """How many the customer has."""
        return self.fulfilled - self.returned


def require_state(name: str, state: str, allowed: Sequence[str]) -> None:
    """Refuse an order in another state; raises StateUnsuitable with the states that are allowed."""
    if state not in allowed:
        wanted = " or ".join(allowed)
        raise StateUnsuitable(
            f"`{name}` is {state}, and it has to be {wanted}.",
            violations=[Violation(field=name, description=f"Is {state} and has to be {wanted}.")],
            metadata={"name": name, "state": state, "allowed": ", ".join(allowed)},
        )


def choose(
    name: str, items: Sequence[Item], wanted: Sequence[tuple[str, int]], most: Callable[[Item], int]
) -> dict[str, int]:
    """Return how many of each variant a call is about: what was asked for, or all that can be where nothing was.

    `most` is how many it can be of an item.

    Raises:
        ItemUnknown: where an item is asked for that the order does not have, or twice.
        QuantityExceeded: where more is asked for than can be, or nothing can be at all.
    """
    can = {item.variant: most(item) for item in items}
    if not wanted:
        found = {variant: quantity for variant, quantity in can.items() if quantity > 0}
        if not found:
            raise QuantityExceeded(f"Nothing of `{name}` is left for this.", metadata={"name": name, "left": "0"})
        return found
    seen = Counter(variant for variant, _ in wanted)
    for place, (variant, quantity) in enumerate(wanted):
        if variant not in can or seen[variant] > 1:
            said = f"`{variant}` is named twice." if variant in can else f"`{name}` has no item of `{variant}`."
            violation = Violation(field=f"items[{place}].variant", description=said, reason=ItemUnknown.reason)
            raise ItemUnknown(f"{violation.field}: {said}", violations=[violation], metadata={"variant": variant})
        if quantity > can[variant]:
            said = f"Of `{variant}` only {can[variant]:,} are left for this, and {quantity:,} were asked for."
            violation = Violation(field=f"items[{place}].quantity", description=said)
            metadata = {"name": name, "variant": variant, "left": str(can[variant])}
            raise QuantityExceeded(said, violations=[violation], metadata=metadata)
    return dict(wanted)


def place_items(items: Iterable[Item]) -> tuple[Item, ...]:
    """Set everything aside."""
    return tuple(replace(item, reserved=item.quantity) for item in items)


def fulfil_items(items: Iterable[Item], chosen: Mapping[str, int]) -> tuple[Item, ...]:
    """Hand over what was chosen."""
    return tuple(
        replace(item, reserved=max(0, item.reserved - count), fulfilled=item.fulfilled + count)
        for item in items
        for count in [chosen.get(item.variant, 0)]
    )


def cancel_items(items: Iterable[Item]) -> tuple[Item, ...]:
    """Give up all that is left."""
    return tuple(replace(item, reserved=0, cancelled=item.cancelled + item.left) for item in items)


def return_items(items: Iterable[Item], chosen: Mapping[str, int]) -> tuple[Item, ...]:
    """Take back what was chosen."""
    return tuple(replace(item, returned=item.returned + chosen.get(item.variant, 0)) for item in items)


def state_of(items: Sequence[Item], before: str) -> str:
    """Return how far an order is that was confirmed, whose items may have moved since."""
    if any(item.left for item in items):
        return "PARTIALLY_FULFILLED" if any(item.fulfilled for item in items) else before
    if not any(item.fulfilled for item in items):
        return "CANCELLED"
    return "FULFILLED" if any(item.kept for item in items) else "RETURNED"


def received_state(items: Sequence[Item]) -> str:
    """Return how far a purchase order is of which something has come."""
    return "PARTIALLY_RECEIVED" if any(item.left for item in items) else "RECEIVED"


def one_currency(currencies: Iterable[str]) -> str:
    """Return the one currency of all prices; raises CurrenciesDiffer."""
    found = sorted(set(currencies))
    if len(found) > 1:
        said = f"The prices are in {' and '.join(found)}. Order what has one currency."
        raise CurrenciesDiffer(said, metadata={"currencies": ", ".join(found)})
    return found[0]


def total_of(name: str, prices: Iterable[tuple[int, int]]) -> int:
    """Return what an order costs, by the price and the quantity of each item; raises TotalOutOfRange."""
    total = sum(price * quantity for price, quantity in prices)
    if total > MOST:
        said = f"`{name}` would cost {total:,}, and at most {MOST:,} can be kept. Order less at once."
        raise TotalOutOfRange(said, metadata={"name": name})
    return total


def require_for_sale(active: Mapping[str, bool]) -> None:
    """Refuse products that are not for sale; raises ProductNotForSale with all of them."""
    others = [product for product, is_active in active.items() if not is_active]
    if others:
        raise ProductNotForSale(
            f"`{others[0]}` is not for sale. Activate it, or take it out of the order.",
            violations=[Violation(field=product, description="Is not for sale.") for product in others],
            metadata={"product": others[0]},
        )
