"""Watchers of commerce learn of what its own methods change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.chassis.call import Call
from tests.integration.commerce.shop import VARIANT
from tests.integration.records.library import NoTransport, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.commerce.shop import Shop

CREATED = 2


def watch(shop: Shop, method: str, **fields: Any) -> AsyncIterator[Any]:
    """Open a watch and give its messages."""
    handler = shop.handlers[shop.path(method)]
    call = Call(method=handler.method, metadata={}, transport=NoTransport())
    call.caller = user()
    answers: AsyncIterator[bytes] = handler.function(handler.request_type(**fields), call)  # type: ignore[assignment]

    async def decoded() -> AsyncIterator[Any]:
        try:
            async for answer in answers:
                yield shop.decode(method, answer)
        finally:
            await answers.aclose()  # type: ignore[attr-defined]

    return decoded()


async def test_a_watcher_of_stock_levels_sees_each_movement(shop: Shop) -> None:
    await shop.stock(2)
    seen: list[int] = []
    async with asyncio.timeout(20):
        moved = False
        async for message in watch(shop, "WatchStockLevels", parent=VARIANT):
            seen += [change.stock_level.on_hand for change in message.changes]
            if not moved and seen:
                await shop.stock(3)
                moved = True
            if seen[-1:] == [5]:
                break
    assert seen == [2, 5]
