"""What the trail believes of what another service tells it to write down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tenon.auth.v1 import audit_event_pb2
from tenon.auth.v1 import audit_service_pb2 as pb

from services.auth.servicer.audit import LONGEST_DETAIL, AuditServicer
from services.chassis.call import Caller, CallerKind
from services.chassis.errors import InvalidArgument
from services.chassis.keyring import Keyring, RootKey
from services.records.reading.pages import PageTokens
from services.records.schema.names import uuid7
from tests.fakes.chassis_frame import fake_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.auth.domain.audit_trail import Link, Query, TrailEvent


class FakeTrail:
    """Keeps what is added (port `Trail`)."""

    def __init__(self) -> None:
        self.events: list[TrailEvent] = []

    async def add(self, events: Sequence[TrailEvent]) -> None:
        self.events.extend(events)

    async def page(self, query: Query, *, before: tuple[datetime, str] | None, size: int) -> Sequence[TrailEvent]:
        return self.events[:size]

    async def chain(self) -> int:
        return 0

    async def follow(self, organization: str) -> AsyncIterator[Link]:
        links: tuple[Link, ...] = ()
        for link in links:
            yield link

    def is_sealed(self, link: Link) -> bool:
        return link.sealed is None

    async def find_loose(self, organization: str) -> str:
        return ""


async def record(*events: audit_event_pb2.AuditEvent) -> list[TrailEvent]:
    """Return what is written down of events that the workload `commerce` tells of."""
    trail = FakeTrail()
    servicer = AuditServicer(trail=trail, tokens=PageTokens(Keyring([RootKey(id="k", secret=b"k" * 32)])))
    caller = Caller(kind=CallerKind.WORKLOAD, workload="commerce")
    await servicer.RecordEvents(pb.RecordEventsRequest(events=events), fake_call(caller=caller))
    return trail.events


def event(identifier: str = "", *, time: datetime | None = None, **detail: str) -> audit_event_pb2.AuditEvent:
    made = audit_event_pb2.AuditEvent(name=f"auditEvents/{identifier or uuid7()}", kind="call.made", detail=detail)
    made.time.FromDatetime(time or datetime.now(UTC))
    return made


async def test_nobody_writes_in_the_name_of_another_service() -> None:
    (kept,) = await record(event(service="auth", answer="42"))
    assert kept.detail == {"service": "commerce", "answer": "42"}


async def test_what_is_yet_to_come_is_of_now() -> None:
    (early, late) = await record(
        event(time=datetime(2024, 1, 1, tzinfo=UTC)), event(time=datetime.now(UTC) + timedelta(days=9000))
    )
    assert early.time == datetime(2024, 1, 1, tzinfo=UTC)
    assert late.time <= datetime.now(UTC), "else it would stand before everything else for ever"


@pytest.mark.parametrize("identifier", ["x", "../1", "0198", "{0198A000-0000-7000-8000-000000000000}", "1" * 5000])
async def test_an_event_is_named_by_a_uuid(identifier: str) -> None:
    with pytest.raises(InvalidArgument):
        await record(event(identifier))


async def test_a_detail_is_no_place_to_keep_files() -> None:
    (kept,) = await record(event(file="x" * 100_000))
    assert kept.detail["file"] == "x" * LONGEST_DETAIL
