"""Keeps the audit trail in Postgres."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from services.auth.domain.audit_trail import GENESIS, Link, TrailEvent, digest_after
from services.auth.storage.schema import SCHEMA
from services.auth.storage.schema.audit import TEXTS
from services.chassis.keyring import SealBroken
from services.records.schema.names import uuid7

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from services.auth.domain.audit import AuditEntry
    from services.auth.domain.audit_trail import Query
    from services.auth.domain.families import Seal
    from services.auth.storage.database import Database
    from services.chassis.postgres import Transaction

CHAINED_AT_ONCE = 1000
"""Events that get their places in one transaction."""

READ_AT_ONCE = 1000
"""Links that are read in one statement."""

_COLUMNS = f"id, time, organization, {', '.join(TEXTS)}, detail"
_FIELDS = ("id", "organization", *TEXTS, "detail")
_ADD = f"""
WITH added AS (
    INSERT INTO {SCHEMA}.audit_events (id, organization, {", ".join(TEXTS)}, detail, time)
    SELECT * FROM unnest({", ".join(f"${n}::text[]" for n in range(1, len(_FIELDS) + 1))},
                         ${len(_FIELDS) + 1}::timestamptz[])
    ON CONFLICT (id) DO NOTHING RETURNING id
)
INSERT INTO {SCHEMA}.audit_pending (event_id) SELECT id FROM added
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.audit_events
WHERE organization = $1 AND ($2 = '' OR kind = $2 OR starts_with(kind, $2 || '.'))
  AND ($3 = '' OR actor = $3) AND ($4 = '' OR subject = $4) AND ($5 = '' OR outcome = $5)
  AND ($6::timestamptz IS NULL OR time >= $6) AND ($7::timestamptz IS NULL OR time < $7)
  AND ($8::timestamptz IS NULL OR (time, id) < ($8, $9::text))
ORDER BY time DESC, id DESC LIMIT $10
"""
_LOCK = "SELECT pg_try_advisory_xact_lock(x'6175646974'::bigint) AS mine"  # "audit"
_PENDING = f"""
SELECT {", ".join(f"e.{name}" for name in _COLUMNS.split(", "))}
FROM {SCHEMA}.audit_pending p JOIN {SCHEMA}.audit_events e ON e.id = p.event_id
ORDER BY e.organization, e.time, e.id LIMIT {CHAINED_AT_ONCE}
"""
_HEADS = f"""
SELECT DISTINCT ON (organization) organization, sequence, digest FROM {SCHEMA}.audit_links
WHERE organization = ANY ($1) ORDER BY organization, sequence DESC
"""
_LINK = f"""
INSERT INTO {SCHEMA}.audit_links (organization, sequence, event_id, digest, sealed)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[])
"""
_CHAINED = f"DELETE FROM {SCHEMA}.audit_pending WHERE event_id = ANY ($1)"
_FOLLOW = f"""
SELECT l.sequence, l.event_id, l.digest, l.sealed, {", ".join(f"e.{name}" for name in _COLUMNS.split(", "))}
FROM {SCHEMA}.audit_links l LEFT JOIN {SCHEMA}.audit_events e ON e.id = l.event_id AND e.organization = l.organization
WHERE l.organization = $1 AND l.sequence > $2 ORDER BY l.sequence LIMIT {READ_AT_ONCE}
"""
_LOOSE = f"""
SELECT e.id FROM {SCHEMA}.audit_events e
WHERE e.organization = $1 AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.audit_links l WHERE l.event_id = e.id)
  AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.audit_pending p WHERE p.event_id = e.id)
ORDER BY e.time, e.id LIMIT 1
"""


class SqlAudit:
    """Events in Postgres (ports `Audit` and `Trail`)."""

    def __init__(self, database: Database, seal: Seal) -> None:
        """Take the database, and what seals the ends of chains."""
        self._database = database
        self._seal = seal

    async def record(self, *entries: AuditEntry) -> None:
        """Write entries down, within the transaction that is open, if one is."""
        now = datetime.now(UTC)
        if entries:
            # Their ids are of the same millisecond: it is by their times that they keep their order.
            moments = (now + timedelta(microseconds=place) for place in range(len(entries)))
            await self.add([_event_of(entry, moment) for entry, moment in zip(entries, moments, strict=True)])

    async def add(self, events: Sequence[TrailEvent]) -> None:
        """Write events down, those that are there no second time."""
        columns: list[list[object]] = [[_plain(event, name) for event in events] for name in _FIELDS]
        await self._database.fetch(_ADD, [*columns, [event.time for event in events]], repeatable=True)

    async def page(self, query: Query, *, before: tuple[datetime, str] | None, size: int) -> Sequence[TrailEvent]:
        """Return events, the latest first."""
        asked = (query.organization, query.kind, query.actor, query.subject, query.outcome, query.start, query.end)
        rows = await self._database.fetch(_PAGE, [*asked, *(before or (None, None)), size], repeatable=True)
        return [_event(row) for row in rows]

    async def chain(self) -> int:
        """Give events that have none their places, and return how many got one."""
        async with self._database.transaction() as transaction:
            if not (await transaction.fetch(_LOCK))[0]["mine"]:
                return 0
            waiting = [_event(row) for row in await transaction.fetch(_PENDING)]
            if waiting:
                await self._link(waiting, transaction)
            return len(waiting)

    async def follow(self, organization: str) -> AsyncIterator[Link]:
        """Yield the links of an organization's chain, the oldest first."""
        last = 0
        while rows := await self._database.fetch(_FOLLOW, [organization, last], repeatable=True):
            for row in rows:
                last = row["sequence"]
                yield Link(
                    sequence=last,
                    event=None if row["id"] is None else _event(row),
                    event_id=row["event_id"],
                    digest=row["digest"],
                    sealed=row["sealed"],
                )

    def is_sealed(self, link: Link) -> bool:
        """Whether the link's seal is ours, and says the same digest; one without a seal is not held to it."""
        if link.sealed is None:
            return True
        try:
            return self._seal.open(link.sealed, link.event_id.encode()) == link.digest
        except SealBroken:
            return False

    async def find_loose(self, organization: str) -> str:
        """Return the id of an event that somebody has written past the trail, or has taken out of the chain."""
        rows = await self._database.fetch(_LOOSE, [organization], repeatable=True)
        return str(rows[0]["id"]) if rows else ""

    async def _link(self, waiting: Sequence[TrailEvent], transaction: Transaction) -> None:
        organizations = sorted({event.organization for event in waiting})
        heads = {
            row["organization"]: (row["sequence"], row["digest"])
            for row in await transaction.fetch(_HEADS, [organizations])
        }
        last = {event.organization: event.id for event in waiting}
        links: list[tuple[str, int, str, bytes, bytes | None]] = []
        for event in waiting:
            sequence, digest = heads.get(event.organization, (0, GENESIS))
            digest = digest_after(digest, event)
            heads[event.organization] = (sequence + 1, digest)
            ends = last[event.organization] == event.id
            sealed = self._seal.seal(digest, event.id.encode()) if ends else None
            links.append((event.organization, sequence + 1, event.id, digest, sealed))
        await transaction.fetch(_LINK, [list(column) for column in zip(*links, strict=True)])
        await transaction.fetch(_CHAINED, [[event.id for event in waiting]])


def _event_of(entry: AuditEntry, now: datetime) -> TrailEvent:
    return TrailEvent(
        id=str(uuid7()),
        time=now,
        organization=entry.organization,
        kind=entry.kind,
        outcome=entry.outcome,
        actor=entry.actor,
        subject=entry.subject,
        session=entry.session,
        client=entry.client,
        factor=entry.factor,
        address=entry.address,
        agent=entry.agent,
        detail=entry.detail,
    )


def _plain(event: TrailEvent, name: str) -> str:
    """Return a field as Postgres takes it: what callers send may be no proper text."""
    value = json.dumps(dict(event.detail), sort_keys=True) if name == "detail" else getattr(event, name)
    if name == "organization" and not value:
        # Nobody could read it otherwise: whoever sends a bad token, or none, is of no organization.
        value = SYSTEM_ORGANIZATION
    text = str(value)
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _event(row: asyncpg.Record) -> TrailEvent:
    texts = {name: row[name] for name in ("id", "organization", *TEXTS)}
    return TrailEvent(time=row["time"], detail=json.loads(row["detail"]), **texts)
