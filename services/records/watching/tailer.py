"""Reads what is new in an outbox into a ring, for as long as there are watchers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.errors import TenonError, Unavailable
from services.chassis.postgres import FAILURES
from services.records.watching.bell import CHANNEL
from services.records.watching.log import PlaceLost
from services.records.watching.place import Position
from services.records.watching.ring import Ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.postgres import Pool
    from services.records.watching.bell import Bell
    from services.records.watching.log import Log
    from services.records.watching.snapshots import Snapshot

SPACING = 0.01
"""Seconds between two looks, at least."""

SPACING_PER_WATCHER = 0.0001
"""Seconds that each watcher adds to that. Many get fewer and larger messages, or they would fill the process."""

RETRY = 1.0
"""Seconds before the next attempt, where the database does not answer."""

_LOG = logging.getLogger(__name__)


class OutboxUnread(Unavailable):
    """What has changed cannot be read just now."""

    reason = "DATABASE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Caught:
    """A moment at which the ring had all that was committed."""

    ring: Ring
    """The ring."""
    number: int
    """The number of the batch that came next."""
    seen: Snapshot
    """What was seen."""


class Tailer:
    """One loop that reads, and one that listens; both run while `running` is entered by anybody."""

    def __init__(self, pool: Pool, log: Log, bell: Bell, types: Sequence[str]) -> None:
        """Take what is read, of which types of record, and the bell of this process."""
        self._pool, self._log, self._bell, self._types = pool, log, bell, types
        self._news = asyncio.Event()
        self._asking: list[asyncio.Future[Caught]] = []
        self.tasks: list[asyncio.Task[None]] = []
        """What runs while there are watchers."""
        self.ring: Ring | None = None
        self.looked = 0.0
        """When it last saw what is new, in the seconds of the loop's clock."""

    def start(self) -> None:
        """Begin to read. What was known before is forgotten: nobody needs what came between."""
        self.ring = None
        self._bell.listen(self._news.set)
        self.tasks = [asyncio.create_task(self._read(), name="tailer"), asyncio.create_task(self._listen())]

    def stop(self) -> None:
        """Read no more."""
        self._bell.ignore(self._news.set)
        for task in self.tasks:
            task.cancel()
        for asking in self._asking:
            asking.cancel()

    async def catch_up(self) -> Caught:
        """Have all that is committed now put into the ring, and return how far that is.

        Raises:
            OutboxUnread: if the database does not answer.
        """
        asking = asyncio.get_running_loop().create_future()
        self._asking.append(asking)
        self._news.set()
        caught: Caught = await asking
        return caught

    async def _read(self) -> None:
        while True:
            self._news.clear()
            asking, self._asking = self._asking, []
            try:
                found = await self._look()
            except asyncio.CancelledError:
                for each in asking:
                    each.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the watchers must not wait for ever
                _LOG.warning("Changes cannot be read just now: %s", error, exc_info=error)
                _fail(asking)
                await asyncio.sleep(RETRY)
            else:
                self._answer(asking)
                await self._rest(found=found)

    def _answer(self, asking: Sequence[asyncio.Future[Caught]]) -> None:
        self.looked = asyncio.get_running_loop().time()
        ring = self.ring
        for each in asking:
            if ring is not None and not each.done():
                each.set_result(Caught(ring, ring.end, ring.head.seen))

    async def _look(self) -> bool:
        """Read all that is new at this moment, and return whether there was anything."""
        now = await self._log.now()
        if self.ring is None:
            self.ring = Ring(Position(now), capacity=self._log.limits.ring_bytes)
            return False
        ring = self.ring
        position = ring.head if ring.head.until is not None else Position(ring.head.seen, now)
        found = False
        while position.until is not None:
            try:
                events, position = await self._log.read(position, self._types)
            except PlaceLost:
                ring.clear(Position(now))
                break
            if events:
                ring.add(events, position)
                found = True
            else:
                ring.head = position
            if position.until is None and position.seen != now:
                # What was left over from a look that failed is done; now for what came since.
                position = Position(position.seen, now)
        if found:
            await ring.wake()
        return found

    async def _rest(self, *, found: bool) -> None:
        """Wait for news, and where watchers have just been told some, a little longer."""
        if found and self.ring is not None:
            await asyncio.sleep(SPACING + len(self.ring) * SPACING_PER_WATCHER)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._log.limits.poll):
                await self._news.wait()

    async def _listen(self) -> None:
        """Hear of what other processes write, again and again where the connection breaks."""
        while True:
            with contextlib.suppress(*FAILURES, TenonError):
                await self._listen_once()
            await asyncio.sleep(RETRY)

    async def _listen_once(self) -> None:
        connection = await self._pool.open_apart()
        try:
            ended = asyncio.Event()
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(CHANNEL, self._hear)
            await ended.wait()
        finally:
            connection.terminate()

    def _hear(self, _connection: object, _process: int, _channel: str, schema: object) -> None:
        if schema == self._log.schema:
            self._news.set()


def _fail(asking: Sequence[asyncio.Future[Caught]]) -> None:
    for each in asking:
        if not each.done():
            each.set_exception(OutboxUnread("The database does not answer just now. Retry shortly.", retry_after=RETRY))
