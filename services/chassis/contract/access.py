"""What a method's rule says, as frozen values: who may call it, how often, for how long."""

from __future__ import annotations

import enum
from dataclasses import dataclass

DEFAULT_TIMEOUT = 15.0
"""Seconds that a call may take where its rule names no timeout."""


LEVELS = ("aal1", "aal2", "aal3")
"""The levels of assurance with which people sign in, weakest first: the values of `acr` (NIST SP 800-63B-4 §2)."""

ANY_WORKLOAD = "*"
"""What stands for every workload of the mesh among the callers of an internal method."""


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
    """Workload names, such as `auth` or `cli`, or `*` alone for all of them but the edge, which calls for others."""

    @property
    def any_workload(self) -> bool:
        """Whether every workload of the mesh may call."""
        return ANY_WORKLOAD in self.callers


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


@dataclass(frozen=True, kw_only=True, slots=True)
class StepUp:
    """How strongly and how recently a caller must have signed in."""

    acr: str = ""
    """The weakest level that will do, one of `LEVELS`, or empty for any."""
    max_age: float | None = None
    """Seconds since the sign-in, at most, or None for any."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that will do. Whoever is none of them has not signed in."""
        return LEVELS[LEVELS.index(self.acr) :] if self.acr else LEVELS


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
    step_up: StepUp | None = None
    """How strongly and how recently the caller must have signed in, or None where any token will do."""
