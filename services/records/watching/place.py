"""Where a watcher is: what it has been told, and in which piece it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.records.watching.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Position:
    """What of the outbox has been told: all that `seen` sees, and of what `until` sees beyond it, ids up to `last`."""

    seen: Snapshot
    """All that it sees has been told."""
    until: Snapshot | None = None
    """The end of the piece that is being told, or None between two pieces."""
    last: int = 0
    """The id of the piece's last event that has been told."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position, and how far the first picture is.

    Records with names up to `shown` are known as `position` has them. While a piece is being told, those after it, up
    to `page`, are known as its `until` has them, and the piece is told for names up to `shown` alone.
    """

    position: Position
    """What of the outbox has been told."""
    shown: str | None = None
    """The last name of the picture's earlier pages; None once the picture is complete."""
    page: str | None = None
    """The last name of the page before the piece; None where it was the picture's last page."""
