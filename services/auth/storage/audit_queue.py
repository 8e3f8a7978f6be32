"""Hands entries to the process's queue of audit events, for what happens too often to wait for a write of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.audit import AuditEvent

if TYPE_CHECKING:
    from services.auth.domain.audit import AuditEntry
    from services.chassis.audit import AuditTrail


class QueuedAudit:
    """Entries that are written down a moment later, many at once (port `Audit`).

    What waits is lost with the process if it is killed, and is counted where there is no room. So it is for what grants
    nothing new and changes nothing: the renewal of what was granted, and the token of a client that acts by itself.
    """

    def __init__(self, queue: AuditTrail) -> None:
        """Take the queue."""
        self._queue = queue

    async def record(self, *entries: AuditEntry) -> None:
        """Have entries written down soon."""
        for entry in entries:
            self._queue.write(_event(entry))


def _event(entry: AuditEntry) -> AuditEvent:
    return AuditEvent(
        kind=entry.kind,
        outcome=entry.outcome,
        method="",
        organization=entry.organization,
        actor=entry.actor,
        subject=entry.subject,
        session=entry.session,
        client=entry.client,
        factor=entry.factor,
        address=entry.address,
        agent=entry.agent,
        detail=entry.detail,
    )
