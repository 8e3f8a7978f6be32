"""The loops of the version that is served: those of the next run in their place, and a crash ends the process."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from services.data.worker import Loops


class Loop:
    """Runs until it is cancelled, and tells."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()


async def test_the_loops_of_the_next_version_follow_and_those_of_before_end_after_a_while() -> None:
    old, new = Loop(), Loop()
    loops = Loops((old.run,), grace=0.05)
    running = asyncio.create_task(loops.run())
    async with asyncio.timeout(5):
        await old.begun.wait()
        loops.replace((new.run,))
        await new.begun.wait()
        assert not old.ended.is_set()
        await old.ended.wait()
    assert not new.ended.is_set()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert new.ended.is_set()


async def test_the_same_loops_are_not_begun_twice() -> None:
    loop = Loop()
    loops = Loops((loop.run,), grace=0.0)
    running = asyncio.create_task(loops.run())
    await loop.begun.wait()
    loop.begun.clear()
    loops.replace((loop.run,))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not loop.begun.is_set()
    assert not loop.ended.is_set()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_loop_that_raises_ends_them_all() -> None:
    async def crash() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    beside = Loop()
    with pytest.raises(ValueError, match="broken"):
        await Loops((beside.run, crash)).run()
    assert beside.ended.is_set()
