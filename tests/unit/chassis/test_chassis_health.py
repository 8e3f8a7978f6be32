"""Probes learn whether the process serves, at once and whenever it changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.health import Health
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import fake_chain

STATUS = health_pb2.HealthCheckResponse


@pytest.fixture
def health() -> Health:
    health = Health()
    health.name_services(["tenon.toy.v1.ToyService"])
    return health


@pytest.fixture
def stub(health: Health) -> Any:
    channel: Any = MemoryChannel(health.handlers(), fake_chain().bind)
    return health_pb2_grpc.HealthStub(channel)


async def test_nothing_is_served_before_the_wiring_is_done(health: Health, stub: Any) -> None:
    assert (await stub.Check(health_pb2.HealthCheckRequest())).status == STATUS.NOT_SERVING
    health.set_serving()
    assert (await stub.Check(health_pb2.HealthCheckRequest())).status == STATUS.SERVING
    assert (await stub.Check(health_pb2.HealthCheckRequest(service="tenon.toy.v1.ToyService"))).status == STATUS.SERVING


async def test_an_unknown_service_is_not_found(stub: Any) -> None:
    with pytest.raises(Exception, match=r"No service other\.v1\.Thing is here"):
        await stub.Check(health_pb2.HealthCheckRequest(service="other.v1.Thing"))


async def test_a_watcher_sees_each_change_and_the_end(health: Health, stub: Any) -> None:
    states = aiter(stub.Watch(health_pb2.HealthCheckRequest()))
    assert (await anext(states)).status == STATUS.NOT_SERVING
    health.set_serving()
    assert (await anext(states)).status == STATUS.SERVING
    health.set_draining()
    assert (await anext(states)).status == STATUS.NOT_SERVING
    with pytest.raises(StopAsyncIteration):
        await anext(states)


async def test_a_watcher_of_a_service_to_come_sees_it_come(health: Health, stub: Any) -> None:
    health.set_serving()
    states = aiter(stub.Watch(health_pb2.HealthCheckRequest(service="later.v1.Thing")))
    assert (await anext(states)).status == STATUS.SERVICE_UNKNOWN
    health.name_services(["later.v1.Thing"])
    assert (await anext(states)).status == STATUS.SERVING


async def test_draining_is_for_good(health: Health, stub: Any) -> None:
    health.set_draining()
    health.set_serving()
    assert (await stub.Check(health_pb2.HealthCheckRequest())).status == STATUS.NOT_SERVING


async def test_many_watchers_all_hear(health: Health, stub: Any) -> None:
    streams = [aiter(stub.Watch(health_pb2.HealthCheckRequest())) for _ in range(5)]
    await asyncio.gather(*(anext(states) for states in streams))
    health.set_serving()
    answers = await asyncio.gather(*(anext(states) for states in streams))
    assert {answer.status for answer in answers} == {STATUS.SERVING}
