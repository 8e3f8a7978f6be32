"""What is written down of who did what, so that nobody can change it afterwards."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One thing that somebody did, or tried to do. It never holds a secret."""

    kind: str
    """A dotted verb, such as `sign_in.failed` or `factor.added`."""
    outcome: str = "success"
    """`success`, `failure` or `denied`."""
    organization: str
    """The organization that it is about."""
    actor: str = ""
    """Who did it: a user, a service account, a workload; empty where nobody knows."""
    subject: str = ""
    """Whom or what it was done to."""
    session: str = ""
    """The session in which it was done."""
    client: str = ""
    """The client by which it was done."""
    address: str = ""
    """Where from."""
    agent: str = ""
    """The `User-Agent`."""
    factor: str = ""
    """By which factor, where one was shown."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """What else there is to know."""


class Audit(Protocol):
    """Writes entries down. There is no way to change or remove one."""

    async def record(self, entry: AuditEntry) -> None:
        """Write an entry down, within the transaction that is open, if one is."""


class LoggedAudit:
    """Entries in the log alone (port `Audit`), for where nothing keeps them."""

    async def record(self, entry: AuditEntry) -> None:
        """Log the entry."""
        _log.info(
            "%s: %s in %s by %s to %s, factor %s, from %s",
            *(entry.kind, entry.outcome, entry.organization, entry.actor or "nobody"),
            *(entry.subject or "nobody", entry.factor or "none", entry.address or "unknown"),
        )
