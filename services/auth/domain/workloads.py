"""How a workload of the mesh comes to a token of its own: it acts as the service account that stands for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.auth.domain.accounts import DEFAULT_ORGANIZATION
from services.auth.domain.errors import WorkloadUnknown
from services.auth.domain.scopes import EVERYTHING_HELD, narrow
from services.auth.domain.tokens import Grant

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.tokens import AccessToken, Tokens


class Workloads(Protocol):
    """Knows which service accounts stand for workloads."""

    async def find_for_workload(self, organization: str, workload: str) -> str:
        """Return the name of the service account that stands for a workload, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkloadExchange:
    """Exchanges the identity that a certificate of the mesh has proven."""

    workloads: Workloads
    """Knows the service account."""
    directory: Directory
    """Says whether it may act, and what it holds now."""
    tokens: Tokens
    """Signs."""

    async def exchange(self, *, workload: str, organization: str, scope: str) -> tuple[Account, AccessToken]:
        """Return the service account and a token for it, of a narrower scope if one is given.

        Raises:
            WorkloadUnknown: no service account that may act stands for the workload in that organization.
        """
        acts_in = organization or DEFAULT_ORGANIZATION
        name = await self.workloads.find_for_workload(acts_in, workload) if workload else ""
        account = await self.directory.find_by_name(acts_in, name) if name else None
        if account is None or account.disabled:
            raise WorkloadUnknown(workload, acts_in)
        grant = Grant(
            subject=account.name,
            organization=acts_in,
            permissions=narrow(account.permissions, scope or EVERYTHING_HELD),
            client=f"workloads/{workload}",
            scope=scope,
            valid_from=account.valid_from,
        )
        return account, await self.tokens.issue(grant)
