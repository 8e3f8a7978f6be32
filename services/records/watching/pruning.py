"""Deletes events that are old, and keeps in mind how far: whoever has not seen them has to begin anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

EVENT_DAYS = 7.0
"""Days for which events are kept."""

AT_ONCE = 10_000
"""The most events that one statement deletes."""

# Old events have small ids, so only those with the smallest ids are looked at.
_PRUNE = """
WITH first AS (SELECT id, occurred_at FROM {schema}.outbox ORDER BY id LIMIT {limit}),
gone AS (
    DELETE FROM {schema}.outbox USING first
    WHERE outbox.id = first.id AND first.occurred_at < now() - $1 * interval '1 day'
    RETURNING outbox.transaction
),
mark AS (
    INSERT INTO {schema}.outbox_pruned (transaction) SELECT transaction FROM gone ORDER BY transaction DESC LIMIT 1
    ON CONFLICT ("only") DO UPDATE SET transaction = greatest(outbox_pruned.transaction, excluded.transaction)
)
SELECT count(*) FROM gone
"""


async def prune_outbox(pool: Pool, *, schema: str, days: float = EVENT_DAYS) -> int:
    """Delete events that are older, some at a time, and return how many."""
    sql = _PRUNE.format(schema=f'"{schema}"', limit=AT_ONCE)
    deleted = 0
    while count := int((await pool.fetch(sql, (days,)))[0][0]):
        deleted += count
    return deleted
