"""How the audit trail is chained, so that whoever changes, removes or adds an event later is found out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

GENESIS = b"\0" * 32
"""What the first event of a chain follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailEvent:
    """An event as it is kept."""

    id: str
    """A UUID."""
    time: datetime
    """When it happened, with its time zone, in whole microseconds."""
    organization: str = ""
    """The organization that it is about; each has a chain of its own. What is about none is kept as the system's."""
    kind: str = ""
    """A dotted verb, such as `sign_in.failed`."""
    outcome: str = ""
    """`success`, `failure` or `denied`."""
    actor: str = ""
    """Who did it."""
    subject: str = ""
    """Whom or what it was done to."""
    method: str = ""
    """The RPC that was called."""
    reason: str = ""
    """The reason of the error that it ended with."""
    session: str = ""
    """The session that it was done in."""
    client: str = ""
    """The client that it was done by."""
    factor: str = ""
    """The factors that were shown."""
    level: str = ""
    """How surely the actor had signed in."""
    address: str = ""
    """Where from."""
    agent: str = ""
    """The `User-Agent`."""
    request_id: str = ""
    """The call's id."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """What else there is to know."""


_NAMES = tuple(one.name for one in fields(TrailEvent))


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An event's place in its chain."""

    sequence: int
    """From 1 on, without a gap."""
    event: TrailEvent | None
    """The event, or None where it is gone."""
    event_id: str
    """The event's id."""
    digest: bytes
    """SHA-256 of the digest before it and of the event."""
    sealed: bytes | None = None
    """The digest sealed by the root key, at the end of what was chained together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What following a chain has shown."""

    events: int
    """How many events it was followed through."""
    head: bytes
    """The digest of the last of them."""
    broken_at: str = ""
    """The id of the first event that is not as it was written down, or empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """Which events are asked for; what is empty or None is not asked for."""

    organization: str
    """The organization."""
    kind: str = ""
    """What the kind is, or begins with."""
    actor: str = ""
    """Who did it."""
    subject: str = ""
    """Whom or what it was done to."""
    outcome: str = ""
    """How it ended."""
    start: datetime | None = None
    """From when on."""
    end: datetime | None = None
    """Before when."""


class Trail(Protocol):
    """Keeps events. There is no way to change or remove one."""

    async def add(self, events: Sequence[TrailEvent]) -> None:
        """Write events down, those that are there no second time, within the transaction that is open, if one is."""

    async def page(self, query: Query, *, before: tuple[datetime, str] | None, size: int) -> Sequence[TrailEvent]:
        """Return events, the latest first; `before` is the last one of the page before."""

    async def chain(self) -> int:
        """Give events that have none their places, and return how many got one. One worker at a time does it."""

    def follow(self, organization: str) -> AsyncIterator[Link]:
        """Yield the links of an organization's chain, the oldest first."""

    def is_sealed(self, link: Link) -> bool:
        """Whether the link's seal is ours, and says the same digest."""

    async def find_loose(self, organization: str) -> str:
        """Return the id of an event that neither has a place in the chain nor waits for one, or nothing."""


def digest_after(previous: bytes, event: TrailEvent) -> bytes:
    """Return the digest of an event that follows another one's."""
    content = {name: getattr(event, name) for name in _NAMES}
    content |= {"time": event.time.isoformat(timespec="microseconds"), "detail": dict(event.detail)}
    return hashlib.sha256(previous + json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).digest()


async def verify(trail: Trail, organization: str) -> Verdict:
    """Follow a chain and compute it anew, up to the first event that is not as it was written down.

    Whoever computes it anew without the root key can leave seals out, but not make the one that its end has.
    """
    head, events = GENESIS, 0
    last: Link | None = None
    async for link in trail.follow(organization):
        if not _fits(link, events, head) or not trail.is_sealed(link):
            return Verdict(events=events, head=head, broken_at=link.event_id)
        head, events, last = link.digest, link.sequence, link
    if last is not None and last.sealed is None:
        return Verdict(events=events, head=head, broken_at=last.event_id)
    return Verdict(events=events, head=head, broken_at=await trail.find_loose(organization))


def _fits(link: Link, events: int, head: bytes) -> bool:
    event = link.event
    return link.sequence == events + 1 and event is not None and digest_after(head, event) == link.digest
