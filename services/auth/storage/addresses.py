"""Keeps in Postgres which address each user has shown to be theirs, and tells it by the user's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.auth.v1 import user_pb2

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from services.auth.storage.database import Database
    from services.auth.storage.keeping import RecordKeeper

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
_FORGET = f"DELETE FROM {SCHEMA}.verified_addresses WHERE organization = $1 AND user_name = $2"


class SqlVerifiedAddresses:
    """Verified addresses (port `VerifiedAddresses`)."""

    def __init__(self, database: Database, keeper: RecordKeeper) -> None:
        """Take where they are kept, and what keeps the records of users."""
        self._database = database
        self._keeper = keeper

    async def verify(self, organization: str, user: str, email: str) -> bool:
        """Keep that the address is the user's, if it is their address now."""
        async with self._database.open(organization):
            if not await self._database.fetch(_VERIFY, [organization, user, email]):
                return False
            await self._tell(organization, user, verified=True)
        return True

    async def is_verified(self, organization: str, user: str) -> bool:
        """Whether the user's present address is verified."""
        return bool(await self._database.fetch(_IS_VERIFIED, [organization, user], repeatable=True))

    async def forget(self, organization: str, user: str) -> None:
        """Forget that an address of the user's was verified."""
        async with self._database.open(organization):
            await self._database.fetch(_FORGET, [organization, user])
            await self._tell(organization, user, verified=False)

    async def _tell(self, organization: str, user: str, *, verified: bool) -> None:
        session = self._keeper.session(organization)
        record = await session.get(user_pb2.User, user, lock=True)
        if record.email_verified is not verified:
            record.email_verified = verified
            await session.update(record, paths=["email_verified"])
