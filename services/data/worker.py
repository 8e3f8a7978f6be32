"""The background loops of the version that is served, and the end of those of the version before."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.chassis.frame import Task

GRACE = 30.0
"""Seconds for which the loops of a version that is no longer served go on: calls under way may need them."""


class Loops:
    """Runs the loops of one version after the other, as one loop of the process; one that raises ends it."""

    def __init__(self, tasks: Iterable[Task], *, grace: float = GRACE) -> None:
        """Take the first version's loops; nothing runs yet."""
        self._grace = grace
        self._wanted = tuple(tasks)
        self._changed = asyncio.Event()
        self._retired: set[asyncio.Task[None]] = set()

    def replace(self, tasks: Iterable[Task]) -> None:
        """Run these from now on; those of before end after a while. Nothing happens where they are the same."""
        wanted = tuple(tasks)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Run what is wanted, until cancelled."""
        while True:
            self._changed.clear()
            running = {asyncio.create_task(task(), name=getattr(task, "__qualname__", "")) for task in self._wanted}
            changed = asyncio.create_task(self._changed.wait())
            try:
                await self._watch(running, changed)
            except BaseException:
                await _end({*running, changed, *self._retired})
                raise
            self._retire(running)

    async def _watch(self, running: set[asyncio.Task[None]], changed: asyncio.Task[bool]) -> None:
        """Wait until other loops are wanted, and raise what a loop raises meanwhile."""
        while not changed.done():
            done, _ = await asyncio.wait({changed, *running, *self._retired}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {changed}:
                running.discard(task)
                self._retired.discard(task)
                task.result()

    def _retire(self, running: set[asyncio.Task[None]]) -> None:
        self._retired.add(asyncio.create_task(self._end_later(running), name="retired loops"))

    async def _end_later(self, running: set[asyncio.Task[None]]) -> None:
        try:
            await asyncio.sleep(self._grace)
        finally:
            await _end(running)
        # The version before is garbage by now, but what was there at the start is never looked at.
        gc.unfreeze()
        gc.collect()
        gc.freeze()


async def _end(tasks: Iterable[asyncio.Task[object]]) -> None:
    for task in (ended := list(tasks)):
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
