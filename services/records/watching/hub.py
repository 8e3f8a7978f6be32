"""What all watchers of one outbox have in common in a process: the tailer, and how much of the process they may use."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from services.chassis.contract import StandardKind
from services.chassis.errors import ResourceExhausted
from services.records.watching.log import Log
from services.records.watching.tailer import Tailer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable, Mapping, Sequence

    from services.chassis.call import Call
    from services.chassis.contract import Contract
    from services.chassis.postgres import Pool
    from services.records.schema.tables import RecordTable
    from services.records.watching.bell import Bell
    from services.records.watching.limits import WatchLimits
    from services.records.watching.views import View


def watched_types(contract: Contract, tables: Mapping[str, RecordTable]) -> tuple[str, ...]:
    """Return the types of the records that a process keeps and that can be watched."""
    found = (method.standard for method in contract.methods.values())
    watched = (each.record for each in found if each is not None and each.kind is StandardKind.WATCH)
    return tuple(sorted({tables[record].record.type for record in watched if record in tables}))


class TooManyWatches(ResourceExhausted):
    """This process has as many watches as it may have, or as the caller's organization may."""

    reason = "TOO_MANY_WATCHES"


class Hub:
    """The watchers of one outbox."""

    def __init__(self, pool: Pool, schema: str, bell: Bell, types: Sequence[str], limits: WatchLimits) -> None:
        """Take the outbox and the types of record that can be watched; nothing is read before somebody watches."""
        self.limits = limits
        self.log = Log(pool, schema, limits)
        self.reading = asyncio.Semaphore(limits.reads)
        """Held while a watcher reads by itself."""
        self.views: WeakValueDictionary[Hashable, View] = WeakValueDictionary()
        """What watchers share that ask for the same."""
        self.tailer = Tailer(pool, self.log, bell, types)
        self._watches: Counter[str] = Counter()
        self._ending: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watch(self, call: Call) -> AsyncIterator[None]:
        """Be a watcher for as long as the block lasts.

        Raises:
            TooManyWatches: if there are too many.
        """
        whose = call.caller.organization
        if self._watches.total() >= self.limits.watches or self._watches[whose] >= self.limits.watches_of_one:
            raise TooManyWatches("There are too many watches. End some, or retry later.", retry_after=5.0)
        if not self._watches.total():
            self._open(call)
        self._watches[whose] += 1
        try:
            yield
        finally:
            self._watches[whose] -= 1
            if not self._watches.total():
                self._close()

    def _open(self, call: Call) -> None:
        self.tailer.start()
        self._ending = asyncio.create_task(self._end(call))

    def _close(self) -> None:
        self.tailer.stop()
        self._watches.clear()
        if self._ending is not None:
            self._ending.cancel()

    async def _end(self, call: Call) -> None:
        """Wake all watchers when the process is about to end: each says where it is and ends its stream."""
        await call.ending.wait()
        if self.tailer.ring is not None:
            await self.tailer.ring.wake()
