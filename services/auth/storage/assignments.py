"""Reads what gives roles to accounts out of the tables of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.domain.assignments import Assignment
from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from services.chassis.postgres import Executor

_STATEMENTS = {
    "groups": f"SELECT roles, members AS accounts FROM {SCHEMA}.groups WHERE organization = $1 AND name = $2",
    "memberships": f"""
SELECT roles, ARRAY["user"] AS accounts FROM {SCHEMA}.memberships WHERE organization = $1 AND name = $2
""",
    "invitations": f"""
SELECT roles, '{{}}'::text[] AS accounts FROM {SCHEMA}.invitations WHERE organization = $1 AND name = $2
""",
}


class SqlAssignments:
    """Groups, memberships and invitations (port `Assignments`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find(self, organization: str, name: str) -> Assignment | None:
        """Return what a record gives."""
        statement = _STATEMENTS.get(name.partition("/")[0])
        if statement is None or "\0" in name:
            return None
        rows = await self._executor.fetch(statement, [organization, name], repeatable=True)
        if not rows:
            return None
        return Assignment(roles=frozenset(rows[0]["roles"]), accounts=frozenset(rows[0]["accounts"]))
