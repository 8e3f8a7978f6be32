"""Reads an organization's roles out of the table of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.postgres import Executor

_ROLES = f"SELECT name, display_name, permissions FROM {SCHEMA}.roles WHERE organization = $1 ORDER BY name"


class SqlRoleBook:
    """Roles (port `RoleBook`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def list_roles(self, organization: str) -> Sequence[tuple[str, str, frozenset[str]]]:
        """Return name, shown name and patterns of all roles, by name."""
        rows = await self._executor.fetch(_ROLES, [organization], repeatable=True)
        return [(row["name"], row["display_name"], frozenset(row["permissions"])) for row in rows]
