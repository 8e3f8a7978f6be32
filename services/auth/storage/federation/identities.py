"""Keeps in Postgres whose identities at providers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.federation.identities import LinkedIdentity
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from services.chassis.postgres import Executor

_COLUMNS = "id, organization, user_name, provider, subject, email, create_time, use_time"
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.linked_identities WHERE provider = $1 AND subject = $2"
_LIST = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.linked_identities WHERE organization = $1 AND user_name = $2 ORDER BY create_time, id
"""
_ADD = f"""
INSERT INTO {SCHEMA}.linked_identities ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING RETURNING 1
"""
_NOTE_USE = f"UPDATE {SCHEMA}.linked_identities SET use_time = $2, email = $3 WHERE id = $1"
_REMOVE = f"""
DELETE FROM {SCHEMA}.linked_identities WHERE organization = $1 AND user_name = $2 AND id = $3 RETURNING {_COLUMNS}
"""
_REMOVE_ALL = f"DELETE FROM {SCHEMA}.linked_identities WHERE organization = $1 AND provider = $2"
# What people hold elsewhere, as members, counts too: whoever signs in as them acts there.
_HELD = f"""
WITH linked AS (SELECT DISTINCT user_name FROM {SCHEMA}.linked_identities WHERE organization = $1 AND provider = $2),
names AS (SELECT array_agg(user_name) AS all_of FROM linked),
given AS (
    SELECT u.organization, unnest(u.roles) AS role FROM {SCHEMA}.users u JOIN linked l ON l.user_name = u.name
    WHERE u.organization = $1
    UNION SELECT m.organization, unnest(m.roles) FROM {SCHEMA}.memberships m JOIN linked l ON l.user_name = m."user"
    WHERE m.home = $1
    UNION SELECT g.organization, unnest(g.roles) FROM {SCHEMA}.groups g, names WHERE g.members && names.all_of
)
SELECT DISTINCT unnest(r.permissions) AS permission
FROM {SCHEMA}.roles r JOIN given ON given.organization = r.organization AND given.role = r.name
"""


class SqlLinkedIdentities:
    """Linked identities (port `LinkedIdentities`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find(self, provider: str, subject: str) -> LinkedIdentity | None:
        """Return the identity of that name at a provider."""
        rows = await self._executor.fetch(_FIND, [provider, subject], repeatable=True)
        return _identity(rows[0]) if rows else None

    async def list_of(self, organization: str, user: str) -> Sequence[LinkedIdentity]:
        """Return a user's identities."""
        rows = await self._executor.fetch(_LIST, [organization, user], repeatable=True)
        return [_identity(row) for row in rows]

    async def add(self, identity: LinkedIdentity) -> bool:
        """Keep an identity, if nobody has it."""
        one = identity
        values = [one.id, one.organization, one.user, one.provider, one.subject, one.email, one.created, one.used]
        return bool(await self._executor.fetch(_ADD, values))

    async def note_use(self, identity: str, email: str, *, now: datetime) -> None:
        """Note that somebody signed in by it."""
        await self._executor.fetch(_NOTE_USE, [identity, now, email])

    async def remove(self, organization: str, user: str, identity: str) -> LinkedIdentity | None:
        """Forget a user's identity."""
        rows = await self._executor.fetch(_REMOVE, [organization, user, identity.replace("\0", "�")])
        return _identity(rows[0]) if rows else None

    async def remove_all(self, organization: str, provider: str) -> None:
        """Forget all identities at a provider."""
        await self._executor.fetch(_REMOVE_ALL, [organization, provider])

    async def list_held(self, organization: str, provider: str) -> frozenset[str]:
        """Return the patterns that all who sign in by a provider hold together."""
        rows = await self._executor.fetch(_HELD, [organization, provider.replace("\0", "�")], repeatable=True)
        return frozenset(row["permission"] for row in rows)


def _identity(row: asyncpg.Record) -> LinkedIdentity:
    return LinkedIdentity(
        id=row["id"],
        organization=row["organization"],
        user=row["user_name"],
        provider=row["provider"],
        subject=row["subject"],
        email=row["email"],
        created=row["create_time"],
        used=row["use_time"],
    )
