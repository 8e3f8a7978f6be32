"""Keeps the hashes of passwords in Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from services.chassis.postgres import Executor

_SET = f"""
INSERT INTO {SCHEMA}.credentials (organization, user_name, password_hash) VALUES ($1, $2, $3)
ON CONFLICT (organization, user_name) DO UPDATE SET password_hash = excluded.password_hash, update_time = now()
"""
# What else the user proved themselves by goes with it.
_REMOVE = f"""
WITH authenticators AS (DELETE FROM {SCHEMA}.authenticators WHERE organization = $1 AND user_name = $2),
codes AS (DELETE FROM {SCHEMA}.recovery_codes WHERE organization = $1 AND user_name = $2),
enrolments AS (DELETE FROM {SCHEMA}.enrolments WHERE organization = $1 AND user_name = $2),
addresses AS (DELETE FROM {SCHEMA}.verified_addresses WHERE organization = $1 AND user_name = $2)
DELETE FROM {SCHEMA}.credentials WHERE organization = $1 AND user_name = $2
"""


class SqlCredentials:
    """Hashes of passwords (port `Credentials`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def set(self, organization: str, user: str, password_hash: str) -> None:
        """Keep the hash in place of the user's former one."""
        await self._executor.fetch(_SET, [organization, user, password_hash])

    async def remove(self, organization: str, user: str) -> None:
        """Forget the user's hash, if there is one."""
        await self._executor.fetch(_REMOVE, [organization, user])
