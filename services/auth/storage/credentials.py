"""Keeps the hashes of passwords in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from services.chassis.postgres import Executor

_SET = f"""
INSERT INTO {SCHEMA}.credentials (organization, user_name, password_hash, short) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization, user_name) DO UPDATE
SET password_hash = excluded.password_hash, short = excluded.short, update_time = now()
"""
_RENEW = f"""
UPDATE {SCHEMA}.credentials SET password_hash = $4
WHERE organization = $1 AND user_name = $2 AND password_hash = $3
"""
_IS_SHORT = f"SELECT 1 FROM {SCHEMA}.credentials WHERE organization = $1 AND user_name = $2 AND short"
# What else the user proved themselves by goes with it.
_REMOVE = f"""
WITH authenticators AS (DELETE FROM {SCHEMA}.authenticators WHERE organization = $1 AND user_name = $2),
codes AS (DELETE FROM {SCHEMA}.recovery_codes WHERE organization = $1 AND user_name = $2),
enrolments AS (DELETE FROM {SCHEMA}.enrolments WHERE organization = $1 AND user_name = $2),
addresses AS (DELETE FROM {SCHEMA}.verified_addresses WHERE organization = $1 AND user_name = $2),
keys AS (DELETE FROM {SCHEMA}.api_keys WHERE owner = $2)
DELETE FROM {SCHEMA}.credentials WHERE organization = $1 AND user_name = $2
"""


class SqlCredentials:
    """Hashes of passwords (port `Credentials`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def set(self, organization: str, user: str, password_hash: str, *, short: bool = False) -> None:
        """Keep the hash in place of the user's former one."""
        await self._executor.fetch(_SET, [organization, user, password_hash, short])

    async def renew(self, organization: str, user: str, former: str, password_hash: str) -> None:
        """Keep another hash of the same password, unless the hash is another than the former one by now."""
        await self._executor.fetch(_RENEW, [organization, user, former, password_hash], repeatable=True)

    async def is_short(self, organization: str, user: str) -> bool:
        """Whether the user's password is good beside a second factor alone."""
        return bool(await self._executor.fetch(_IS_SHORT, [organization, user], repeatable=True))

    async def remove(self, organization: str, user: str) -> None:
        """Forget the user's hash, if there is one."""
        await self._executor.fetch(_REMOVE, [organization, user])
