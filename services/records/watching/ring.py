"""What is new, for all watchers of a process: batches of events in a bounded ring, in which each has a place."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.records.watching.log import Event
    from services.records.watching.place import Position

AT_ONCE = 32
"""Watchers that are woken before other work of the process has its turn."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that follow those of the batch before."""

    events: Sequence[Event]
    """One or more, in order."""
    end: Position
    """The position after them."""
    weight: int
    """Bytes that they hold, about."""


class Ring:
    """The last batches, numbered from 0 on; `first` to `end` are there."""

    def __init__(self, head: Position, *, capacity: int) -> None:
        """Take the position before batch 0, and how many bytes may be held."""
        self.head = head
        """The position after the last batch."""
        self.first = 0
        """The number of the oldest batch that is there."""
        self._batches: deque[Batch] = deque()
        self._capacity = capacity
        self._weight = 0
        self._waiting: set[asyncio.Event] = set()

    @property
    def end(self) -> int:
        """The number that the next batch gets."""
        return self.first + len(self._batches)

    def get(self, number: int) -> Batch:
        """Return a batch that is there."""
        return self._batches[number - self.first]

    def add(self, events: Sequence[Event], end: Position) -> None:
        """Add a batch, which may push out old ones; nobody is woken yet."""
        weight = sum(event.weight for event in events)
        self._batches.append(Batch(events, end, weight))
        self._weight += weight
        self.head = end
        while self._weight > self._capacity and len(self._batches) > 1:
            self._weight -= self._batches.popleft().weight
            self.first += 1

    def clear(self, head: Position) -> None:
        """Forget all batches and go on from another position: every watcher has fallen behind."""
        self.first = self.end + 1
        self._batches.clear()
        self._weight = 0
        self.head = head

    def watch(self, alarm: asyncio.Event) -> None:
        """Have an alarm set whenever there is something new."""
        self._waiting.add(alarm)

    def forget(self, alarm: asyncio.Event) -> None:
        """Set it no more."""
        self._waiting.discard(alarm)

    async def wake(self) -> None:
        """Set all alarms, some at a time, so that what else the process does goes on between them."""
        for count, alarm in enumerate(tuple(self._waiting), start=1):
            alarm.set()
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    def __len__(self) -> int:
        return len(self._waiting)
