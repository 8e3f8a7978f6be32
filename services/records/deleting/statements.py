"""What one deletion comes to: the rows that go, and the fields that are emptied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.records.failures import CascadeTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from services.chassis.call import Caller
    from services.chassis.postgres import Row
    from services.records.deleting.dependents import Dependent
    from services.records.schema.tables import RecordTable

    Key = tuple[str, str, str]
    """Message, organization and name."""

MAX_ALONG = 1000
"""The most records that go, or are changed, because others are deleted."""

CHUNK_BYTES = 8 * 1024 * 1024
"""Bytes of messages that are held in memory at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Occasion:
    """Who deletes, and when."""

    caller: Caller
    """Who it is, for what an error may tell."""
    event: Mapping[str, Any]
    """The parameters of the events, as `Writer.event` gives them."""
    moment: datetime
    """When it is."""


@dataclass(slots=True, kw_only=True)
class Going:
    """A row that is to be deleted."""

    table: RecordTable
    """Its table."""
    organization: str
    """Whose it is."""
    name: str
    """Its name."""
    revision: int
    """How often it was written."""
    shape: int
    """The shape of its bytes."""
    size: int
    """How many bytes it has."""
    deleted: bool
    """Whether it is deleted and kept already."""
    for_good: bool
    """Whether it is not kept."""

    @property
    def key(self) -> Key:
        """What tells it from all other rows."""
        return self.table.record.message, self.organization, self.name


@dataclass(slots=True)
class Plan:
    """What one deletion comes to."""

    going: dict[Key, Going] = field(default_factory=dict)
    """The rows that are deleted."""
    cleared: dict[Key, list[tuple[Dependent, Row]]] = field(default_factory=dict)
    """Fields that are emptied, each with what was found of its record and of the name that it refers to."""
    along: int = 0
    """How many records go or change because of others."""

    def count(self) -> None:
        """Count one more that goes or changes because of others.

        Raises:
            CascadeTooLarge: if it is one too many.
        """
        self.along += 1
        if self.along > MAX_ALONG:
            raise CascadeTooLarge(
                f"More than {MAX_ALONG:,} other records would go, or be changed, with this. "
                "Delete or change some first.",
                metadata={"most": str(MAX_ALONG)},
            )


def by_table(rows: Iterable[Going]) -> Iterator[tuple[str, list[Going]]]:
    """Yield the rows of each message."""
    found: dict[str, list[Going]] = {}
    for row in rows:
        found.setdefault(row.table.record.message, []).append(row)
    yield from found.items()


def in_chunks(rows: Sequence[Going]) -> Iterator[list[Going]]:
    """Yield rows in parts whose messages are held in memory together."""
    part: list[Going] = []
    held = 0
    for row in rows:
        if part and held + row.size > CHUNK_BYTES:
            yield part
            part, held = [], 0
        part.append(row)
        held += row.size
    if part:
        yield part
