"""Reads service accounts out of the table of their records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.accounts import Account
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.postgres import Executor

PREFIX = "serviceAccounts/"
"""What names of service accounts begin with."""

_BY_NAME = f"""
SELECT s.organization, s.name, s.disabled, s.roles,
       coalesce((SELECT before FROM {SCHEMA}.revocations v WHERE v.key = 'subject:' || s.name), 0) AS valid_from,
       ARRAY(SELECT DISTINCT unnest(r.permissions) FROM {SCHEMA}.roles r
             WHERE r.organization = s.organization AND r.name = ANY (s.roles)) AS permissions
FROM {SCHEMA}.service_accounts s
WHERE s.organization = $1 AND s.name = $2
"""
_BY_WORKLOAD = f"SELECT name FROM {SCHEMA}.service_accounts WHERE organization = $1 AND workload = $2"
_HOLDERS = f"SELECT name FROM {SCHEMA}.service_accounts WHERE organization = $1 AND roles @> ARRAY[$2::text]"


class SqlServiceAccounts:
    """Service accounts: the machines' part of the port `Directory`, and the port `Workloads`."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find_by_name(self, organization: str, name: str) -> Account | None:
        """Return the service account of that name."""
        values = [organization.replace("\0", "�"), name.replace("\0", "�")]
        rows = await self._executor.fetch(_BY_NAME, values, repeatable=True)
        if not rows:
            return None
        row = rows[0]
        return Account(
            organization=row["organization"],
            name=row["name"],
            email="",
            disabled=row["disabled"],
            roles=tuple(row["roles"]),
            permissions=frozenset(row["permissions"]),
            valid_from=row["valid_from"],
        )

    async def find_holders(self, organization: str, role: str) -> Sequence[str]:
        """Return the names of the service accounts that have the role."""
        rows = await self._executor.fetch(_HOLDERS, [organization, role], repeatable=True)
        return sorted(row["name"] for row in rows)

    async def find_for_workload(self, organization: str, workload: str) -> str:
        """Return the name of the service account that stands for a workload, or nothing."""
        rows = await self._executor.fetch(_BY_WORKLOAD, [organization, workload], repeatable=True)
        return str(rows[0]["name"]) if rows and workload else ""
