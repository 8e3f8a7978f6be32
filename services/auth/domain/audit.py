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


@dataclass(frozen=True, kw_only=True, slots=True)
class Doer:
    """Who does something, and where from."""

    actor: str = ""
    """A user, a service account or a workload; empty where nobody knows."""
    session: str = ""
    """Their session."""
    client: str = ""
    """The client by which they do it."""
    address: str = ""
    """Where from."""
    agent: str = ""
    """The `User-Agent`."""

    def entry(self, kind: str, organization: str, subject: str = "", **detail: str) -> AuditEntry:
        """Return the entry of something that they have done; a detail that is empty is left out."""
        return AuditEntry(
            kind=kind,
            organization=organization,
            actor=self.actor,
            subject=subject,
            session=self.session,
            client=self.client,
            address=self.address,
            agent=self.agent,
            detail={name: value for name, value in detail.items() if value},
        )


NOBODY = Doer()
"""Of whom nothing is known."""


class Audit(Protocol):
    """Writes entries down. There is no way to change or remove one."""

    async def record(self, *entries: AuditEntry) -> None:
        """Write entries down, within the transaction that is open, if one is."""


class LoggedAudit:
    """Entries in the log alone (port `Audit`), for where nothing keeps them."""

    async def record(self, *entries: AuditEntry) -> None:
        """Log the entries."""
        for entry in entries:
            _log.info(
                "%s: %s in %s by %s to %s, factor %s, from %s",
                *(entry.kind, entry.outcome, entry.organization, entry.actor or "nobody"),
                *(entry.subject or "nobody", entry.factor or "none", entry.address or "unknown"),
            )
