"""Says that something was written: to the watchers of this process, and by NOTIFY to those of others.

NOTIFY holds a lock of the whole database while its transaction commits, so no change sends one: a process sends one at
most every few milliseconds, in a transaction of its own and after the change. One that gets lost costs a poll.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from services.chassis.errors import TenonError
from services.chassis.postgres import FAILURES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Pool

CHANNEL = "tenon_outbox"
"""The channel of the notifications; their content is the schema of the outbox."""

SPACING = 0.02
"""Seconds between two notifications of one process, at least."""

_LOG = logging.getLogger(__name__)


class Rung:
    """A method that changes records, and rings the bell once it has."""

    __slots__ = ("_bell", "_function")

    def __init__(self, function: Callable[..., Awaitable[bytes]], bell: Bell) -> None:
        """Take what serves the method."""
        self._function, self._bell = function, bell

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call; in a transaction of the caller's nothing is committed yet."""
        answer = await self._function(request, call, executor)
        if executor is None:
            self._bell.ring()
        return answer


class Bell:
    """Rung after each change, by whatever writes."""

    def __init__(self, pool: Pool, schema: str, *, is_needed: bool = True, spacing: float = SPACING) -> None:
        """Take where notifications are sent, the schema whose outbox it is, and whether anybody could listen."""
        self._pool, self._schema, self._spacing = pool, schema, spacing
        self._is_needed = is_needed
        self._heard: set[Callable[[], None]] = set()
        self._pending: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._sending: asyncio.Task[None] | None = None

    def listen(self, callback: Callable[[], None]) -> None:
        """Have `callback` called in this process when the bell rings."""
        self._heard.add(callback)

    def ignore(self, callback: Callable[[], None]) -> None:
        """Call it no more."""
        self._heard.discard(callback)

    def ring(self) -> None:
        """Say that something has been committed. It costs next to nothing, and never raises."""
        if self._is_needed and self._pending is None:
            loop = asyncio.get_running_loop()
            self._pending = loop.call_at(max(loop.time(), self._last + self._spacing), self._strike)

    def _strike(self) -> None:
        loop = asyncio.get_running_loop()
        self._pending, self._last = None, loop.time()
        for callback in tuple(self._heard):
            callback()
        if self._sending is None or self._sending.done():
            self._sending = loop.create_task(self._notify())
        else:
            # The one before is still on its way, and may have been read by somebody before this change was made.
            self.ring()

    async def _notify(self) -> None:
        try:
            await self._pool.fetch("SELECT pg_notify($1, $2)", (CHANNEL, self._schema), repeatable=True)
        except (*FAILURES, TenonError) as error:
            _LOG.debug("Watchers of other processes will find out by themselves: %s", error)
