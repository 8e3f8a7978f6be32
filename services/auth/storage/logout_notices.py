"""Keeps in Postgres which clients are still to be told that a session has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.oauth.logout_notices import LogoutNotice
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from services.chassis.postgres import Executor

NOTICE = f"""
INSERT INTO {SCHEMA}.logout_notices (session_id, client, organization, user_name, due_time, expire_time)
SELECT DISTINCT ended.id, f.client, ended.organization, ended.user_name,
       {{now}}::timestamptz, {{now}}::timestamptz + interval '1 day'
FROM ended JOIN {SCHEMA}.refresh_sessions f ON f.session_id = ended.id
WHERE 'openid' = ANY (string_to_array(f.scope, ' '))
ON CONFLICT DO NOTHING
"""
"""Keeps a notice for each client that was told of the person in sessions that end: `ended`, with id, organization and
user_name. It is part of the statement that ends them, so that neither is without the other."""

# Those that another worker is telling just now are skipped, so that nobody waits.
_LEND = f"""
UPDATE {SCHEMA}.logout_notices SET attempts = attempts + 1, due_time = $2
WHERE (session_id, client) IN (SELECT session_id, client FROM {SCHEMA}.logout_notices WHERE due_time <= $1
                               ORDER BY due_time LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING session_id, client, organization, user_name, attempts, expire_time
"""
_REMOVE = f"DELETE FROM {SCHEMA}.logout_notices WHERE session_id = $1 AND client = $2"
_POSTPONE = f"UPDATE {SCHEMA}.logout_notices SET due_time = $3 WHERE session_id = $1 AND client = $2"


class SqlLogoutNotices:
    """Notices in Postgres (port `NoticeQueue`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def lend(self, *, now: datetime, lease: timedelta, limit: int) -> Sequence[LogoutNotice]:
        """Return notices that are due, and count the try."""
        rows = await self._executor.fetch(_LEND, [now, now + lease, limit])
        return [
            LogoutNotice(
                session=row["session_id"],
                client=row["client"],
                organization=row["organization"],
                user=row["user_name"],
                attempts=row["attempts"],
                expires=row["expire_time"],
            )
            for row in rows
        ]

    async def remove(self, notice: LogoutNotice) -> None:
        """Forget a notice that was given, or is given up."""
        await self._executor.fetch(_REMOVE, [notice.session, notice.client], repeatable=True)

    async def postpone(self, notice: LogoutNotice, due: datetime) -> None:
        """Keep a notice for another try."""
        await self._executor.fetch(_POSTPONE, [notice.session, notice.client, due], repeatable=True)
