"""Finds and erases what is kept of a person: every table with a `user_name`, and the records that name them.

A new table of auth's takes part by having the columns `organization` and `user_name`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from tenon.auth.v1 import group_pb2, membership_pb2

from services.auth.storage.schema import SCHEMA, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import asyncpg

    from services.auth.domain.personal_data import Rows
    from services.auth.storage.keeping import RecordKeeper
    from services.chassis.postgres import Executor

MOST = 1000
"""Rows of one topic that are shown; the latest cannot be told in every table, so there may be others."""

SECRET = frozenset({"password_hash", "challenge", "confirmation"})
"""Columns that are texts and never shown; bytes never are."""

_SHOWN = (sa.Text, sa.Boolean, sa.Integer, sa.TIMESTAMP, postgresql.ARRAY)
_TOPICS = {
    "user": f"SELECT to_jsonb(u) - 'message' AS row FROM {SCHEMA}.users u WHERE organization = $1 AND name = $2",
    "memberships": f"""
SELECT to_jsonb(m) - 'message' AS row FROM {SCHEMA}.memberships m WHERE home = $1 AND "user" = $2 ORDER BY name
""",
    "groups": f"""
SELECT jsonb_build_object('organization', organization, 'name', name, 'display_name', display_name, 'roles', roles)
       AS row
FROM {SCHEMA}.groups WHERE organization = $1 AND members @> ARRAY[$2::text] ORDER BY name
""",
    "invitations": f"""
SELECT to_jsonb(i) - 'message' AS row FROM {SCHEMA}.invitations i WHERE organization = $1 AND "user" = $2 ORDER BY name
""",
    "audit": f"""
SELECT to_jsonb(e) AS row FROM {SCHEMA}.audit_events e
WHERE organization = $1 AND (actor = $2 OR subject = $2) ORDER BY time DESC
""",
}
_MEMBERSHIPS = f"""
SELECT organization, name FROM {SCHEMA}.memberships WHERE home = $1 AND "user" = $2 ORDER BY organization, name
"""
_GROUPS = f"SELECT name FROM {SCHEMA}.groups WHERE organization = $1 AND members @> ARRAY[$2::text] ORDER BY name"


def tables() -> Iterator[sa.Table]:
    """Return the tables that keep something of a person."""
    return (table for table in metadata.sorted_tables if {"organization", "user_name"} <= set(table.columns.keys()))


class SqlPersonalData:
    """What is kept of people (port `PersonalData`)."""

    def __init__(self, executor: Executor, keeper: RecordKeeper) -> None:
        """Take what runs statements, and what changes records."""
        self._executor = executor
        self._keeper = keeper

    async def collect(self, organization: str, user: str) -> Mapping[str, Rows]:
        """Return by topic what is kept, without secrets."""
        found: dict[str, Rows] = {}
        everywhere = [organization, *await self.list_organizations(user, organization)]
        for topic, statement in _TOPICS.items():
            found[topic] = await self._fetch(f"{statement} LIMIT {MOST}", [organization, user])
        for table in tables():
            statement = f"SELECT {_shown(table)} AS row FROM {SCHEMA}.{table.name} t WHERE {_WHOSE} LIMIT {MOST}"
            found[table.name] = await self._fetch(statement, [everywhere, user])
        return {topic: rows for topic, rows in found.items() if rows}

    async def erase(self, organization: str, user: str) -> None:
        """Erase it, with memberships and places in groups."""
        everywhere = [organization, *await self.list_organizations(user, organization)]
        for table in tables():
            await self._executor.fetch(f"DELETE FROM {SCHEMA}.{table.name} t WHERE {_WHOSE}", [everywhere, user])
        for where in everywhere:
            await self._leave_groups(where, user)
        for row in await self._executor.fetch(_MEMBERSHIPS, [organization, user]):
            await self._keeper.session(row["organization"]).delete(membership_pb2.Membership, row["name"])

    async def list_organizations(self, user: str, home: str) -> Sequence[str]:
        """Return the organizations that somebody is a member of."""
        rows = await self._executor.fetch(_MEMBERSHIPS, [home, user], repeatable=True)
        return [row["organization"] for row in rows]

    async def _leave_groups(self, organization: str, user: str) -> None:
        for row in await self._executor.fetch(_GROUPS, [organization, user]):
            session = self._keeper.session(organization)
            group = await session.get(group_pb2.Group, row["name"], lock=True)
            group.members.remove(user)
            await session.update(group, paths=["members"])

    async def _fetch(self, statement: str, arguments: list[object]) -> Rows:
        return [_plain(row) for row in await self._executor.fetch(statement, arguments, repeatable=True)]


_WHOSE = "t.organization = ANY ($1) AND t.user_name = $2"


def _shown(table: sa.Table) -> str:
    names = [c.name for c in table.columns if isinstance(c.type, _SHOWN) and c.name not in SECRET]
    return "jsonb_build_object(" + ", ".join(f"'{name}', t.\"{name}\"" for name in names) + ")"


def _plain(row: asyncpg.Record) -> dict[str, object]:
    value = row["row"]
    parsed = json.loads(value) if isinstance(value, str) else value
    return {name: item for name, item in parsed.items() if item not in (None, "", [], {})}
