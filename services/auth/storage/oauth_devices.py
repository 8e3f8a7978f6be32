"""Keeps devices that wait for a person in Postgres, by the SHA-256 of their code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.devices import INTERVAL, Device, Polled, State
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import asyncpg

    from services.auth.domain.oauth.devices import Decision
    from services.chassis.postgres import Executor

_KEEP = f"""
INSERT INTO {SCHEMA}.device_authorizations (digest, user_code, client, scope, audience, state, create_time,
                                            expire_time, poll_interval)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (user_code) DO NOTHING RETURNING user_code
"""
_COLUMNS = """
user_code, client, scope, audience, state, create_time, expire_time, organization, user_name, session_id
"""
_FIND = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.device_authorizations
WHERE user_code = $1 AND state = 'waiting' AND expire_time > $2
"""
_DECIDE = f"""
UPDATE {SCHEMA}.device_authorizations SET state = $3, organization = $4, user_name = $5, session_id = $6
WHERE user_code = $1 AND state = 'waiting' AND expire_time > $2 RETURNING {_COLUMNS}
"""
# Compared with what the row held before: `kept` is as it was when the statement began, and locked.
_POLL = f"""
WITH kept AS (
    SELECT digest, poll_time + poll_interval > $3 AS too_soon FROM {SCHEMA}.device_authorizations
    WHERE digest = $1 AND client = $2 FOR UPDATE
)
UPDATE {SCHEMA}.device_authorizations d
SET poll_time = $3, poll_interval = CASE WHEN kept.too_soon THEN poll_interval + $4 ELSE poll_interval END
FROM kept WHERE d.digest = kept.digest RETURNING {_COLUMNS}, coalesce(kept.too_soon, false) AS too_soon
"""
# Of two that come with one code, the second waits for the first to commit, and finds it used.
_USE = f"""
UPDATE {SCHEMA}.device_authorizations SET state = 'used'
WHERE digest = $1 AND client = $2 AND state = 'approved' AND expire_time > $3 RETURNING {_COLUMNS}
"""
_PRUNE = f"DELETE FROM {SCHEMA}.device_authorizations WHERE expire_time < $1::timestamptz - interval '1 hour'"


class SqlDevices:
    """Devices (port `DeviceStore`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def keep(self, digest: bytes, device: Device) -> bool:
        """Keep a new one."""
        values = [
            *(digest, device.user_code, device.client, device.scope, list(device.audience), device.state.value),
            *(device.created, device.expires, INTERVAL),
        ]
        return bool(await self._executor.fetch(_KEEP, values))

    async def find(self, user_code: str, *, now: datetime) -> Device | None:
        """Return the device that waits and shows this code."""
        rows = await self._executor.fetch(_FIND, [user_code, now], repeatable=True)
        return _device(rows[0]) if rows else None

    async def decide(self, user_code: str, decision: Decision, *, now: datetime) -> Device | None:
        """Keep a decision, in one statement."""
        decided = (decision.state.value, decision.organization, decision.user, decision.session)
        rows = await self._executor.fetch(_DECIDE, [user_code, now, *decided])
        return _device(rows[0]) if rows else None

    async def poll(self, digest: bytes, client: str, *, now: datetime, interval: timedelta) -> Polled | None:
        """Note that a client asks, and have it wait longer where it asks too soon."""
        rows = await self._executor.fetch(_POLL, [digest, client, now, interval])
        return Polled(device=_device(rows[0]), too_soon=rows[0]["too_soon"]) if rows else None

    async def use(self, digest: bytes, client: str, *, now: datetime) -> Device | None:
        """Use up an approved device's code, in one statement."""
        rows = await self._executor.fetch(_USE, [digest, client, now])
        return _device(rows[0]) if rows else None

    async def prune(self, *, now: datetime) -> None:
        """Forget those that have expired; for an hour a device is still told so."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)


def _device(row: asyncpg.Record) -> Device:
    return Device(
        user_code=row["user_code"],
        client=row["client"],
        scope=row["scope"],
        audience=tuple(row["audience"]),
        state=State(row["state"]),
        created=row["create_time"],
        expires=row["expire_time"],
        organization=row["organization"],
        user=row["user_name"],
        session=row["session_id"],
    )
