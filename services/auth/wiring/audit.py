"""Wires the audit trail: other topics write by `audit_of`, and a loop chains what was written."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from services.auth.http.denials import routes
from services.auth.servicer.audit import AuditServicer, TrailRecorder
from services.auth.storage.audit import CHAINED_AT_ONCE, SqlAudit
from services.auth.wiring.part import Part
from services.chassis.errors import TenonError
from services.records.reading.pages import PageTokens

if TYPE_CHECKING:
    from services.auth.domain.audit_trail import Trail
    from services.auth.storage.opened import Storage
    from services.auth.wiring.kit import Kit
    from services.chassis.frame import Frame

PERIOD = 1.0
"""Seconds after which a new event has its place in the chain, at most."""

_log = logging.getLogger(__name__)


def trail_of(frame: Frame, storage: Storage) -> SqlAudit:
    """Return what writes events down, where there is no kit yet."""
    return SqlAudit(storage.database, frame.keyring.sealer("auth audit"))


def audit_of(kit: Kit) -> SqlAudit:
    """Return what writes events down."""
    return trail_of(kit.frame, kit.storage)


def recorder_of(kit: Kit) -> TrailRecorder:
    """Return what writes down what the chassis of auth itself tells."""
    return TrailRecorder(trail=audit_of(kit))


def wire(kit: Kit) -> Part:
    """Serve the trail, take what the edge has to tell, and chain it."""
    trail = audit_of(kit)
    servicer = AuditServicer(trail=trail, tokens=PageTokens(kit.frame.keyring))
    return Part(
        servicers={"tenon.auth.v1.AuditService": servicer},
        routes=routes(kit.frame.audit, lambda: kit.frame.contract),
        tasks=(lambda: _chain(trail),),
    )


async def _chain(trail: Trail) -> None:
    """Chain what was written, until cancelled. A round that fails is followed by the next."""
    while True:
        try:
            chained = await trail.chain()
        except TenonError as error:
            _log.warning("the audit trail is chained later: %s", error.message)
            chained = 0
        if chained < CHAINED_AT_ONCE:
            await asyncio.sleep(PERIOD)
