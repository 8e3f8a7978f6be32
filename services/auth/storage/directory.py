"""Reads users and roles out of the tables of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.accounts import Account
from services.auth.domain.permissions import EVERYTHING
from services.auth.storage.schema import SCHEMA
from services.auth.storage.service_accounts import PREFIX, SqlServiceAccounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from services.chassis.postgres import Executor

# One statement for user, roles and hash, so that an unknown address takes as many round trips as a known one.
_ACCOUNT = f"""
SELECT u.organization, u.name, u.email, u.disabled, u.roles, coalesce(c.password_hash, '') AS password_hash,
       coalesce((SELECT before FROM {SCHEMA}.revocations v WHERE v.key = 'subject:' || u.name), 0) AS valid_from,
       ARRAY(SELECT DISTINCT unnest(r.permissions) FROM {SCHEMA}.roles r
             WHERE r.organization = u.organization AND r.name = ANY (u.roles)) AS permissions
FROM {SCHEMA}.users u
LEFT JOIN {SCHEMA}.credentials c ON c.organization = u.organization AND c.user_name = u.name
WHERE u.organization = $1 AND """
_BY_EMAIL = _ACCOUNT + "u.email = $2"
_BY_NAME = _ACCOUNT + "u.name = $2"
_ROLES = f"SELECT name, permissions FROM {SCHEMA}.roles WHERE organization = $1 AND name = ANY ($2)"
_ROLE_IN_USE = f"SELECT 1 FROM {SCHEMA}.users WHERE organization = $1 AND roles @> ARRAY[$2::text] LIMIT 1"
_HOLDERS = f"SELECT name FROM {SCHEMA}.users WHERE organization = $1 AND roles @> ARRAY[$2::text] ORDER BY name"
_ADMINISTRATORS = f"""
SELECT count(*) AS administrators FROM {SCHEMA}.users u
WHERE u.organization = $1 AND NOT u.disabled AND u.roles && ARRAY(
    SELECT r.name FROM {SCHEMA}.roles r WHERE r.organization = $1 AND r.permissions @> ARRAY[$2::text])
"""


class SqlDirectory:
    """Users and roles (port `Directory`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor
        self._service_accounts = SqlServiceAccounts(executor)

    async def find_by_email(self, organization: str, email: str) -> Account | None:
        """Return the user with that address."""
        return await self._find(_BY_EMAIL, organization, email)

    async def find_by_name(self, organization: str, name: str) -> Account | None:
        """Return the user, or the service account, of that name."""
        if name.startswith(PREFIX):
            return await self._service_accounts.find_by_name(organization, name)
        return await self._find(_BY_NAME, organization, name)

    async def find_acting(self, organization: str, name: str) -> Account | None:
        """Return the user of that name who acts in the organization."""
        return await self.find_by_name(organization, name)

    async def find_roles(self, organization: str, roles: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return what each of the roles grants."""
        if not roles:
            return {}
        rows = await self._executor.fetch(_ROLES, [organization, list(roles)], repeatable=True)
        return {row["name"]: frozenset(row["permissions"]) for row in rows}

    async def is_role_in_use(self, organization: str, role: str) -> bool:
        """Whether any user has the role."""
        if await self._service_accounts.find_holders(organization, role):
            return True
        return bool(await self._executor.fetch(_ROLE_IN_USE, [organization, role], repeatable=True))

    async def find_holders(self, organization: str, role: str) -> Sequence[str]:
        """Return the names of all who have the role."""
        rows = await self._executor.fetch(_HOLDERS, [organization, role], repeatable=True)
        return [row["name"] for row in rows] + list(await self._service_accounts.find_holders(organization, role))

    async def count_administrators(self, organization: str) -> int:
        """Return how many users are not disabled and hold `*`."""
        rows = await self._executor.fetch(_ADMINISTRATORS, [organization, EVERYTHING], repeatable=True)
        return int(rows[0]["administrators"])

    async def _find(self, sql: str, organization: str, value: str) -> Account | None:
        # Postgres keeps no NUL, so that nobody is found by one; nothing else may be told from the time it takes.
        key = value.replace("\0", "�")
        rows = await self._executor.fetch(sql, [organization.replace("\0", "�"), key], repeatable=True)
        return _account(rows[0]) if rows else None


def _account(row: asyncpg.Record) -> Account:
    return Account(
        organization=row["organization"],
        name=row["name"],
        email=row["email"],
        disabled=row["disabled"],
        roles=tuple(row["roles"]),
        permissions=frozenset(row["permissions"]),
        password_hash=row["password_hash"],
        valid_from=row["valid_from"],
    )
