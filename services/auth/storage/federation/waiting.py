"""Keeps in Postgres the federated sign-ins that wait, and which assertions were used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from services.auth.domain.federation.waiting import Purpose, Stage, Waiting
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from services.chassis.keyring import Sealer
    from services.chassis.postgres import Executor

_COLUMNS = "id, stage, organization, provider, browser, content, expire_time"
_KEEP = f"INSERT INTO {SCHEMA}.federation_waiting ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.federation_waiting WHERE id = $1 AND stage = $2 AND expire_time > $3"
_TAKE = f"""
DELETE FROM {SCHEMA}.federation_waiting WHERE id = $1 AND stage = $2 AND expire_time > $3 RETURNING {_COLUMNS}
"""
_PRUNE = f"""
WITH gone AS (DELETE FROM {SCHEMA}.used_assertions WHERE expire_time < $1)
DELETE FROM {SCHEMA}.federation_waiting WHERE expire_time < $1
"""
_USE = f"""
INSERT INTO {SCHEMA}.used_assertions (provider, digest, expire_time) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING 1
"""


class SqlWaitingRoom:
    """What waits (port `WaitingRoom`)."""

    def __init__(self, executor: Executor, sealer: Sealer) -> None:
        """Take what runs statements, and what seals."""
        self._executor = executor
        self._sealer = sealer

    async def keep(self, waiting: Waiting) -> None:
        """Keep one."""
        one = waiting
        content = {"flow": one.purpose.flow, "to": one.purpose.to, "user": one.purpose.user, "kept": dict(one.kept)}
        sealed = self._sealer.seal(json.dumps(content).encode(), one.id)
        values = [one.id, one.stage, one.organization, one.provider, one.browser, sealed, one.expires]
        await self._executor.fetch(_KEEP, values)

    async def find(self, token: bytes, stage: Stage, *, now: datetime) -> Waiting | None:
        """Return one that has not expired."""
        rows = await self._executor.fetch(_FIND, [token, stage, now], repeatable=True)
        return self._waiting(rows[0]) if rows else None

    async def take(self, token: bytes, stage: Stage, *, now: datetime) -> Waiting | None:
        """Forget one that has not expired and return it."""
        rows = await self._executor.fetch(_TAKE, [token, stage, now])
        return self._waiting(rows[0]) if rows else None

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired, and assertions that have."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)

    def _waiting(self, row: asyncpg.Record) -> Waiting:
        content = json.loads(self._sealer.open(row["content"], row["id"]))
        return Waiting(
            id=row["id"],
            stage=Stage(row["stage"]),
            organization=row["organization"],
            provider=row["provider"],
            browser=row["browser"],
            purpose=Purpose(flow=content["flow"], to=content["to"], user=content["user"]),
            kept=content["kept"],
            expires=row["expire_time"],
        )


class SqlUsedAssertions:
    """Assertions that were used (port `UsedAssertions`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def is_first(self, provider: str, digest: bytes, *, until: datetime) -> bool:
        """Remember an assertion, and return whether it was not known."""
        return bool(await self._executor.fetch(_USE, [provider, digest, until]))
