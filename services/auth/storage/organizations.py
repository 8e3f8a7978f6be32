"""Reads organizations out of the table of their records, and ends what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.organizations import Organization
from services.auth.domain.revocations import FOR_EVER, of_organization
from services.auth.storage.logout_notices import NOTICE
from services.auth.storage.revocations import REVOKE
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from services.chassis.postgres import Executor

_COLUMNS = "name, display_name, disabled, allowed_email_domains"
_FIND = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.organizations WHERE organization = 'system' AND name = 'organizations/' || $1
"""
_IS_RETIRED = f"SELECT 1 FROM {SCHEMA}.retired_organizations WHERE id = $1"
_RETIRE = f"INSERT INTO {SCHEMA}.retired_organizations (id, retire_time) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_END = f"""
WITH ended AS (
    UPDATE {SCHEMA}.sessions SET end_time = $2, cookie = NULL WHERE organization = $1 AND end_time IS NULL
    RETURNING id, organization, user_name
), noticed AS (
    {NOTICE.format(now="$2")}
), families AS (
    UPDATE {SCHEMA}.refresh_sessions SET end_time = $2
    WHERE (organization = $1 OR session_id IN (SELECT id FROM ended)) AND end_time IS NULL
    RETURNING id, organization
)
{REVOKE}
"""
# Tokens of the organization are taken back together; those by which its people act elsewhere, one by one.
_REVOKED = f"""
SELECT $4::text AS key, $3::bigint AS before
UNION ALL SELECT 'grant:' || id, {FOR_EVER} FROM families WHERE organization <> $1
"""
_END_ACCESS = _END.format(rows=_REVOKED, now="$2")
_LIST_OF = f"""
WITH mine AS (
    SELECT $2::text AS id UNION SELECT organization FROM {SCHEMA}.memberships WHERE home = $2 AND "user" = $1
)
SELECT 'organizations/' || mine.id AS name, coalesce(o.display_name, '') AS display_name,
       coalesce(o.disabled, false) AS disabled, coalesce(o.allowed_email_domains, '{{}}') AS allowed_email_domains
FROM mine LEFT JOIN {SCHEMA}.organizations o ON o.organization = 'system' AND o.name = 'organizations/' || mine.id
WHERE NOT coalesce(o.disabled, false)
  AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.retired_organizations r WHERE r.id = mine.id)
ORDER BY mine.id <> $2, mine.id
"""

KEPT = (
    *("audit_events", "audit_links", "audit_pending", "outbox", "outbox_pruned", "request_ids"),
    *("organizations", "retired_organizations"),
)
"""What is not erased with an organization: what happened, and that it was there. The events go after a week."""

_RETIRED = f"SELECT id FROM {SCHEMA}.retired_organizations WHERE purge_time IS NULL ORDER BY id"
_TABLES = """
SELECT c.relname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attname = 'organization' AND NOT a.attisdropped
  AND c.relname <> ALL ($2)
ORDER BY c.relname
"""
_PURGE = f"""
DELETE FROM {SCHEMA}.{{table}} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {SCHEMA}.{{table}} WHERE organization = $1 LIMIT $2)) RETURNING 1
"""
_PURGE_GUESTS = f"DELETE FROM {SCHEMA}.memberships WHERE home = $1"
_PURGED = f"UPDATE {SCHEMA}.retired_organizations SET purge_time = $2 WHERE id = $1"


class SqlOrganizations:
    """Organizations (port `OrganizationStore`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find(self, organization: str) -> Organization | None:
        """Return an organization that has a record."""
        rows = await self._executor.fetch(_FIND, [organization], repeatable=True)
        return _organization(rows[0]) if rows else None

    async def is_retired(self, organization: str) -> bool:
        """Whether there was an organization of that id that was deleted."""
        return bool(await self._executor.fetch(_IS_RETIRED, [organization], repeatable=True))

    async def retire(self, organization: str, *, now: datetime) -> None:
        """Keep for ever that the id is used up."""
        await self._executor.fetch(_RETIRE, [organization, now], repeatable=True)

    async def end_access(self, organization: str, *, now: datetime) -> None:
        """End all sessions and families in it, and take back all its access tokens."""
        revoked = of_organization(organization, now)
        await self._executor.fetch(_END_ACCESS, [organization, now, revoked.before, revoked.key], repeatable=True)

    async def purge(self, *, now: datetime, batch: int = 1000) -> None:
        """Erase what auth keeps of organizations that were deleted, in steps; the audit stays."""
        for row in await self._executor.fetch(_RETIRED, repeatable=True):
            for table in await self._executor.fetch(_TABLES, [SCHEMA, list(KEPT)], repeatable=True):
                statement = _PURGE.format(table=table["name"])
                while len(await self._executor.fetch(statement, [row["id"], batch])) == batch:
                    pass
            await self._executor.fetch(_PURGE_GUESTS, [row["id"]])
            await self._executor.fetch(_PURGED, [row["id"], now])

    async def list_of(self, user: str, home: str) -> Sequence[Organization]:
        """Return the organizations that are open to a user."""
        rows = await self._executor.fetch(_LIST_OF, [user, home], repeatable=True)
        return [_organization(row) for row in rows]


def _organization(row: asyncpg.Record) -> Organization:
    return Organization(
        id=row["name"].removeprefix("organizations/"),
        display_name=row["display_name"],
        disabled=row["disabled"],
        allowed_domains=tuple(row["allowed_email_domains"]),
    )
