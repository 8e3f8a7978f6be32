"""Hands audit events to auth, which alone writes them down: its `AuditService.RecordEvents`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.transport.handlers import messages_of
from services.chassis.transport.remote import RemoteCalls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.chassis.audit import AuditEvent, Recorder
    from services.chassis.clients import Clients
    from services.chassis.contract import Contract

RECORD_EVENTS = "/tenon.auth.v1.AuditService/RecordEvents"
"""The RPC, which every workload of the mesh may call and nobody from outside."""

_SECONDS = 5.0
_TEXTS = ("kind", "outcome", "method", "reason", "organization", "actor", "session", "client", "level", "address")
_TEXTS_TOO = ("agent", "request_id", "subject", "factor")


class RemoteRecorder:
    """Events by the RPC (port `Recorder`), under the certificate of this process: no user stands behind them."""

    def __init__(self, clients: Clients, contract: Contract) -> None:
        """Take the channels, and the contract that has the RPC."""
        self._remote = RemoteCalls(clients)
        self._request: Any = messages_of(contract.pool)(contract.methods[RECORD_EVENTS].input)

    async def record(self, events: Sequence[AuditEvent]) -> None:
        """Send them at once. Raises what the RPC answers, and Unavailable where nobody does."""
        request = self._request()
        for event in events:
            texts = {name: getattr(event, name) for name in (*_TEXTS, *_TEXTS_TOO)}
            entry = request.events.add(name=f"auditEvents/{event.event_id}", detail=dict(event.detail), **texts)
            entry.time.FromNanoseconds(int(event.time * 1e6) * 1000)
        await self._remote.invoke(RECORD_EVENTS, request.SerializeToString(), None, _SECONDS)


def recorder_of(clients: Clients, contract: Contract) -> Recorder | None:
    """Return who writes events down, or None where the contract has nobody: a service that runs alone."""
    return RemoteRecorder(clients, contract) if RECORD_EVENTS in contract.methods else None
