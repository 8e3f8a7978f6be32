"""Reads the outbox: what one snapshot sees and an earlier one does not, in the order of ids and in bounded pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.records.watching.place import Position
from services.records.watching.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.chassis.postgres import Executor, Row
    from services.records.watching.limits import WatchLimits

_CHOSEN = "id, organization, owner, type, subject, revision, occurred_at, actor, before, after"

# The same question in two forms, since one plan does not serve both. A piece that begins is found by its transactions,
# and sorted by `id + 0`, so that Postgres never walks the whole outbox by its primary key to find a few rows at its
# end. A piece that goes on is walked by the primary key, so that each page of a large one costs the same.
_BEGINNING = """(transaction >= $1::text::xid8 OR transaction = ANY($2::text[]::xid8[]))
    AND transaction < $3::text::xid8 AND transaction <> ALL($4::text[]::xid8[])"""
_GOING_ON = """id > $5 AND NOT pg_visible_in_snapshot(transaction, $1::text::pg_snapshot)
    AND pg_visible_in_snapshot(transaction, $2::text::pg_snapshot)"""

_PAGE = """
SELECT pruned.transaction AS pruned, event.* FROM (SELECT 1) AS always
LEFT JOIN (SELECT transaction::text FROM {schema}.outbox_pruned) AS pruned ON true
LEFT JOIN (
    SELECT *, row_number() OVER (ORDER BY id) AS place FROM (
        SELECT *, coalesce(sum(coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0)) OVER (
            ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS weight
        FROM (
            SELECT {chosen} FROM {schema}.outbox
            WHERE {piece}
              AND revision > 0 AND left(type, length(type) - strpos(reverse(type), '.')) = ANY({types}) {whose}
            ORDER BY {order} LIMIT {limit}
        ) AS wanted
    ) AS weighed WHERE weight < {bytes}
) AS event ON true
ORDER BY event.id
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one record, as the outbox has it."""

    id: int
    """Its number; of one record the later has the greater."""
    organization: str
    """Whose the record is."""
    owner: str
    """Which subject's the record is, or empty."""
    resource: str
    """The type of the record, such as `flightops.tenon/Flight`."""
    verb: str
    """What happened to it, such as `created`."""
    subject: str
    """Its name."""
    revision: int
    """How often it was written."""
    time: datetime
    """When it was changed."""
    actor: str
    """Who changed it."""
    before: bytes | None
    """What it was, or None for a new one."""
    after: bytes | None
    """What it is, or None for one that is gone."""

    @property
    def weight(self) -> int:
        """Bytes that it holds, about."""
        return 512 + len(self.before or b"") + len(self.after or b"")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """Which events a reader wants, of the types that it asks for."""

    organization: str
    """Whose records."""
    owner: str | None = None
    """Which subject's, or None where records have no owner."""
    shown: str | None = None
    """The last name that is wanted, or None for all."""


class PlaceLost(Exception):
    """Nobody can tell what came after a place: events are deleted since, or it is of another database."""


class Log:
    """The outbox of one service's schema."""

    def __init__(self, executor: Executor, schema: str, limits: WatchLimits) -> None:
        """Take what runs statements, the schema, and how much is read at once."""
        self.schema, self.limits = schema, limits
        self._executor = executor

    async def now(self) -> Snapshot:
        """Return what is seen at this moment."""
        rows = await self._executor.fetch("SELECT pg_current_snapshot()::text", repeatable=True)
        return Snapshot.parse(rows[0][0])

    async def read(
        self, position: Position, types: Sequence[str], scope: Scope | None = None
    ) -> tuple[list[Event], Position]:
        """Return the next events of the piece that a position is in, and the position after them.

        Raises:
            PlaceLost: if some of them are gone.
        """
        until = position.until
        if until is None:
            raise ValueError("The position is in no piece.")
        if position.seen == until:
            return [], Position(until)
        rows = await self._fetch(position.seen, until, position.last, types, scope)
        pruned = rows[0]["pruned"]
        if pruned is not None and int(pruned) >= position.seen.xmin:
            raise PlaceLost
        events = [_event(row) for row in rows if row["id"] is not None]
        # Fewer than were asked for, and not for their weight: the piece is over.
        most = self.limits
        if len(events) < most.events and sum(_bytes(event) for event in events) < most.event_bytes:
            return events, Position(until)
        return events, Position(position.seen, until, events[-1].id)

    async def _fetch(
        self, seen: Snapshot, until: Snapshot, last: int, types: Sequence[str], scope: Scope | None
    ) -> list[Row]:
        arguments: list[Any]
        if last:
            piece, order = _GOING_ON, "id"
            arguments = [seen.text, until.text]
            piece = piece.replace("$5", "$3")
            arguments.append(last)
        else:
            piece, order = _BEGINNING, "id + 0"
            arguments = [str(seen.xmax), _texts(seen.running), str(until.xmax), _texts(until.running)]
        arguments.append(list(types))
        named = f"${len(arguments)}"
        whose = ""
        if scope is not None:
            for column, comparison, value in (
                ("organization", "=", scope.organization),
                ("owner", "=", scope.owner),
                ("subject", "<=", scope.shown),
            ):
                if value is not None:
                    arguments.append(value)
                    whose += f" AND {column} {comparison} ${len(arguments)}"
        sql = _PAGE.format(
            schema=f'"{self.schema}"',
            chosen=_CHOSEN,
            piece=piece,
            types=named,
            whose=whose,
            order=order,
            limit=self.limits.events,
            bytes=self.limits.event_bytes,
        )
        return await self._executor.fetch(sql, arguments, repeatable=True)


def _texts(transactions: frozenset[int]) -> list[str]:
    return [str(each) for each in sorted(transactions)]


def _event(row: Row) -> Event:
    resource, _, verb = row["type"].rpartition(".")
    return Event(
        row["id"],
        row["organization"],
        row["owner"],
        resource,
        verb,
        row["subject"],
        row["revision"],
        row["occurred_at"],
        row["actor"],
        row["before"],
        row["after"],
    )


def _bytes(event: Event) -> int:
    return len(event.before or b"") + len(event.after or b"")
