"""Keeps authenticators and recovery codes in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.auth.domain.factors.authenticators import Authenticator
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from services.chassis.postgres import Executor

_COLUMNS = """
id, organization, user_name, kind, display_name, create_time, use_time, suspended, seed, last_step, credential,
public_key, sign_count, backup_eligible, transports
"""
_ADD = f"""
INSERT INTO {SCHEMA}.authenticators ({_COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (credential) DO NOTHING RETURNING 1
"""
_LIST = f"""
SELECT {_COLUMNS} FROM {SCHEMA}.authenticators WHERE organization = $1 AND user_name = $2 ORDER BY create_time, id
"""
_FIND_PASSKEY = f"SELECT {_COLUMNS} FROM {SCHEMA}.authenticators WHERE credential = $1"
# One statement, so that of two that show one code only one is right.
_USE_STEP = f"""
UPDATE {SCHEMA}.authenticators SET last_step = $2, use_time = $3 WHERE id = $1 AND last_step < $2 RETURNING 1
"""
_COUNT = f"""
UPDATE {SCHEMA}.authenticators SET sign_count = $2, use_time = $3
WHERE id = $1 AND NOT suspended AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) RETURNING 1
"""
_SUSPEND = f"UPDATE {SCHEMA}.authenticators SET suspended = true WHERE id = $1"
_RENAME = f"""
UPDATE {SCHEMA}.authenticators SET display_name = $4 WHERE organization = $1 AND user_name = $2 AND id = $3
RETURNING {_COLUMNS}
"""
_REMOVE = f"""
DELETE FROM {SCHEMA}.authenticators WHERE organization = $1 AND user_name = $2 AND id = $3 RETURNING {_COLUMNS}
"""
_REPLACE_CODES = f"""
WITH gone AS (
    DELETE FROM {SCHEMA}.recovery_codes WHERE organization = $1 AND user_name = $2 AND digest <> ALL ($3::bytea[])
)
INSERT INTO {SCHEMA}.recovery_codes (organization, user_name, digest)
SELECT $1, $2, unnest($3::bytea[]) ON CONFLICT DO NOTHING
"""
_USE_CODE = f"""
UPDATE {SCHEMA}.recovery_codes SET use_time = $4
WHERE organization = $1 AND user_name = $2 AND digest = $3 AND use_time IS NULL RETURNING 1
"""
_COUNT_CODES = f"""
SELECT count(*) AS codes FROM {SCHEMA}.recovery_codes
WHERE organization = $1 AND user_name = $2 AND use_time IS NULL
"""
_FORGET = f"""
WITH codes AS (
    DELETE FROM {SCHEMA}.recovery_codes WHERE organization = $1 AND user_name = $2
), waiting AS (
    DELETE FROM {SCHEMA}.enrolments WHERE organization = $1 AND user_name = $2
)
DELETE FROM {SCHEMA}.authenticators WHERE organization = $1 AND user_name = $2
"""


class SqlAuthenticators:
    """Authenticators and recovery codes (port `Authenticators`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def add(self, authenticator: Authenticator) -> bool:
        """Keep a new one, unless somebody has that passkey already."""
        one = authenticator
        values: list[Any] = [
            *(one.id, one.organization, one.user, one.kind, one.display_name.replace("\0", ""), one.created, one.used),
            *(one.suspended, one.seed, one.last_step, one.credential or None, one.public_key, one.sign_count),
            *(one.backup_eligible, list(one.transports)),
        ]
        return bool(await self._executor.fetch(_ADD, values))

    async def list_of(self, organization: str, user: str) -> Sequence[Authenticator]:
        """Return a user's authenticators, the oldest first."""
        rows = await self._executor.fetch(_LIST, [organization, user], repeatable=True)
        return [_authenticator(row) for row in rows]

    async def find_passkey(self, credential: bytes) -> Authenticator | None:
        """Return the passkey of that id."""
        rows = await self._executor.fetch(_FIND_PASSKEY, [credential], repeatable=True)
        return _authenticator(rows[0]) if rows else None

    async def use_step(self, authenticator: str, step: int, *, now: datetime) -> bool:
        """Use up the code of a time step."""
        return bool(await self._executor.fetch(_USE_STEP, [authenticator, step, now]))

    async def count_signature(self, authenticator: str, sign_count: int, *, now: datetime) -> bool:
        """Keep how often a passkey has signed, or suspend it."""
        if await self._executor.fetch(_COUNT, [authenticator, sign_count, now]):
            return True
        await self._executor.fetch(_SUSPEND, [authenticator], repeatable=True)
        return False

    async def rename(self, organization: str, user: str, authenticator: str, display_name: str) -> Authenticator | None:
        """Give a user's authenticator another name."""
        values = [organization, user, authenticator, display_name.replace("\0", "")]
        rows = await self._executor.fetch(_RENAME, values, repeatable=True)
        return _authenticator(rows[0]) if rows else None

    async def remove(self, organization: str, user: str, authenticator: str) -> Authenticator | None:
        """Forget a user's authenticator."""
        rows = await self._executor.fetch(_REMOVE, [organization, user, authenticator])
        return _authenticator(rows[0]) if rows else None

    async def replace_codes(self, organization: str, user: str, digests: Iterable[bytes]) -> None:
        """Keep these recovery codes in place of all that the user had."""
        await self._executor.fetch(_REPLACE_CODES, [organization, user, list(digests)], repeatable=True)

    async def use_code(self, organization: str, user: str, digest: bytes, *, now: datetime) -> bool:
        """Use up a recovery code."""
        return bool(await self._executor.fetch(_USE_CODE, [organization, user, digest, now]))

    async def count_codes(self, organization: str, user: str) -> int:
        """Return how many recovery codes are left."""
        rows = await self._executor.fetch(_COUNT_CODES, [organization, user], repeatable=True)
        return int(rows[0]["codes"])

    async def forget(self, organization: str, user: str) -> None:
        """Forget everything that a user has set up."""
        await self._executor.fetch(_FORGET, [organization, user], repeatable=True)


def _authenticator(row: asyncpg.Record) -> Authenticator:
    return Authenticator(
        id=row["id"],
        organization=row["organization"],
        user=row["user_name"],
        kind=row["kind"],
        display_name=row["display_name"],
        created=row["create_time"],
        used=row["use_time"],
        suspended=row["suspended"],
        seed=row["seed"],
        last_step=row["last_step"],
        credential=row["credential"] or b"",
        public_key=row["public_key"],
        sign_count=row["sign_count"],
        backup_eligible=row["backup_eligible"],
        transports=tuple(row["transports"]),
    )
