"""What contracts mean to somebody who operates them, and how one follows the other, without grpc or SQL."""

from __future__ import annotations

from services.data.domain.contracts import (
    Contract,
    Contracts,
    ContractUnknown,
    Interface,
    Migration,
    Resource,
    find_contract,
)
from services.data.domain.deploying import ContractRefused, Deployments, Host, Outcome, Version, VersionUnknown

__all__ = [
    "Contract",
    "ContractRefused",
    "ContractUnknown",
    "Contracts",
    "Deployments",
    "Host",
    "Interface",
    "Migration",
    "Outcome",
    "Resource",
    "Version",
    "VersionUnknown",
    "find_contract",
]
