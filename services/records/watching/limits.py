"""How large and how frequent the parts of a watch are, and how many watches there may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchLimits:
    """The limits of one process; nobody has to change them."""

    heartbeat: float = 15.0
    """Seconds after which a watcher hears that nothing has changed."""
    poll: float = 0.5
    """Seconds after which the outbox is looked at unasked: notifications may get lost, and plain SQL sends none."""
    page_rows: int = 500
    """The most records of a page of the first picture."""
    page_bytes: int = 256 * 1024
    """A page ends with the record that reaches this size: with one of 2 MiB it is still below gRPC clients' 4 MiB.

    Of each watcher that has stopped reading, about twice as much is in memory: of 1,000, half a GiB.
    """
    events: int = 1000
    """The most events that are read at once."""
    event_bytes: int = 256 * 1024
    """Events that are read at once end with the one that reaches this size, before and after together."""
    message_bytes: int = 256 * 1024
    """A message ends with the batch of events that reaches this size."""
    ring_bytes: int = 16 * 1024 * 1024
    """What is kept for all watchers together. Whoever is further behind reads from the outbox by itself."""
    reads: int = 4
    """Connections that watchers may use at once to read by themselves: the rest of the pool is for other calls."""
    watches: int = 4096
    """The most watches of one process."""
    watches_of_one: int = 2048
    """The most watches of one organization in one process, so that none keeps all others out."""
