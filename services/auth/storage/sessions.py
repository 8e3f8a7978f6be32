"""Keeps sessions in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.authentication import Authentication
from services.auth.domain.revocations import FOR_EVER
from services.auth.domain.sessions import Origin, Session
from services.auth.storage.logout_notices import NOTICE
from services.auth.storage.revocations import REVOKE
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from services.chassis.postgres import Executor

_OPEN = f"""
INSERT INTO {SCHEMA}.sessions (id, organization, user_name, auth_time, methods, address, agent, cookie,
                               create_time, use_time, expire_time, idle)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)
"""
_COLUMNS = """
id, organization, user_name, auth_time, methods, address, agent, create_time, use_time, expire_time, end_time, idle
"""
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.sessions WHERE id = $1"
_FIND_BY_COOKIE = f"SELECT {_COLUMNS} FROM {SCHEMA}.sessions WHERE cookie = $1"
_TOUCH = f"UPDATE {SCHEMA}.sessions SET use_time = greatest(use_time, $2) WHERE id = $1"
# What clients hold in the session becomes as strong with it.
_STRENGTHEN = f"""
WITH strengthened AS (
    UPDATE {SCHEMA}.sessions SET auth_time = $2, methods = $3, cookie = coalesce($4, cookie)
    WHERE id = $1 AND end_time IS NULL RETURNING id
)
UPDATE {SCHEMA}.refresh_sessions SET auth_time = $2, methods = $3
WHERE session_id IN (SELECT id FROM strengthened) AND end_time IS NULL
"""
_LIST = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.sessions
WHERE organization = $1 AND user_name = $2 AND end_time IS NULL AND expire_time > $3 ORDER BY use_time DESC, id
"""
# Whoever opens a family holds the session's row, so that no family is opened behind the one that ends all of them.
_END = f"""
WITH ended AS (
    UPDATE {SCHEMA}.sessions SET end_time = $2, cookie = NULL WHERE {{sessions}} AND end_time IS NULL
    RETURNING id, organization, user_name
), noticed AS (
    {NOTICE.format(now="$2")}
), families AS (
    UPDATE {SCHEMA}.refresh_sessions SET end_time = $2
    WHERE ({{families}} OR session_id IN (SELECT id FROM ended)) AND end_time IS NULL
    RETURNING id
)
{REVOKE}
"""
_REVOKED = f"""
SELECT 'session:' || id AS key, {FOR_EVER} AS before FROM ended
UNION ALL SELECT 'grant:' || id, {FOR_EVER} FROM families
"""
_END_ONE = _END.format(sessions="id = $1", families="session_id = $1", rows=_REVOKED, now="$2")
_END_ALL = _END.format(
    sessions="organization = $1 AND user_name = $3 AND id <> $4",
    families="organization = $1 AND user_name = $3 AND coalesce(session_id, id) <> $4",
    rows=_REVOKED,
    now="$2",
)
_PRUNE = f"DELETE FROM {SCHEMA}.sessions WHERE expire_time < $1"


class SqlSessions:
    """Sessions (port `SessionStore`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def open(self, session: Session, cookie: bytes | None) -> None:
        """Keep a new session."""
        proof, origin = session.authentication, session.origin
        values = [
            *(session.id, session.organization, session.user, proof.time, list(proof.methods)),
            *(_plain(origin.address), _plain(origin.agent), cookie, session.created, session.expires),
            session.idle,
        ]
        await self._executor.fetch(_OPEN, values)

    async def find(self, session: str) -> Session | None:
        """Return the session, ended or not."""
        rows = await self._executor.fetch(_FIND, [session], repeatable=True)
        return _session(rows[0]) if rows else None

    async def find_by_cookie(self, cookie: bytes) -> Session | None:
        """Return the session whose cookie has that digest, ended or not."""
        rows = await self._executor.fetch(_FIND_BY_COOKIE, [cookie], repeatable=True)
        return _session(rows[0]) if rows else None

    async def touch(self, session: str, *, now: datetime) -> None:
        """Note that it was used."""
        await self._executor.fetch(_TOUCH, [session, now], repeatable=True)

    async def strengthen(self, session: str, authentication: Authentication, cookie: bytes | None) -> None:
        """Keep another authentication, and another cookie in place of the one before."""
        values = [session, authentication.time, list(authentication.methods), cookie]
        await self._executor.fetch(_STRENGTHEN, values, repeatable=True)

    async def list_living(self, organization: str, user: str, *, now: datetime) -> Sequence[Session]:
        """Return a user's sessions that live, the one that was used last first."""
        rows = await self._executor.fetch(_LIST, [organization, user, now], repeatable=True)
        return [_session(row) for row in rows]

    async def end(self, session: str, *, now: datetime) -> None:
        """End a session with all refresh tokens and access tokens of it, if it lives."""
        await self._executor.fetch(_END_ONE, [session, now], repeatable=True)

    async def end_all(self, organization: str, user: str, *, now: datetime, keep: str = "") -> None:
        """End all sessions and refresh tokens of a user but those of the session `keep`."""
        await self._executor.fetch(_END_ALL, [organization, now, user, keep], repeatable=True)

    async def prune(self, *, now: datetime) -> None:
        """Forget sessions that have expired."""
        await self._executor.fetch(_PRUNE, [now], repeatable=True)


def _plain(text: str) -> str:
    """Return a text of a header as Postgres takes it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _session(row: asyncpg.Record) -> Session:
    return Session(
        id=row["id"],
        organization=row["organization"],
        user=row["user_name"],
        authentication=Authentication(time=row["auth_time"], methods=tuple(row["methods"])),
        origin=Origin(address=row["address"], agent=row["agent"]),
        created=row["create_time"],
        used=row["use_time"],
        expires=row["expire_time"],
        ended=row["end_time"],
        idle=row["idle"],
    )
