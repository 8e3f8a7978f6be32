"""The client of the edge: tokens are renewed, and what may pass is tried again."""

from __future__ import annotations

import time
from typing import Any

import grpc
import grpc.aio
import pytest
from tenon.flightops.v1 import flightops_service_pb2 as api

from services.cli.demo.edge import TRIES, Edge, LoadFailed
from services.cli.minting import Grant

REQUEST = api.GetFlightRequest(name="flights/1")


class FakeChannel:
    """A channel whose answers are given beforehand."""

    def __init__(self, *answers: bytes | grpc.StatusCode) -> None:
        self.answers = list(answers)
        self.tokens: list[str] = []
        self.paths: list[str] = []

    def unary_unary(self, path: str, **_: Any) -> Any:
        async def call(request: Any, *, metadata: Any, **_: Any) -> bytes:
            self.paths.append(path)
            self.tokens.append(dict(metadata)["authorization"])
            answer = self.answers.pop(0)
            if isinstance(answer, grpc.StatusCode):
                raise grpc.aio.AioRpcError(answer, grpc.aio.Metadata(), grpc.aio.Metadata(), details="no")
            return answer

        return call


class FakeMint:
    """Tokens that are numbered, each of the lifetime given."""

    def __init__(self, lifetime: float = 600) -> None:
        self.lifetime = lifetime
        self.organizations: list[str] = []

    async def __call__(self, organization: str) -> Grant:
        self.organizations.append(organization)
        return Grant(access_token=str(len(self.organizations)), expires=time.time() + self.lifetime)


def _edge(channel: FakeChannel, mint: FakeMint) -> Edge:
    return Edge(channel, service="flown.v1.Flights", mint=mint, pause=0)


async def test_one_token_serves_many_calls_of_an_organization() -> None:
    channel, mint = FakeChannel(b"1", b"2", b"3"), FakeMint()
    edge = _edge(channel, mint)
    await edge.call("GetFlight", REQUEST, organization="default")
    await edge.call("GetFlight", REQUEST, organization="default")
    assert await edge.call("GetFlight", REQUEST, organization="system") == b"3"
    assert mint.organizations == ["default", "system"]
    assert channel.tokens == ["Bearer 1", "Bearer 1", "Bearer 2"]
    assert channel.paths[0] == "/flown.v1.Flights/GetFlight"


async def test_a_token_is_renewed_before_it_ends() -> None:
    channel, mint = FakeChannel(b"1", b"2"), FakeMint(lifetime=30)
    edge = _edge(channel, mint)
    await edge.call("GetFlight", REQUEST, organization="default")
    await edge.call("GetFlight", REQUEST, organization="default")
    assert channel.tokens == ["Bearer 1", "Bearer 2"]


async def test_a_refused_token_is_renewed_once() -> None:
    channel, mint = FakeChannel(grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNAUTHENTICATED), FakeMint()
    with pytest.raises(grpc.aio.AioRpcError):
        await _edge(channel, mint).call("GetFlight", REQUEST, organization="default")
    assert channel.tokens == ["Bearer 1", "Bearer 2"]


async def test_what_may_pass_is_tried_again() -> None:
    channel = FakeChannel(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, b"1")
    assert await _edge(channel, FakeMint()).call("GetFlight", REQUEST, organization="default") == b"1"


async def test_patience_ends_with_the_mend() -> None:
    channel = FakeChannel(*[grpc.StatusCode.UNAVAILABLE] * TRIES)
    with pytest.raises(LoadFailed, match="tenon status"):
        await _edge(channel, FakeMint()).call("GetFlight", REQUEST, organization="default")


async def test_an_answer_that_is_an_error_is_handed_on_at_once() -> None:
    channel = FakeChannel(grpc.StatusCode.NOT_FOUND, b"never")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await _edge(channel, FakeMint()).call("GetFlight", REQUEST, organization="default")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_grant_does_not_show_its_token() -> None:
    assert "secret" not in repr(Grant(access_token="secret", expires=0))
