"""Finds and erases what is kept of a person: every table with a `user_name`, and what else names them.

A new table of auth's takes part by having the columns `organization` and `user_name`. Names of users are never used
twice, in no organization, so that a name alone says who is meant.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from tenon.auth.v1 import group_pb2, invitation_pb2, membership_pb2

from services.auth.domain.accounts import DEFAULT_ORGANIZATION, SYSTEM_ORGANIZATION
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
_EVERYWHERE = f"""
ARRAY(SELECT $1::text UNION SELECT unnest(ARRAY['{DEFAULT_ORGANIZATION}', '{SYSTEM_ORGANIZATION}'])
      UNION SELECT split_part(name, '/', 2) FROM {SCHEMA}.organizations WHERE organization = '{SYSTEM_ORGANIZATION}'
      UNION SELECT organization FROM {SCHEMA}.memberships WHERE home = $1 AND "user" = $2)
"""
"""All organizations: one that somebody has left may still name them, and each is found by an index."""
_RELATED = """(
    (subject_type, subject_id) = (split_part($2, '/', 1), split_part($2, '/', 2))
    OR (resource_type, resource_id) = (split_part($2, '/', 1), split_part($2, '/', 2))
)"""
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
    "api_keys": f"""
SELECT to_jsonb(k) - 'digest' AS row FROM {SCHEMA}.api_keys k
WHERE organization = ANY ({_EVERYWHERE}) AND owner = $2 ORDER BY id
""",
    "relations": f"""
SELECT to_jsonb(r) AS row FROM {SCHEMA}.relations r WHERE organization = ANY ({_EVERYWHERE}) AND {_RELATED}
ORDER BY organization, resource_type, resource_id, relation
""",
    "audit": f"""
SELECT to_jsonb(e) AS row FROM {SCHEMA}.audit_events e
WHERE organization = $1 AND (actor = $2 OR subject = $2) ORDER BY time DESC
""",
}
_MEMBERSHIPS = f"""
SELECT organization, name FROM {SCHEMA}.memberships WHERE home = $1 AND "user" = $2 ORDER BY organization, name
"""
_GROUPS = f"""
SELECT organization, name FROM {SCHEMA}.groups
WHERE organization = ANY ({_EVERYWHERE}) AND members @> ARRAY[$2::text] ORDER BY organization, name
"""
_INVITATIONS = f"""
SELECT organization, name, ("user" = $2 OR state = {invitation_pb2.INVITATION_STATE_PENDING}) AS goes
FROM {SCHEMA}.invitations WHERE organization = ANY ({_EVERYWHERE}) AND ("user" = $2 OR inviter = $2)
ORDER BY organization, name
"""
_ERASE = (
    f"""
WITH gone AS (DELETE FROM {SCHEMA}.relations WHERE organization = ANY ({_EVERYWHERE}) AND {_RELATED}
              RETURNING organization)
UPDATE {SCHEMA}.access_states SET revision = revision + 1 WHERE organization IN (SELECT organization FROM gone)
""",
    f"DELETE FROM {SCHEMA}.api_keys WHERE organization = ANY ({_EVERYWHERE}) AND owner = $2",
    f"UPDATE {SCHEMA}.api_keys SET creator = '' WHERE organization = ANY ({_EVERYWHERE}) AND creator = $2",
    f"DELETE FROM {SCHEMA}.authorization_requests WHERE approver = $2 AND $1::text IS NOT NULL",
)
"""What is erased beside the tables with a `user_name` and the records."""

LEFT = frozenset({"logout_notices"})
"""Tables that are left: they tell others to forget the person too, and are empty of them within a day."""


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
        for topic, statement in _TOPICS.items():
            found[topic] = await self._fetch(f"{statement} LIMIT {MOST}", [organization, user])
        for table in tables():
            statement = f"SELECT {_shown(table)} AS row FROM {SCHEMA}.{table.name} t WHERE {_WHOSE} LIMIT {MOST}"
            found[table.name] = await self._fetch(statement, [organization, user])
        return {topic: rows for topic, rows in found.items() if rows}

    async def erase(self, organization: str, user: str) -> None:
        """Erase it, with memberships, places in groups, relations and keys."""
        whose = [organization, user]
        for table in tables():
            if table.name not in LEFT:
                await self._executor.fetch(f"DELETE FROM {SCHEMA}.{table.name} t WHERE {_WHOSE}", whose)
        for statement in _ERASE:
            await self._executor.fetch(statement, whose)
        await self._leave_groups(whose)
        await self._forget_invitations(whose)
        for row in await self._executor.fetch(_MEMBERSHIPS, whose):
            await self._keeper.session(row["organization"]).delete(membership_pb2.Membership, row["name"])

    async def list_organizations(self, user: str, home: str) -> Sequence[str]:
        """Return the organizations that somebody is a member of."""
        rows = await self._executor.fetch(_MEMBERSHIPS, [home, user], repeatable=True)
        return [row["organization"] for row in rows]

    async def _leave_groups(self, whose: Sequence[str]) -> None:
        for row in await self._executor.fetch(_GROUPS, whose):
            session = self._keeper.session(row["organization"])
            group = await session.get(group_pb2.Group, row["name"], lock=True)
            group.members.remove(whose[1])
            await session.update(group, paths=["members"])

    async def _forget_invitations(self, whose: Sequence[str]) -> None:
        """Delete theirs and those that nobody stands behind any more; others no longer say who has invited."""
        for row in await self._executor.fetch(_INVITATIONS, whose):
            organization, name = row["organization"], row["name"]
            session = self._keeper.session(organization)
            if row["goes"]:
                await self._executor.fetch(_FORGET_SECRET, [organization, name])
                await session.delete(invitation_pb2.Invitation, name)
            else:
                await session.update(invitation_pb2.Invitation(name=name), paths=["inviter"])

    async def _fetch(self, statement: str, arguments: list[object]) -> Rows:
        return [_plain(row) for row in await self._executor.fetch(statement, arguments, repeatable=True)]


_WHOSE = f"t.organization = ANY ({_EVERYWHERE}) AND t.user_name = $2"
_FORGET_SECRET = f"DELETE FROM {SCHEMA}.invitation_secrets WHERE organization = $1 AND invitation = $2"


def _shown(table: sa.Table) -> str:
    names = [c.name for c in table.columns if isinstance(c.type, _SHOWN) and c.name not in SECRET]
    return "jsonb_build_object(" + ", ".join(f"'{name}', t.\"{name}\"" for name in names) + ")"


def _plain(row: asyncpg.Record) -> dict[str, object]:
    value = row["row"]
    parsed = json.loads(value) if isinstance(value, str) else value
    return {name: item for name, item in parsed.items() if item not in (None, "", [], {})}
