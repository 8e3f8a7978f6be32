"""One watcher: its place, and its next message."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.chassis.errors import Unauthenticated
from services.records.watching.frames import SNAPSHOT, State
from services.records.watching.log import PlaceLost
from services.records.watching.place import Place, Position
from services.records.watching.tailer import OutboxUnread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.call import Call
    from services.records.watching.frames import Frames
    from services.records.watching.hub import Hub
    from services.records.watching.picture import Picture
    from services.records.watching.ring import Ring
    from services.records.watching.tailer import Caught
    from services.records.watching.views import View

UNREAD = 10.0
"""Seconds for which the outbox may be unread before a watch says so and ends, where it would say that it is alive."""

PARTING = 0.25
"""Part of the time to its deadline that a watch leaves unused: its end is to reach the client before the deadline."""

LONGEST_PARTING = 5.0
"""Seconds before its deadline at which a watch ends by itself at the earliest."""


class WatchExpired(Unauthenticated):
    """The access token that the watch was opened with has expired."""

    reason = "TOKEN_EXPIRED"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a watcher has it from."""

    hub: Hub
    """What it shares with all others."""
    picture: Picture
    """The first picture."""
    frames: Frames
    """The messages."""


class Watcher:
    """The state of one stream; `next` is called again and again, by one task."""

    def __init__(self, sources: Sources, view: View, call: Call, place: Place | None) -> None:
        """Take what it sees, and where it is: None for a watch that begins."""
        self._hub, self._picture, self._frames = sources.hub, sources.picture, sources.frames
        self._view, self._call = view, call
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._alarm = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._rings = 0.0
        self._ring: Ring | None = None
        self._number = 0
        self._caught: Caught | None = None
        self._is_live = self._is_over = False
        # A token may be of a database that was set back since.
        self._is_verified = place is None
        self._due = self._loop.time() + self._hub.limits.heartbeat
        self._expires = self._loop.time() + call.valid_until - time.time()
        remaining = call.remaining()
        self._ends = math.inf if remaining is None else self._loop.time() + _usable(remaining)

    def token(self) -> str:
        """Return what resumes the watch where it is; empty where it has not begun."""
        return "" if self._place is None else self._view.token(self._place)

    def close(self) -> None:
        """Be woken no more."""
        if self._ring is not None:
            self._ring.forget(self._alarm)
        if self._timer is not None:
            self._timer.cancel()

    async def next(self) -> bytes | None:
        """Return the next message, or None once the watch is over.

        Raises:
            WatchExpired: once the access token is no longer good.
            OutboxUnread: if the database has not answered for long.
        """
        while not self._is_over:
            try:
                message = await self._step()
            except PlaceLost:
                message = self._reset()
            if message is not None:
                self._due = self._loop.time() + self._hub.limits.heartbeat
                return message
        return None

    async def _step(self) -> bytes | None:
        """Go one step on, and return the message that it brings, if any."""
        now = self._loop.time()
        if now >= self._expires:
            raise WatchExpired("The access token has expired. Renew it, and resume with the resume token.")
        if self._call.ending.is_set() or now >= self._ends:
            self._is_over = True
            return self._message(State.HEARTBEAT)
        if self._ring is not None:
            return await self._ride(self._ring)
        place = self._place
        if place is not None and not self._is_verified:
            await self._verify(place)
        if place is not None and place.position.until is not None:
            return await self._piece(place)
        if place is None or place.shown is not None:
            return await self._page(place)
        return await self._join(place)

    async def _verify(self, place: Place) -> None:
        """Refuse a place that this database has not come to: it was set back, or is another."""
        caught = await self._hub.tailer.catch_up()
        if not caught.seen.covers(place.position.until or place.position.seen):
            raise PlaceLost
        self._is_verified = True

    async def _page(self, place: Place | None) -> bytes | None:
        """Show the next page of the first picture, and begin the piece that brings earlier pages up to it."""
        after = "" if place is None or place.shown is None else place.shown
        async with self._hub.reading:
            rows, seen, last = await self._picture.page(self._view.selected, self._call.caller, after)
        shown = self._view.shown
        changes = [
            self._frames.change(SNAPSHOT, message if shape == shown.shape else shown.of_row(message))
            for message, shape in rows
        ]
        if place is None:
            self._place = Place(Position(seen), shown=last)
        else:
            self._place = Place(Position(place.position.seen, seen), place.shown, last)
        return self._message(State.SNAPSHOT, changes) if changes else None

    async def _piece(self, place: Place) -> bytes | None:
        """Tell the next events of the piece that the place is in."""
        view = self._view
        async with self._hub.reading:
            events, position = await self._hub.log.read(
                place.position, view.types, replace(view.scope, shown=place.shown)
            )
        changes = await view.changes(events)
        if position.until is None:
            self._place = Place(position, place.page)
        else:
            self._place = replace(place, position=position)
        if not changes:
            return None
        return self._message(State.LIVE if place.shown is None else State.SNAPSHOT, changes)

    async def _join(self, place: Place) -> bytes | None:
        """Join the ring, or begin the piece that leads to it. The first picture is complete by now."""
        seen, caught = place.position.seen, self._caught
        if caught is None or caught.seen != seen or caught.number < caught.ring.first:
            self._caught = caught = await self._hub.tailer.catch_up()
            if not caught.seen.covers(seen):
                raise PlaceLost
        if caught.seen != seen:
            self._place = Place(Position(seen, caught.seen))
            return None
        self._ring, self._number = caught.ring, caught.number
        self._ring.watch(self._alarm)
        return None if self._is_live else self._message(State.LIVE)

    async def _ride(self, ring: Ring) -> bytes | None:
        """Tell what is in the ring, or wait for it; leave the ring where it has gone on without this watcher."""
        self._alarm.clear()
        if self._number < ring.first:
            self._leave(ring)
            return None
        if self._number < ring.end:
            told = await self._view.tell(ring, self._number)
            self._number, self._place = told.number, Place(told.position)
            return told.message
        if self._loop.time() >= self._due:
            return self._beat(ring)
        if self._rings <= self._loop.time():
            self._rings = min(self._due, self._expires, self._ends)
            self._timer = self._loop.call_at(self._rings, self._wake)
        await self._alarm.wait()
        return None

    def _wake(self) -> None:
        # A timer may fire a little early: what it was for is not due then, and another one has to be set.
        self._rings = 0.0
        self._alarm.set()

    def _beat(self, ring: Ring) -> bytes:
        if self._loop.time() - self._hub.tailer.looked > UNREAD:
            raise OutboxUnread("The database has not answered for a while. Resume with the resume token, shortly.")
        if ring.head.until is None:
            self._place = Place(ring.head)
        return self._message(State.HEARTBEAT)

    def _leave(self, ring: Ring) -> None:
        ring.forget(self._alarm)
        self._ring = None

    def _reset(self) -> bytes:
        """Begin anew."""
        if self._ring is not None:
            self._leave(self._ring)
        self._place, self._caught, self._is_live = None, None, False
        return self._message(State.RESET)

    def _message(self, state: int, changes: Sequence[bytes] = ()) -> bytes:
        if state == State.LIVE:
            self._is_live = True
        return self._frames.message(state, self.token(), changes)


def _usable(remaining: float) -> float:
    """Return for how many of the seconds to its deadline a watch goes on."""
    return remaining - min(remaining * PARTING, LONGEST_PARTING)
