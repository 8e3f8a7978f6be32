"""Finds service accounts by the workloads that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from services.chassis.postgres import Executor

_BY_WORKLOAD = f"SELECT name FROM {SCHEMA}.service_accounts WHERE organization = $1 AND workload = $2"


class SqlWorkloads:
    """Workloads and their service accounts (port `Workloads`)."""

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor

    async def find_for_workload(self, organization: str, workload: str) -> str:
        """Return the name of the service account that stands for a workload, or nothing."""
        rows = await self._executor.fetch(_BY_WORKLOAD, [organization, workload], repeatable=True)
        return str(rows[0]["name"]) if rows else ""
