"""Runs what nobody waits for as tasks of the event loop."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)


class Background:
    """Tasks of the event loop (port `Later`)."""

    def __init__(self) -> None:
        """Begin with no task."""
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run it soon. It gets a context of its own, so that it joins no transaction."""
        task = asyncio.get_running_loop().create_task(_logged(work), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Wait until all that was begun is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks)


async def _logged(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except Exception:  # noqa: BLE001 - nobody waits for it, so that nobody else would tell of it
        _log.exception("what was left for later has failed")
