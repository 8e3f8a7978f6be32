"""The contracts that run here, as somebody who operates them wants to see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.chassis.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "contracts/"
"""What the name of a contract begins with."""


class ContractUnknown(NotFound):
    """There is no contract of that name."""

    reason = "CONTRACT_UNKNOWN"
    domain = "data.tenon"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interface:
    """One gRPC service of a contract."""

    service: str
    """Its full name."""
    methods: tuple[str, ...]
    """Names of the methods that may be called from outside, in the order of the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One kind of record that a contract keeps."""

    type: str
    """The resource type, such as `flightops.tenon/Flight`."""
    message: str
    """Full name of its message."""
    patterns: tuple[str, ...]
    """Patterns of its names, the canonical one first."""
    scope: str
    """Who a row belongs to: `ORGANIZATION`, `OWNER` or `GLOBAL`."""
    table: str
    """The table that keeps it, with its schema; empty where another process does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """The last change of a contract's tables."""

    fingerprint: str
    """Digest of the tables that the database has."""
    apply_time: datetime
    """When they last changed."""
    statements: tuple[str, ...]
    """The statements of that change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """One package of `.proto` files."""

    package: str
    """Such as `tenon.flightops.v1`."""
    host: str
    """Name of the process that serves it."""
    files: tuple[str, ...]
    """Paths of its files from the import root."""
    fingerprint: str
    """SHA-256 of the files' descriptors, in hexadecimal."""
    interfaces: tuple[Interface, ...]
    """Its services."""
    resources: tuple[Resource, ...]
    """What it keeps."""
    migration: Migration | None = None
    """How far its tables are, or None where this process keeps none of it."""

    @property
    def name(self) -> str:
        """Its resource name."""
        return PREFIX + self.package


class Contracts(Protocol):
    """The contracts in force. They change while the process runs, so nothing keeps them."""

    async def find(self, package: str) -> Contract | None:
        """Return the contract of that package, or None."""

    async def page(self, *, after: str, size: int) -> list[Contract]:
        """Return up to `size` contracts whose packages come after that one, in the order of their packages."""


async def find_contract(contracts: Contracts, name: str) -> Contract:
    """Return the contract of that name; raises ContractUnknown."""
    found = await contracts.find(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if found is None:
        raise ContractUnknown(f"There is no contract {name}.", metadata={"name": name})
    return found
