"""What watchers share that ask for the same with the same rights: which changes they see, and the bytes of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.records.schema.parents import EVERYWHERE
from services.records.watching.frames import CREATED, DELETED, REMOVED, UPDATED, State
from services.records.watching.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.records.reading.getting import Shown
    from services.records.reading.selecting import Selected
    from services.records.schema.names import Names
    from services.records.schema.tables import RecordTable
    from services.records.watching.frames import Frames
    from services.records.watching.limits import WatchLimits
    from services.records.watching.log import Event, Scope
    from services.records.watching.matching import Matching
    from services.records.watching.place import Position
    from services.records.watching.ring import Ring
    from services.records.watching.tokens import ResumeTokens

KEPT_MESSAGES = 4
"""Messages that a view keeps, for its watchers that have not come to them yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What all watches of one method have in common."""

    table: RecordTable
    """The record that is watched."""
    names: Names
    """What knows its names."""
    frames: Frames
    """What writes messages."""
    matching: Matching
    """What asks whether messages pass a filter."""
    tokens: ResumeTokens
    """What seals places."""
    limits: WatchLimits
    """How large a message is."""


@dataclass(frozen=True, slots=True)
class Told:
    """What watchers are told of some batches."""

    message: bytes | None
    """The message, or None where they see nothing in the batches."""
    number: int
    """The number of the batch after them."""
    position: Position
    """The position after them."""


@dataclass(slots=True)
class _Image:
    """A record before or after a change; it is found out step by step whether it is seen."""

    message: Any
    is_live: bool
    passes: bool = False


class View:
    """What one kind of watcher sees."""

    def __init__(self, kind: Kind, selected: Selected, scope: Scope, shown: Shown, bound: bytes) -> None:
        """Take which records are seen and how, and what resume tokens are bound to."""
        self.selected, self.scope, self.shown, self.bound = selected, scope, shown, bound
        self.types = (kind.table.record.type,)
        self._kind = kind
        self._told: OrderedDict[tuple[Ring, int, int], asyncio.Future[Told]] = OrderedDict()

    def token(self, place: Place) -> str:
        """Return the resume token of a place."""
        return self._kind.tokens.seal(place, self.bound)

    async def tell(self, ring: Ring, number: int) -> Told:
        """Return what is told of the batches that are there from a number on: as many as make one message."""
        events: list[Event] = []
        weight, end = 0, number
        while end < ring.end and weight < self._kind.limits.message_bytes:
            batch = ring.get(end)
            events += batch.events
            weight += batch.weight
            position = batch.end
            end += 1
        # The ring is in the key, since the next one begins again at 0.
        key = ring, number, end
        found = self._told.get(key)
        if found is None:
            found = self._told[key] = asyncio.ensure_future(self._tell(events, end, position))
            if len(self._told) > KEPT_MESSAGES:
                self._told.popitem(last=False)
        try:
            # One watcher that goes away takes nothing from the others.
            return await asyncio.shield(found)
        except Exception:
            self._told.pop(key, None)
            raise

    async def _tell(self, events: Sequence[Event], number: int, position: Position) -> Told:
        changes = await self.changes(events)
        if not changes:
            return Told(None, number, position)
        message = self._kind.frames.message(State.LIVE, self.token(Place(position)), changes)
        return Told(message, number, position)

    async def changes(self, events: Sequence[Event]) -> list[bytes]:
        """Return what is seen of events, in their order."""
        seen = [event for event in events if self._is_seen(event)]
        if not seen:
            return []
        images = [(self._image(event.before), self._image(event.after)) for event in seen]
        live = [image for pair in images for image in pair if image is not None and image.is_live]
        passing = await self._kind.matching.passing(self.selected.filter, [image.message for image in live])
        for place in passing:
            live[place].passes = True
        return [
            change
            for event, (before, after) in zip(seen, images, strict=True)
            for change in self._change(event, before, after)
        ]

    def _is_seen(self, event: Event) -> bool:
        kind, scope = self._kind, self.scope
        if event.resource != kind.table.record.type or event.organization != scope.organization:
            return False
        if scope.owner is not None and event.owner != scope.owner:
            return False
        below = self.selected.below
        return below is EVERYWHERE or below.has(kind.names.parent_of(event.subject)[0])

    def _image(self, stored: bytes | None) -> _Image | None:
        if stored is None:
            return None
        table = self._kind.table
        message = table.message.FromString(stored)
        # A worker that serves a newer contract may have written it.
        message.DiscardUnknownFields()
        return _Image(message, not (table.is_soft and message.HasField("delete_time")))

    def _change(self, event: Event, before: _Image | None, after: _Image | None) -> Iterator[bytes]:
        if after is not None and after.passes:
            number, image = UPDATED if before is not None and before.passes else CREATED, after
        elif before is None or not before.passes:
            return
        elif after is not None and after.is_live:
            number, image = REMOVED, after
        else:
            number, image = DELETED, before
        yield self._kind.frames.change(number, self.shown.of_message(image.message), event.time, event.actor)
