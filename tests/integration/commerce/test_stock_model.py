"""Whatever is called in whatever order, commerce does what a model of a few lines does."""

from __future__ import annotations

import asyncio
import uuid
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.commerce.domain.orders import QuantityExceeded, StateUnsuitable
from services.commerce.domain.stock import LocationsSame, StockInsufficient
from services.records.failures import StateForbids
from tests.integration.commerce.shop import BERLIN, PARIS, VARIANT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.integration.commerce.shop import Shop

DRAFT, PLACED, CONFIRMED, PARTLY, FULFILLED, CANCELLED, RETURNED = range(1, 8)
SENT, PARTLY_RECEIVED, RECEIVED = 2, 3, 4
EXPECTED = (StockInsufficient, StateUnsuitable, StateForbids, QuantityExceeded, LocationsSame)
EXAMPLES, STEPS = 50, 40

VARIANTS = [VARIANT, "products/runner/variants/v43"]
variants = st.sampled_from(VARIANTS)
locations = st.sampled_from([BERLIN, PARIS])
quantities = st.integers(1, 6)
picks = st.integers(0, 99)
parts = st.dictionaries(variants, quantities, max_size=2)
baskets = st.dictionaries(variants, quantities, min_size=1, max_size=2)


class Line:
    """One item of an order or a purchase order: how many were ordered, handed over, given up and taken back."""

    def __init__(self, quantity: int) -> None:
        self.quantity, self.done, self.cancelled, self.returned = quantity, 0, 0, 0

    @property
    def left(self) -> int:
        return self.quantity - self.done - self.cancelled

    @property
    def kept(self) -> int:
        return self.done - self.returned


class Paper:
    """An order or a purchase order."""

    def __init__(self, name: str, location: str, basket: dict[str, int]) -> None:
        self.name, self.location, self.state = name, location, DRAFT
        self.lines = {variant: Line(quantity) for variant, quantity in basket.items()}

    def choose(self, part: dict[str, int], most: Callable[[Line], int]) -> dict[str, int] | None:
        """Return how many of what are meant, or None where that is more than there is."""
        if not part:
            found = {variant: most(line) for variant, line in self.lines.items() if most(line) > 0}
            return found or None
        return part if all(quantity <= most(self.lines[variant]) for variant, quantity in part.items()) else None

    def settle(self) -> None:
        """Say how far the order is."""
        lines = self.lines.values()
        if any(line.left for line in lines):
            self.state = PARTLY if any(line.done for line in lines) else self.state
        elif not any(line.done for line in lines):
            self.state = CANCELLED
        else:
            self.state = FULFILLED if any(line.kept for line in lines) else RETURNED


class Commerce(RuleBasedStateMachine):
    """Calls a shop, and keeps the same books with a pencil."""

    def __init__(self, shop: Shop, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.shop, self.loop = shop, loop
        self.run(shop.fill())
        self.run(shop.variant("v43", price=5))
        self.run(shop.do("CreateSupplier", supplier_id="acme", supplier={"display_name": "Acme"}))
        self.on_hand: dict[tuple[str, str], int] = {}
        self.manual: dict[tuple[str, str], int] = {}
        self.ordered: dict[tuple[str, str], int] = {}
        self.orders: list[Paper] = []
        self.purchases: list[Paper] = []
        self.last: tuple[str, dict[str, Any], bytes] | None = None
        for variant in VARIANTS:
            self.adjust(variant, BERLIN, 12)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    def call(self, method: str, error: type[Exception] | None = None, **fields: Any) -> bool:
        """Call the shop, and return whether it did what was asked, as was expected."""
        fields["request_id"] = str(uuid.uuid4())
        raised: type[Exception] | None = None
        answer = b""
        try:
            answer = self.run(self.shop.send(method, **fields))
        except EXPECTED as refused:
            raised = type(refused)
        assert raised is error, (method, fields)
        if raised is not None:
            return False
        self.last = method, fields, answer
        return True

    def available(self, place: tuple[str, str]) -> int:
        return self.on_hand.get(place, 0) - self.manual.get(place, 0) - self.ordered.get(place, 0)

    @staticmethod
    def add(to: dict[tuple[str, str], int], place: tuple[str, str], quantity: int) -> None:
        to[place] = to.get(place, 0) + quantity

    def short(self, *, when: bool) -> type[Exception] | None:
        return StockInsufficient if when else None

    @rule(variant=variants, location=locations, quantity=st.integers(-8, 12).filter(bool))
    def adjust(self, variant: str, location: str, quantity: int) -> None:
        place = variant, location
        error = self.short(when=quantity < 0 and self.available(place) + quantity < 0)
        if self.call("AdjustStock", error, variant=variant, location=location, quantity=quantity):
            self.add(self.on_hand, place, quantity)

    @rule(variant=variants, location=locations, quantity=quantities)
    def reserve(self, variant: str, location: str, quantity: int) -> None:
        place = variant, location
        error = self.short(when=self.available(place) < quantity)
        if self.call("ReserveStock", error, variant=variant, location=location, quantity=quantity):
            self.add(self.manual, place, quantity)

    @rule(variant=variants, location=locations, quantity=quantities)
    def release(self, variant: str, location: str, quantity: int) -> None:
        place = variant, location
        error = self.short(when=self.manual.get(place, 0) < quantity)
        if self.call("ReleaseStock", error, variant=variant, location=location, quantity=quantity):
            self.add(self.manual, place, -quantity)

    @rule(variant=variants, source=locations, destination=locations, quantity=quantities)
    def transfer(self, variant: str, source: str, destination: str, quantity: int) -> None:
        error = self.short(when=self.available((variant, source)) < quantity)
        if source == destination:
            error = LocationsSame
        fields = {"variant": variant, "source": source, "destination": destination, "quantity": quantity}
        if self.call("TransferStock", error, **fields):
            self.add(self.on_hand, (variant, source), -quantity)
            self.add(self.on_hand, (variant, destination), quantity)

    @rule(variant=variants, location=locations, counted=st.integers(0, 20))
    def count(self, variant: str, location: str, counted: int) -> None:
        place = variant, location
        error = self.short(when=counted < self.on_hand.get(place, 0) - self.available(place))
        if self.call("CountStock", error, variant=variant, location=location, counted=counted):
            self.on_hand[place] = counted

    @rule(location=locations, basket=baskets)
    def draft(self, location: str, basket: dict[str, int]) -> None:
        name = self.run(self.shop.order(f"o{uuid.uuid4()}", items=_items(basket), location=location))
        self.orders.append(Paper(name, location, basket))

    @rule(location=locations, basket=baskets, further=st.integers(0, 3), damaged=st.booleans())
    def sell(self, location: str, basket: dict[str, int], further: int, damaged: bool) -> None:
        """Bring an order to where most can happen to it; one by one the steps seldom meet on one order."""
        self.draft(location, basket)
        self.place(-1)
        if further and self.orders[-1].state == PLACED:
            self.confirm(-1)
        if further > 1 and self.orders[-1].state == CONFIRMED:
            self.fulfil(-1, dict.fromkeys(basket, 1))
        if further > 2 and self.orders[-1].state in (PARTLY, FULFILLED):
            self.take_back(-1, {}, damaged)

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def place(self, pick: int) -> None:
        order = self.orders[pick % len(self.orders)]
        places = {(variant, order.location): line.quantity for variant, line in order.lines.items()}
        error = self.short(when=any(self.available(place) < quantity for place, quantity in places.items()))
        if self.call("PlaceOrder", StateUnsuitable if order.state != DRAFT else error, name=order.name):
            order.state = PLACED
            for place, quantity in places.items():
                self.add(self.ordered, place, quantity)

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def confirm(self, pick: int) -> None:
        order = self.orders[pick % len(self.orders)]
        if self.call("ConfirmOrder", None if order.state == PLACED else StateForbids, name=order.name):
            order.state = CONFIRMED

    @precondition(lambda self: self.orders)
    @rule(pick=picks, part=parts)
    def fulfil(self, pick: int, part: dict[str, int]) -> None:
        order = self.orders[pick % len(self.orders)]
        part = {variant: quantity for variant, quantity in part.items() if variant in order.lines}
        chosen = order.choose(part, lambda line: line.left)
        error: type[Exception] | None = None if chosen else QuantityExceeded
        error = error if order.state in (CONFIRMED, PARTLY) else StateUnsuitable
        if self.call("FulfilOrder", error, name=order.name, items=_items(part)):
            for variant, quantity in (chosen or {}).items():
                order.lines[variant].done += quantity
                self.add(self.ordered, (variant, order.location), -quantity)
                self.add(self.on_hand, (variant, order.location), -quantity)
            order.settle()

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        order = self.orders[pick % len(self.orders)]
        error = None if order.state in (DRAFT, PLACED, CONFIRMED, PARTLY) else StateUnsuitable
        if self.call("CancelOrder", error, name=order.name):
            for variant, line in order.lines.items():
                if order.state != DRAFT:
                    self.add(self.ordered, (variant, order.location), -line.left)
                line.cancelled += line.left
            order.settle()

    @precondition(lambda self: self.orders)
    @rule(pick=picks, part=parts, damaged=st.booleans())
    def take_back(self, pick: int, part: dict[str, int], damaged: bool) -> None:
        order = self.orders[pick % len(self.orders)]
        part = {variant: quantity for variant, quantity in part.items() if variant in order.lines}
        chosen = order.choose(part, lambda line: line.kept)
        error: type[Exception] | None = None if chosen else QuantityExceeded
        error = error if order.state in (PARTLY, FULFILLED) else StateUnsuitable
        if self.call("ReturnOrder", error, name=order.name, items=_items(part), damaged=damaged):
            for variant, quantity in (chosen or {}).items():
                order.lines[variant].returned += quantity
                self.add(self.on_hand, (variant, order.location), 0 if damaged else quantity)
            order.settle()

    @precondition(lambda self: self.orders)
    @rule(pick=picks, basket=baskets)
    def rewrite(self, pick: int, basket: dict[str, int]) -> None:
        order = self.orders[pick % len(self.orders)]
        if {variant: line.quantity for variant, line in order.lines.items()} == basket:
            return
        error = None if order.state == DRAFT else StateUnsuitable
        changes = {"name": order.name, "state": FULFILLED, "items": _items(basket)}
        mask = {"paths": ["items", "state"]}
        if self.call("UpdateOrder", error, order=changes, update_mask=mask):
            order.lines = {variant: Line(quantity) for variant, quantity in basket.items()}

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        order = self.orders[pick % len(self.orders)]
        if order.state == DRAFT and self.call("DeleteOrder", name=order.name):
            self.orders.remove(order)

    @rule(location=locations, basket=baskets)
    def buy(self, location: str, basket: dict[str, int]) -> None:
        body = {"supplier": "suppliers/acme", "location": location, "currency": "EUR", "items": _items(basket)}
        made = self.run(self.shop.do("CreatePurchaseOrder", purchase_order=body))
        self.run(self.shop.do("SendPurchaseOrder", name=made.name))
        self.purchases.append(Paper(made.name, location, basket))
        self.purchases[-1].state = SENT

    @precondition(lambda self: self.purchases)
    @rule(pick=picks, part=parts)
    def receive(self, pick: int, part: dict[str, int]) -> None:
        bought = self.purchases[pick % len(self.purchases)]
        part = {variant: quantity for variant, quantity in part.items() if variant in bought.lines}
        chosen = bought.choose(part, lambda line: line.left)
        error: type[Exception] | None = None if chosen else QuantityExceeded
        error = error if bought.state in (SENT, PARTLY_RECEIVED) else StateUnsuitable
        if self.call("ReceivePurchaseOrder", error, name=bought.name, items=_items(part)):
            for variant, quantity in (chosen or {}).items():
                bought.lines[variant].done += quantity
                self.add(self.on_hand, (variant, bought.location), quantity)
            bought.state = PARTLY_RECEIVED if any(line.left for line in bought.lines.values()) else RECEIVED

    @precondition(lambda self: self.last)
    @rule()
    def repeat(self) -> None:
        assert self.last is not None
        method, fields, answer = self.last
        assert self.run(self.shop.send(method, **fields)) == answer

    @invariant()
    def stock_is_what_the_model_has(self) -> None:
        found = self.run(self.shop.do("ListStockLevels", parent="products/-/variants/-")).stock_levels
        levels = {(level.name.partition("/stockLevels/")[0], level.location): level for level in found}
        for place in levels.keys() | self.on_hand.keys() | self.ordered.keys() | self.manual.keys():
            ordered = self.ordered.get(place, 0)
            wanted = self.on_hand.get(place, 0), ordered, ordered + self.manual.get(place, 0)
            level = levels.get(place)
            got = (level.on_hand, level.reserved_for_orders, level.reserved) if level else (0, 0, 0)
            assert got == wanted, place

    @invariant()
    def orders_are_where_the_model_has_them(self) -> None:
        found = {order.name: order for order in self.run(self.shop.do("ListOrders", view=2)).orders}
        assert {name: order.state for name, order in found.items()} == {each.name: each.state for each in self.orders}
        for each in self.orders:
            lines = [(line.quantity, line.done, line.cancelled, line.returned) for line in each.lines.values()]
            items = found[each.name].items
            assert [(item.quantity, item.fulfilled, item.cancelled, item.returned) for item in items] == lines

    def teardown(self) -> None:
        self.run(self.shop.check_books())


def _items(basket: dict[str, int]) -> list[dict[str, Any]]:
    return [{"variant": variant, "quantity": quantity} for variant, quantity in basket.items()]


async def test_whatever_is_called_in_whatever_order_stock_and_orders_are_those_of_a_model(shop: Shop) -> None:
    """Hypothesis calls from a thread of its own, each time as another organization."""
    loop, numbers = asyncio.get_running_loop(), count(1)

    def open_shop() -> Commerce:
        return Commerce(shop.of(f"shop-{next(numbers)}"), loop)

    factory: Any = open_shop
    await asyncio.to_thread(
        run_state_machine_as_test,
        factory,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
