"""Keeps API keys in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.api_keys import ApiKey
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from services.auth.domain.api_keys import Listed
    from services.chassis.postgres import Executor

_COLUMNS = """id, organization, owner, display_name, scopes, digest, creator, create_time, expire_time, revoke_time,
last_use_time"""
_ADD = f"""
INSERT INTO {SCHEMA}.api_keys (id, organization, owner, display_name, scopes, digest, creator, create_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_FIND = f"SELECT {_COLUMNS} FROM {SCHEMA}.api_keys WHERE id = $1"
_LIST = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.api_keys
WHERE organization = $1 AND ($2 = '' OR owner = $2) AND id > $3 ORDER BY id LIMIT $4
"""
_COUNT = f"SELECT count(*) AS keys FROM {SCHEMA}.api_keys WHERE organization = $1 AND owner = $2"
_REVOKE = f"UPDATE {SCHEMA}.api_keys SET revoke_time = $2 WHERE id = $1 AND revoke_time IS NULL"
_REMOVE = f"DELETE FROM {SCHEMA}.api_keys WHERE id = $1"
_NOTE_USED = f"""
UPDATE {SCHEMA}.api_keys k SET last_use_time = greatest(k.last_use_time, used.time)
FROM unnest($1::text[], $2::timestamptz[]) AS used (id, time) WHERE k.id = used.id
"""


class SqlApiKeys:
    """API keys (port `ApiKeyStore`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        values = [
            *(key.id, key.organization, key.owner, key.display_name, list(key.scopes), key.digest),
            *(key.creator, key.created, key.expires),
        ]
        await self._executor.fetch(_ADD, values)

    async def find(self, key_id: str) -> ApiKey | None:
        """Return the key of that id."""
        # Postgres keeps no NUL, so that nothing is found by one.
        rows = await self._executor.fetch(_FIND, [key_id.replace("\0", "�")], repeatable=True)
        return _key(rows[0]) if rows else None

    async def list(self, listed: Listed) -> Sequence[ApiKey]:
        """Return keys in the order of their ids."""
        values = [listed.organization, listed.owner, listed.after, listed.limit]
        return [_key(row) for row in await self._executor.fetch(_LIST, values, repeatable=True)]

    async def count(self, organization: str, owner: str) -> int:
        """Return how many keys the owner has."""
        rows = await self._executor.fetch(_COUNT, [organization, owner], repeatable=True)
        return int(rows[0]["keys"])

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Note that the key is revoked, unless it is already."""
        await self._executor.fetch(_REVOKE, [key_id, now], repeatable=True)

    async def remove(self, key_id: str) -> None:
        """Forget the key."""
        await self._executor.fetch(_REMOVE, [key_id], repeatable=True)

    async def note_used(self, used: Mapping[str, datetime]) -> None:
        """Keep when keys were used last, in one statement."""
        await self._executor.fetch(_NOTE_USED, [list(used), list(used.values())], repeatable=True)


def _key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        id=row["id"],
        organization=row["organization"],
        owner=row["owner"],
        display_name=row["display_name"],
        scopes=tuple(row["scopes"]),
        digest=row["digest"],
        created=row["create_time"],
        creator=row["creator"],
        expires=row["expire_time"],
        revoked=row["revoke_time"],
        used=row["last_use_time"],
    )
