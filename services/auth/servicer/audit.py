"""Serves AuditService, and writes auth's own events down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from google.api import httpbody_pb2
from tenon.auth.v1 import audit_event_pb2
from tenon.auth.v1 import audit_service_pb2 as pb

from services.auth.domain.audit_trail import Query, TrailEvent, verify
from services.chassis.errors import InvalidArgument, Violation
from services.records.reading.pages import fingerprint, page_size

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from services.auth.domain.audit_trail import Link, Trail
    from services.chassis.audit import AuditEvent
    from services.chassis.call import Call
    from services.records.reading.pages import PageTokens

NAMES = "auditEvents/"
"""What names of events begin with."""

LINES = "application/jsonl"
"""The media type of an export."""

PIECE = 64 * 1024
"""Bytes of an export that are sent together."""

LONGEST_DETAIL = 1000
"""Characters that are kept of a name or a value of another service's detail."""

_TEXTS = ("kind", "outcome", "actor", "subject", "method", "reason", "session", "client", "factor", "level")
_TEXTS_TOO = ("address", "agent", "request_id", "organization")


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditServicer:
    """Writes, reads and verifies the trail."""

    trail: Trail
    """Keeps it."""
    tokens: PageTokens
    """Seals page tokens."""

    async def ListAuditEvents(self, request: pb.ListAuditEventsRequest, call: Call) -> pb.ListAuditEventsResponse:
        """Return a page of events, the latest first."""
        size = page_size(request.page_size)
        bound_to = fingerprint(call.method.path, call.caller.organization, request)
        before = _place(self.tokens.open(request.page_token, bound_to)) if request.page_token else None
        query = Query(
            organization=call.caller.organization,
            kind=request.kind,
            actor=request.actor,
            subject=request.subject,
            outcome=request.outcome,
            start=_moment(request.start_time) if request.HasField("start_time") else None,
            end=_moment(request.end_time) if request.HasField("end_time") else None,
        )
        # One more than the page has says whether there is another.
        found = await self.trail.page(query, before=before, size=size + 1)
        answer = pb.ListAuditEventsResponse(audit_events=[_encode(event) for event in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            answer.next_page_token = self.tokens.seal((last.time.isoformat(), last.id), bound_to)
        return answer

    async def ExportAuditEvents(
        self, request: pb.ExportAuditEventsRequest, call: Call
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        """Return the events of a span of time as JSON lines."""
        start = _moment(request.start_time) if request.HasField("start_time") else None
        end = _moment(request.end_time) if request.HasField("end_time") else None
        call.set_header("content-disposition", 'attachment; filename="audit.jsonl"')
        waiting, sent = bytearray(), False
        async for link in self.trail.follow(call.caller.organization):
            event = link.event
            if event is None or (start and event.time < start) or (end and event.time >= end):
                continue
            waiting += _line(link, event)
            if len(waiting) >= PIECE:
                yield httpbody_pb2.HttpBody(content_type="" if sent else LINES, data=bytes(waiting))
                waiting, sent = bytearray(), True
        if waiting or not sent:
            yield httpbody_pb2.HttpBody(content_type="" if sent else LINES, data=bytes(waiting))

    async def VerifyAuditTrail(self, request: pb.VerifyAuditTrailRequest, call: Call) -> pb.VerifyAuditTrailResponse:
        """Follow the organization's chain and compute it anew."""
        del request
        verdict = await verify(self.trail, call.caller.organization)
        return pb.VerifyAuditTrailResponse(
            intact=not verdict.broken_at,
            events=verdict.events,
            head=verdict.head.hex(),
            broken_at=f"{NAMES}{verdict.broken_at}" if verdict.broken_at else "",
        )

    async def RecordEvents(self, request: pb.RecordEventsRequest, call: Call) -> pb.RecordEventsResponse:
        """Write events of another service down."""
        await self.trail.add([_decode(event, call.caller.workload) for event in request.events])
        return pb.RecordEventsResponse()


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailRecorder:
    """Writes down what the chassis of auth itself tells (port `Recorder` of the chassis)."""

    trail: Trail
    """Keeps it."""

    async def record(self, events: Sequence[AuditEvent]) -> None:
        """Write events down, those that are there no second time."""
        await self.trail.add([_own(event) for event in events])


def _own(event: AuditEvent) -> TrailEvent:
    return TrailEvent(
        id=event.event_id,
        time=datetime.fromtimestamp(event.time, UTC),
        organization=event.organization,
        kind=event.kind,
        outcome=event.outcome,
        actor=event.actor,
        subject=event.subject,
        method=event.method,
        reason=event.reason,
        session=event.session,
        client=event.client,
        factor=event.factor,
        level=event.level,
        address=event.address,
        agent=event.agent,
        request_id=event.request_id,
        # What the edge has told names the edge.
        detail={"service": "auth", **event.detail},
    )


def _decode(event: audit_event_pb2.AuditEvent, workload: str) -> TrailEvent:
    texts = {name: getattr(event, name) for name in (*_TEXTS, *_TEXTS_TOO)}
    identifier = event.name.removeprefix(NAMES)
    if not _is_uuid(identifier) or not event.HasField("time"):
        said = "An event has the name `auditEvents/` and a UUID, and a time."
        raise InvalidArgument(said, violations=[Violation(field="events", description=said)])
    # Who wrote it down is not for the writer to say.
    detail = {name[:LONGEST_DETAIL]: value[:LONGEST_DETAIL] for name, value in event.detail.items()}
    # What is yet to come would stand before everything else for ever.
    time = min(_moment(event.time), datetime.now(UTC))
    return TrailEvent(id=identifier, time=time, detail={**detail, "service": workload}, **texts)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _encode(event: TrailEvent) -> audit_event_pb2.AuditEvent:
    texts = {name: getattr(event, name) for name in (*_TEXTS, *_TEXTS_TOO)}
    encoded = audit_event_pb2.AuditEvent(name=f"{NAMES}{event.id}", detail=event.detail, **texts)
    encoded.time.FromDatetime(event.time)
    return encoded


def _line(link: Link, event: TrailEvent) -> bytes:
    texts = {name: getattr(event, name) for name in (*_TEXTS, *_TEXTS_TOO)}
    told = {
        "sequence": link.sequence,
        "name": f"{NAMES}{event.id}",
        "time": event.time.isoformat(timespec="microseconds"),
        **{name: value for name, value in texts.items() if value},
        "detail": dict(event.detail),
        "digest": link.digest.hex(),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)


def _place(values: Sequence[object]) -> tuple[datetime, str]:
    return datetime.fromisoformat(str(values[0])), str(values[1])
