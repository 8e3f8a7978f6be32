"""However many change one stock level at once: the sum is exact, and it is never below zero."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from services.commerce.domain.orders import StateUnsuitable
from services.commerce.domain.stock import StockInsufficient
from services.records.failures import RecordNotFound, RecordReferenced, StateForbids
from tests.integration.commerce.shop import BERLIN, PARIS, VARIANT

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.integration.commerce.shop import Shop

PLACED = 2


async def _together(*calls: Awaitable[Any]) -> tuple[list[Any], list[BaseException]]:
    """Return what came back, and what was raised."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    failed = [each for each in found if isinstance(each, BaseException)]
    return [each for each in found if not isinstance(each, BaseException)], failed


async def test_a_hundred_who_add_to_one_level_add_up(shop: Shop) -> None:
    """The level does not exist when they begin: one of them makes it."""
    await _together(*(shop.stock(n) for n in range(1, 101)))
    assert await shop.level() == (5050, 0, 5050)
    await shop.check_books()


async def test_of_a_hundred_who_want_the_last_sixty_exactly_sixty_get_one(shop: Shop) -> None:
    await shop.stock(60)
    done, failed = await _together(
        *(shop.do("ReserveStock", variant=VARIANT, location=BERLIN, quantity=1) for _ in range(100))
    )
    assert (len(done), {type(error) for error in failed}) == (60, {StockInsufficient})
    assert await shop.level() == (60, 60, 0)
    await shop.check_books()


async def test_a_hundred_writers_of_every_kind_leave_an_exact_sum(shop: Shop) -> None:
    await shop.stock(50)
    await shop.stock(50, location=PARIS)
    draw = random.Random(7)  # noqa: S311 - the same mixture in every run
    calls = [_any_change(shop, draw) for _ in range(100)]
    _, failed = await _together(*calls)
    assert {type(error) for error in failed} <= {StockInsufficient}
    await shop.check_books()


def _any_change(shop: Shop, draw: random.Random) -> Awaitable[Any]:
    method = draw.choice(["AdjustStock", "ReserveStock", "ReleaseStock", "TransferStock", "CountStock"])
    where, other = draw.sample([BERLIN, PARIS], 2)
    fields: dict[str, Any] = {"variant": VARIANT, "request_id": str(uuid.UUID(int=draw.getrandbits(128), version=4))}
    if method == "TransferStock":
        return shop.do(method, source=where, destination=other, quantity=draw.randint(1, 9), **fields)
    if method == "CountStock":
        return shop.do(method, location=where, counted=draw.randint(0, 90), **fields)
    quantity = draw.choice([-9, -3, 4, 8]) if method == "AdjustStock" else draw.randint(1, 9)
    return shop.do(method, location=where, quantity=quantity, **fields)


@pytest.mark.parametrize("times", [2, 20])
async def test_a_retry_with_the_same_request_id_changes_nothing(shop: Shop, times: int) -> None:
    sent: dict[str, Any] = {"variant": VARIANT, "location": BERLIN, "quantity": 5, "request_id": str(uuid.uuid4())}
    answers, failed = await _together(*(shop.send("AdjustStock", **sent) for _ in range(times)))
    later = await shop.send("AdjustStock", **sent)
    assert failed == []
    assert {*answers, later} == {later}
    assert await shop.level() == (5, 0, 5)
    assert len((await shop.do("ListStockMovements")).stock_movements) == 1


async def test_two_who_order_the_same_things_in_another_order_do_not_wait_for_ever(shop: Shop) -> None:
    variants = [VARIANT, await shop.variant("v43")]
    for variant in variants:
        await shop.stock(100, variant)
    for turn in range(5):
        names = []
        for number, order in enumerate((variants, variants[::-1])):
            items = [{"variant": variant, "quantity": 2} for variant in order]
            names.append(await shop.order(f"o{turn}-{number}", items=items))
        _, failed = await _together(*(shop.do("PlaceOrder", name=name) for name in names))
        assert failed == []
    assert await shop.level() == (100, 20, 80)
    await shop.check_books()


async def test_of_many_who_place_one_order_one_sets_its_stock_aside(shop: Shop) -> None:
    await shop.stock(10)
    name = await shop.order(quantity=4)
    done, failed = await _together(*(shop.do("PlaceOrder", name=name) for _ in range(10)))
    assert (len(done), len(failed)) == (1, 9)
    assert await shop.level() == (10, 4, 6)


async def test_fifty_who_place_and_reserve_the_same_five_variants_are_all_answered_within_seconds(shop: Shop) -> None:
    draw = random.Random(11)  # noqa: S311 - the same mixture in every run
    variants = [VARIANT, *[await shop.variant(f"w{number}") for number in range(4)]]
    for variant in variants:
        await shop.stock(40, variant)
    names = [await shop.order(f"o{n}", items=_basket(draw.sample(variants, 5), draw)) for n in range(25)]
    calls = [shop.do("PlaceOrder", name=name) for name in names]
    calls += [
        shop.do("ReserveStock", variant=draw.choice(variants), location=BERLIN, quantity=draw.randint(1, 4))
        for _ in range(25)
    ]
    draw.shuffle(calls)
    async with asyncio.timeout(20):
        done, failed = await _together(*calls)
    assert {type(error) for error in failed} <= {StockInsufficient}
    assert len(done) > len(failed)
    await shop.check_books()


def _basket(variants: list[str], draw: random.Random) -> list[dict[str, Any]]:
    return [{"variant": variant, "quantity": draw.randint(1, 3)} for variant in variants]


async def test_whose_call_is_cut_at_any_moment_has_changed_all_or_nothing(shop: Shop) -> None:
    await shop.stock(500)
    names = [await shop.order(f"o{number}", quantity=2) for number in range(30)]
    tasks = [asyncio.ensure_future(shop.do("PlaceOrder", name=name)) for name in names]
    for number, task in enumerate(tasks):
        # Each is cut after another number of turns of the loop, so at another of its waits.
        asyncio.get_running_loop().call_later(number / 1000, task.cancel)
    await asyncio.gather(*tasks, return_exceptions=True)
    orders = (await shop.do("ListOrders", page_size=100)).orders
    placed = sum(order.state == PLACED for order in orders)
    assert await shop.level() == (500, 2 * placed, 500 - 2 * placed)
    await shop.check_books()
    await asyncio.gather(*(shop.do("PlaceOrder", name=order.name) for order in orders if order.state != PLACED))
    assert await shop.level() == (500, 60, 440), "no connection is left in a transaction"


async def test_what_is_set_aside_for_orders_is_what_the_orders_say_whoever_changes_them_at_once(shop: Shop) -> None:
    other = await shop.variant("v43")
    for variant in (VARIANT, other):
        await shop.stock(60, variant)
    calls: list[Awaitable[Any]] = []
    for number in range(12):
        name = await shop.order(f"o{number}", quantity=3)
        items = [{"variant": variant, "quantity": 2} for variant in (other, VARIANT)]
        calls.append(shop.do("UpdateOrder", order={"name": name, "items": items}))
        calls.append(shop.do("DeleteOrder" if number % 3 == 0 else "CancelOrder", name=name))
        calls += [shop.do(method, name=name) for method in ("PlaceOrder", "ConfirmOrder", "FulfilOrder")]
    random.Random(5).shuffle(calls)  # noqa: S311 - the same mixture in every run
    _, failed = await _together(*calls)
    assert {type(error) for error in failed} <= {StateUnsuitable, StateForbids, RecordNotFound, RecordReferenced}
    reserved: Counter[str] = Counter()
    for order in (await shop.do("ListOrders", page_size=100, view=2)).orders:
        reserved.update({item.variant: item.reserved for item in order.items})
    levels = (await shop.do("ListStockLevels", parent="products/-/variants/-")).stock_levels
    found = {level.name.partition("/stockLevels/")[0]: level.reserved_for_orders for level in levels}
    assert found == {variant: reserved[variant] for variant in (VARIANT, other)}
    await shop.check_books()
