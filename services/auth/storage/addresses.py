"""Keeps in Postgres which address each user has shown to be theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from services.chassis.postgres import Executor

_VERIFY = f"""
INSERT INTO {SCHEMA}.verified_addresses (organization, user_name, email)
SELECT organization, name, email FROM {SCHEMA}.users WHERE organization = $1 AND name = $2 AND email = $3
ON CONFLICT (organization, user_name) DO UPDATE SET email = excluded.email, verify_time = now() RETURNING 1
"""
_IS_VERIFIED = f"""
SELECT 1 FROM {SCHEMA}.users u JOIN {SCHEMA}.verified_addresses v ON v.organization = u.organization
    AND v.user_name = u.name AND v.email = u.email
WHERE u.organization = $1 AND u.name = $2
"""


class SqlVerifiedAddresses:
    """Verified addresses (port `VerifiedAddresses`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def verify(self, organization: str, user: str, email: str) -> bool:
        """Keep that the address is the user's, if it is their address now."""
        return bool(await self._executor.fetch(_VERIFY, [organization, user, email], repeatable=True))

    async def is_verified(self, organization: str, user: str) -> bool:
        """Whether the user's present address is verified."""
        return bool(await self._executor.fetch(_IS_VERIFIED, [organization, user], repeatable=True))
