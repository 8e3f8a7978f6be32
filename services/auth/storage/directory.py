"""Reads who acts in an organization, and what they hold, out of the tables of the records.

Somebody acts in an organization who lives there (`users`), or is a member of it and lives elsewhere (`memberships`).
They hold what their roles grant, and those of their groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.accounts import Account, is_machine
from services.auth.domain.permissions import EVERYTHING
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from services.chassis.postgres import Executor

_LIVING = f"""
SELECT u.organization AS home, u.name, u.email, u.disabled, u.roles FROM {SCHEMA}.users u
WHERE u.organization = $1 AND u.{{key}} = $2
"""
_MEMBERS = f"""
SELECT u.organization, u.name, u.email, u.disabled, m.roles
FROM {SCHEMA}.memberships m JOIN {SCHEMA}.users u ON u.organization = m.home AND u.name = m."user"
WHERE m.organization = $1 AND {{key}} = $2
"""
_MACHINES = f"""
SELECT s.organization AS home, s.name, '' AS email, s.disabled, s.roles FROM {SCHEMA}.service_accounts s
WHERE s.organization = $1 AND s.name = $2
"""
# Who is closed out of either organization is as one who is disabled.
_CLOSED = f"""
EXISTS (SELECT 1 FROM {SCHEMA}.retired_organizations r WHERE r.id IN ($1, a.home))
OR EXISTS (SELECT 1 FROM {SCHEMA}.organizations o
           WHERE o.organization = 'system' AND o.name IN ('organizations/' || $1, 'organizations/' || a.home)
             AND o.disabled)
"""
_HELD = f"""
ARRAY(SELECT DISTINCT unnest(r.permissions) FROM {SCHEMA}.roles r
      WHERE r.organization = $1 AND r.name = ANY (a.roles || ARRAY(
          SELECT unnest(g.roles) FROM {SCHEMA}.groups g WHERE g.organization = $1 AND g.members @> ARRAY[a.name])))
"""
_VALID_FROM = f"""
coalesce((SELECT max(before) FROM {SCHEMA}.revocations v
          WHERE v.key IN ('subject:' || a.name, 'organization:' || $1, 'acting:' || $1 || '/' || a.name)), 0)
"""
# One statement for user, roles, rules and hash, so that an unknown address takes as many round trips as a known one.
_ACCOUNT = f"""
WITH found AS ({{found}})
SELECT a.home, a.name, a.email, a.roles, a.disabled OR {_CLOSED} AS disabled, {_HELD} AS permissions,
       coalesce(c.password_hash, '') AS password_hash, {_VALID_FROM} AS valid_from,
       coalesce(o.require_second_factor, false) AS needs_second_factor,
       o.session_lifetime * interval '1 microsecond' AS session_lifetime,
       o.session_idle * interval '1 microsecond' AS session_idle
FROM found a
LEFT JOIN {SCHEMA}.credentials c ON c.organization = a.home AND c.user_name = a.name
LEFT JOIN {SCHEMA}.organizations o ON o.organization = 'system' AND o.name = 'organizations/' || $1
ORDER BY a.home <> $1, a.home, a.name LIMIT 1
"""
_BY_EMAIL = _ACCOUNT.format(found=f"{_LIVING.format(key='email')} UNION ALL {_MEMBERS.format(key='u.email')}")
# Nobody is a member where they live, so that whoever is found first is the only one.
_ACTING = _ACCOUNT.format(found=f"{_LIVING.format(key='name')} UNION ALL {_MEMBERS.format(key='u.name')} LIMIT 1")
_BY_NAME = _ACCOUNT.format(found=_LIVING.format(key="name"))
_MACHINE = _ACCOUNT.format(found=_MACHINES)
_ROLES = f"SELECT name, permissions FROM {SCHEMA}.roles WHERE organization = $1 AND name = ANY ($2)"
_ACCOUNTS = f"""
SELECT name FROM {SCHEMA}.users WHERE organization = $1 AND name = ANY ($2)
UNION SELECT name FROM {SCHEMA}.service_accounts WHERE organization = $1 AND name = ANY ($2)
UNION SELECT "user" FROM {SCHEMA}.memberships WHERE organization = $1 AND "user" = ANY ($2)
"""
_ROLE_IN_USE = f"""
SELECT 1 FROM {SCHEMA}.users WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION ALL SELECT 1 FROM {SCHEMA}.service_accounts WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION ALL SELECT 1 FROM {SCHEMA}.memberships WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION ALL SELECT 1 FROM {SCHEMA}.groups WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION ALL SELECT 1 FROM {SCHEMA}.identity_providers WHERE organization = $1 AND default_roles @> ARRAY[$2::text]
UNION ALL SELECT 1 FROM {SCHEMA}.invitations i JOIN {SCHEMA}.invitation_secrets s
    ON s.organization = i.organization AND s.invitation = i.name
    WHERE i.organization = $1 AND i.roles @> ARRAY[$2::text] AND s.expire_time > now()
LIMIT 1
"""
_HOLDERS = f"""
SELECT name FROM {SCHEMA}.users WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION SELECT name FROM {SCHEMA}.service_accounts WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION SELECT "user" FROM {SCHEMA}.memberships WHERE organization = $1 AND roles @> ARRAY[$2::text]
UNION SELECT unnest(members) FROM {SCHEMA}.groups WHERE organization = $1 AND roles @> ARRAY[$2::text]
ORDER BY 1
"""
_MIGHTY = f"""
ARRAY(SELECT r.name FROM {SCHEMA}.roles r WHERE r.organization = $1 AND r.permissions @> ARRAY[$2::text])
"""
_ADMINISTRATORS = f"""
WITH grouped AS (
    SELECT DISTINCT unnest(g.members) AS name FROM {SCHEMA}.groups g WHERE g.organization = $1 AND g.roles && {_MIGHTY}
)
SELECT count(*) AS administrators FROM (
    SELECT u.name FROM {SCHEMA}.users u WHERE u.organization = $1 AND NOT u.disabled AND u.roles && {_MIGHTY}
    UNION SELECT u.name FROM {SCHEMA}.users u JOIN grouped USING (name) WHERE u.organization = $1 AND NOT u.disabled
    UNION SELECT u.name
    FROM {SCHEMA}.memberships m JOIN {SCHEMA}.users u ON u.organization = m.home AND u.name = m."user"
    WHERE m.organization = $1 AND NOT u.disabled
      AND (m.roles && {_MIGHTY} OR EXISTS (SELECT 1 FROM grouped WHERE grouped.name = u.name))
) AS administrators
"""


class SqlDirectory:
    """Users, members, groups and roles (port `Directory`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find_by_email(self, organization: str, email: str) -> Account | None:
        """Return whoever acts in the organization with that address."""
        return await self._find(_BY_EMAIL, organization, email)

    async def find_by_name(self, organization: str, name: str) -> Account | None:
        """Return the user or the service account of that name who lives in the organization."""
        return await self._find(_MACHINE if is_machine(name) else _BY_NAME, organization, name)

    async def find_acting(self, organization: str, name: str) -> Account | None:
        """Return the user or the service account of that name who acts in the organization."""
        return await self._find(_MACHINE if is_machine(name) else _ACTING, organization, name)

    async def find_accounts(self, organization: str, names: Collection[str]) -> Collection[str]:
        """Return those of the names that act in the organization."""
        rows = await self._executor.fetch(_ACCOUNTS, [organization, list(names)], repeatable=True)
        return {row["name"] for row in rows}

    async def find_roles(self, organization: str, roles: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return what each of the roles grants."""
        if not roles:
            return {}
        rows = await self._executor.fetch(_ROLES, [organization, list(roles)], repeatable=True)
        return {row["name"]: frozenset(row["permissions"]) for row in rows}

    async def is_role_in_use(self, organization: str, role: str) -> bool:
        """Whether anybody has the role."""
        return bool(await self._executor.fetch(_ROLE_IN_USE, [organization, role], repeatable=True))

    async def find_holders(self, organization: str, role: str) -> Sequence[str]:
        """Return the names of all who have the role."""
        rows = await self._executor.fetch(_HOLDERS, [organization, role], repeatable=True)
        return [row["name"] for row in rows]

    async def count_administrators(self, organization: str) -> int:
        """Return how many people act there, are not disabled and hold `*`."""
        rows = await self._executor.fetch(_ADMINISTRATORS, [organization, EVERYTHING], repeatable=True)
        return int(rows[0]["administrators"])

    async def _find(self, sql: str, organization: str, value: str) -> Account | None:
        # Postgres keeps no NUL, so that nobody is found by one; nothing else may be told from the time it takes.
        key = value.replace("\0", "�")
        organization = organization.replace("\0", "�")
        rows = await self._executor.fetch(sql, [organization, key], repeatable=True)
        return _account(organization, rows[0]) if rows else None


def _account(organization: str, row: asyncpg.Record) -> Account:
    return Account(
        organization=row["home"],
        acting_in="" if row["home"] == organization else organization,
        name=row["name"],
        email=row["email"],
        disabled=row["disabled"],
        roles=tuple(row["roles"]),
        permissions=frozenset(row["permissions"]),
        password_hash=row["password_hash"],
        valid_from=row["valid_from"],
        needs_second_factor=row["needs_second_factor"],
        session_lifetime=row["session_lifetime"],
        session_idle=row["session_idle"],
    )
