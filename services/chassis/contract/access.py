"""What a method's rule says, as frozen values: who may call it, how often, for how long."""

from __future__ import annotations

import enum
from dataclasses import dataclass

DEFAULT_TIMEOUT = 15.0
"""Seconds that a call may take where its rule names no timeout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Public:
    """Anyone may call, without a token."""

    reason: str
    """Why, for a reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticated:
    """Anyone with a valid token may call."""

    reason: str
    """Why no permission fits, for a reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """Whoever holds a permission may call."""

    name: str
    """`service.resource.verb`."""

    @property
    def patterns(self) -> tuple[str, str, str, str]:
        """The four grants that cover this permission: `a.b.c`, `a.b.*`, `a.*` and `*`."""
        service, resource, _ = self.name.split(".")
        return self.name, f"{service}.{resource}.*", f"{service}.*", "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Internal:
    """Only the named workloads may call, and never through the edge."""

    callers: tuple[str, ...]
    """Workload names, such as `auth` or `cli`."""


Access = Public | Authenticated | Permission | Internal


class Per(enum.Enum):
    """What a limit counts calls by."""

    SUBJECT = "subject"
    ADDRESS = "address"
    ORGANIZATION = "organization"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How often one caller may call."""

    per: Per
    """What the calls are counted by."""
    requests: int
    """Calls allowed in one window."""
    window: float
    """Seconds in one window."""
    burst: int
    """Calls that may come at once."""


class Audit(enum.Enum):
    """Which calls are written to the audit trail."""

    NONE = "none"
    WRITES = "writes"
    ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Who may call a method, how often, and for how long."""

    access: Access
    """Who may call."""
    limit: Limit | None = None
    """How often, or None for no bound."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds that a call may take; infinite for a Watch whose rule names none: it lives as long as its token."""
    audit: Audit = Audit.WRITES
    """Which calls are audited."""
