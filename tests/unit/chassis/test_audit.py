"""Events reach their recorder in batches, outlast its outage, and are counted where they are lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from services.chassis.audit import AuditEvent, AuditTrail
from services.chassis.errors import InvalidArgument, TenonError, Unavailable
from tests.fakes.chassis_frame import FakeRecorder, fake_telemetry

if TYPE_CHECKING:
    from collections.abc import Sequence


def event(method: str = "/a.B/C") -> AuditEvent:
    return AuditEvent(kind="access.denied", outcome="denied", method=method)


async def test_events_are_sent_in_order_and_in_batches() -> None:
    sizes: list[int] = []

    class Counting(FakeRecorder):
        async def record(self, events: Sequence[AuditEvent]) -> None:
            sizes.append(len(events))
            await super().record(events)

    recorder = Counting()
    trail = AuditTrail(recorder, batch=4)
    for number in range(10):
        trail.write(event(str(number)))
    assert await trail.flush()
    assert [one.method for one in recorder.events] == [str(number) for number in range(10)]
    assert sizes == [4, 4, 2]
    assert (trail.waiting, trail.dropped) == (0, 0)


async def test_a_loop_sends_what_waits() -> None:
    recorder = FakeRecorder()
    trail = AuditTrail(recorder, pause=0)
    task = asyncio.create_task(trail.run())
    async with asyncio.timeout(5):
        for number in range(3):
            recorder.asked.clear()
            trail.write(event(str(number)))
            await recorder.asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [one.method for one in recorder.events] == ["0", "1", "2"]


async def test_events_outlast_an_outage_of_their_recorder() -> None:
    recorder = FakeRecorder(error=Unavailable("away"))
    trail = AuditTrail(recorder)
    trail.write(event())
    assert not await trail.flush()
    trail.write(event())
    assert (trail.waiting, trail.dropped) == (2, 0)
    recorder.error = None
    assert await trail.flush()
    assert len(recorder.events) == 2


async def test_events_that_nobody_takes_do_not_stand_before_others() -> None:
    recorder: FakeRecorder = FakeRecorder(error=InvalidArgument("no"))
    trail = AuditTrail(recorder)
    trail.write(event())
    assert await trail.flush()
    assert (trail.waiting, trail.dropped) == (0, 1)


async def test_where_too_many_wait_further_ones_are_dropped_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    recorder = FakeRecorder(error=Unavailable("away"))
    trail = AuditTrail(recorder, capacity=3)
    telemetry = fake_telemetry()
    trail.measure(telemetry)
    for number in range(8):
        trail.write(event(str(number)))
    assert (trail.waiting, trail.dropped) == (3, 5)
    assert [record.message for record in caplog.records] == ["audit events are lost"]
    metrics = telemetry.render_metrics().decode()
    assert "tenon_audit_dropped 5.0" in metrics
    assert "tenon_audit_waiting 3.0" in metrics
    recorder.error = None
    await trail.flush()
    assert [one.method for one in recorder.events] == ["0", "1", "2"]


async def test_where_nobody_records_nothing_waits() -> None:
    trail = AuditTrail(None)
    trail.write(event())
    assert (trail.waiting, trail.dropped) == (0, 1)


async def test_an_event_that_is_sent_twice_is_known_by_its_id() -> None:
    """An answer that is lost makes the trail send its batch once more."""

    class Forgetful(FakeRecorder):
        async def record(self, events: Sequence[AuditEvent]) -> None:
            first = not self.events
            await super().record(events)
            if first:
                raise Unavailable("the answer is lost")

    recorder = Forgetful()
    trail = AuditTrail(recorder)
    trail.write(event())
    assert not await trail.flush()
    assert await trail.flush()
    assert len(recorder.events) == 1


async def test_two_who_flush_at_once_send_each_event_once() -> None:
    class Slow(FakeRecorder):
        async def record(self, events: Sequence[AuditEvent]) -> None:
            await asyncio.sleep(0)
            self.events.extend(events)

    recorder = Slow()
    trail = AuditTrail(recorder, batch=2)
    for number in range(6):
        trail.write(event(str(number)))
    assert list(await asyncio.gather(trail.flush(), trail.flush())) == [True, True]
    assert len(recorder.events) == 6


@pytest.mark.parametrize("error", [Unavailable("x"), InvalidArgument("x")])
async def test_no_error_of_the_recorder_reaches_a_call(error: TenonError) -> None:
    trail = AuditTrail(FakeRecorder(error=error))
    trail.write(event())
    await trail.flush()
