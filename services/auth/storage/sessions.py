"""Keeps sessions and the digests of their refresh tokens in Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.sessions import KeptToken, Session
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from services.chassis.postgres import Executor

_OPEN = f"""
WITH opened AS (
    INSERT INTO {SCHEMA}.refresh_sessions (id, organization, user_name, client, expire_time)
    VALUES ($1, $2, $3, $4, $5) RETURNING id
)
INSERT INTO {SCHEMA}.refresh_tokens (digest, session_id, expire_time) SELECT $6, id, $7 FROM opened
"""

# The session's row is locked first, so that whoever ends it is either before us, and we find nothing, or behind us.
# Of two that rotate one token, the second waits, sees the row that the first has left and finds it used.
_ROTATE = f"""
WITH living AS (
    SELECT s.id, s.organization, s.user_name, s.client, s.expire_time
    FROM {SCHEMA}.refresh_sessions s
    WHERE s.id = (SELECT session_id FROM {SCHEMA}.refresh_tokens WHERE digest = $1)
      AND s.end_time IS NULL AND s.expire_time > $2
    FOR UPDATE
), used AS (
    UPDATE {SCHEMA}.refresh_tokens t
    SET use_time = $2, successor = $4, successor_expire_time = least($5, living.expire_time)
    FROM living
    WHERE t.digest = $1 AND t.session_id = living.id AND t.use_time IS NULL AND t.expire_time > $2
    RETURNING t.session_id, t.expire_time, t.successor_expire_time
), made AS (
    INSERT INTO {SCHEMA}.refresh_tokens (digest, session_id, expire_time)
    SELECT $3, session_id, successor_expire_time FROM used
)
SELECT living.id, living.organization, living.user_name, living.client, living.expire_time AS session_expire_time,
       used.expire_time, $2::timestamptz AS use_time, false AS ended, $4::bytea AS successor, used.successor_expire_time
FROM living, used
"""

_FIND = f"""
SELECT s.id, s.organization, s.user_name, s.client, s.expire_time AS session_expire_time,
       s.end_time IS NOT NULL AS ended, t.expire_time, t.use_time, t.successor, t.successor_expire_time
FROM {SCHEMA}.refresh_tokens t JOIN {SCHEMA}.refresh_sessions s ON s.id = t.session_id
WHERE t.digest = $1
"""
_END = f"UPDATE {SCHEMA}.refresh_sessions SET end_time = $2 WHERE id = $1 AND end_time IS NULL"
_END_ALL = f"""
UPDATE {SCHEMA}.refresh_sessions SET end_time = $3
WHERE organization = $1 AND user_name = $2 AND id <> $4 AND end_time IS NULL
"""
_FORGET_SUCCESSORS = f"""
UPDATE {SCHEMA}.refresh_tokens SET successor = NULL WHERE successor IS NOT NULL AND use_time < $1
"""
_FORGET_SESSIONS = f"DELETE FROM {SCHEMA}.refresh_sessions WHERE expire_time < $1"


class SqlSessions:
    """Sessions and their tokens (port `RefreshSessions`)."""

    def __init__(self, executor: Executor, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take what runs statements, and a clock."""
        self._executor = executor
        self._clock = clock

    async def open(self, session: Session, digest: bytes, expires: datetime) -> None:
        """Keep a new session with its first token."""
        values = [session.id, session.organization, session.user, session.client, session.expires, digest, expires]
        await self._executor.fetch(_OPEN, values)

    async def rotate(
        self, digest: bytes, *, now: datetime, successor: bytes, sealed_successor: bytes, expires: datetime
    ) -> KeptToken | None:
        """Use up a token and keep its successor, in one statement."""
        rows = await self._executor.fetch(_ROTATE, [digest, now, successor, sealed_successor, expires])
        return _token(rows[0]) if rows else None

    async def find(self, digest: bytes) -> KeptToken | None:
        """Return the token, used or not."""
        rows = await self._executor.fetch(_FIND, [digest], repeatable=True)
        return _token(rows[0]) if rows else None

    async def end(self, session: str, *, now: datetime) -> None:
        """End a session, if it lives."""
        await self._executor.fetch(_END, [session, now], repeatable=True)

    async def end_all(self, organization: str, user: str, *, keep: str = "") -> None:
        """End all sessions of a user but `keep`."""
        await self._executor.fetch(_END_ALL, [organization, user, self._clock(), keep], repeatable=True)

    async def prune(self, *, now: datetime, grace: timedelta) -> None:
        """Forget successors that are past their grace, and sessions that have expired."""
        await self._executor.fetch(_FORGET_SUCCESSORS, [now - grace], repeatable=True)
        await self._executor.fetch(_FORGET_SESSIONS, [now], repeatable=True)


def _token(row: asyncpg.Record) -> KeptToken:
    return KeptToken(
        session=Session(
            id=row["id"],
            organization=row["organization"],
            user=row["user_name"],
            client=row["client"],
            expires=row["session_expire_time"],
        ),
        expires=row["expire_time"],
        revoked=row["ended"],
        used=row["use_time"],
        sealed_successor=row["successor"] or b"",
        successor_expires=row["successor_expire_time"],
    )
