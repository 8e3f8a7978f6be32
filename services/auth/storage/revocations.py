"""Keeps revocations in Postgres for as long as any access token lives that they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.revocations import FOR_EVER, Revocation
from services.auth.storage.schema import SCHEMA
from services.chassis.revocations import RevokedTokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from services.auth.domain.revocations import Revocations
    from services.chassis.postgres import Executor

REVOKE = f"""
INSERT INTO {SCHEMA}.revocations (key, before, expire_time)
SELECT key, before, {{now}}::timestamptz + interval '70 minutes' FROM ({{rows}}) AS revoked
ON CONFLICT (key) DO UPDATE
SET expire_time = excluded.expire_time, before = CASE
    WHEN excluded.before > revocations.before OR revocations.before >= {FOR_EVER} THEN
        greatest(revocations.before, excluded.before)
    ELSE revocations.before + 1 END
"""
"""Revokes `rows`, a query for key and before. The longest token lives for an hour, and clocks differ.

What is revoked twice in a second may have a token from between, issued for the second from which tokens were good
again: that second moves on by one.
"""

_REVOKE = REVOKE.format(rows="SELECT unnest($1::text[]) AS key, unnest($2::bigint[]) AS before", now="now()")
_LIVING = f"SELECT key, before FROM {SCHEMA}.revocations ORDER BY key"
_PRUNE = f"DELETE FROM {SCHEMA}.revocations WHERE expire_time < $1"


class SqlRevocations:
    """Revocations (port `Revocations`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def revoke(self, revocations: Iterable[Revocation]) -> None:
        """Keep them, within the transaction that is open."""
        latest: dict[str, int] = {}
        for one in revocations:
            latest[one.key] = max(one.before, latest.get(one.key, 0))
        if latest:
            await self._executor.fetch(_REVOKE, [list(latest), list(latest.values())], repeatable=True)

    async def living(self) -> Sequence[Revocation]:
        """Return all that are not forgotten yet."""
        rows = await self._executor.fetch(_LIVING, repeatable=True)
        return [Revocation(key=row["key"], before=row["before"]) for row in rows]

    async def prune(self, now: datetime) -> None:
        """Forget those whose tokens have all expired."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)


def remember_revoked(revocations: Revocations) -> RevokedTokens:
    """Return what is revoked as memory has it, to be asked without a wait."""

    async def fetch() -> Mapping[str, float]:
        return {one.key: one.before for one in await revocations.living()}

    return RevokedTokens(fetch=fetch)
