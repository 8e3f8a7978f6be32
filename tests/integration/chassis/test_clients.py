"""Calls between services carry what their cause has, take turns, and are repeated only where that is safe."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from services.chassis.clients import Clients, PeerUnknown
from services.chassis.contract import Authenticated, Contract, Idempotency, Service
from services.chassis.errors import Unavailable
from services.chassis.server import serve_grpc
from services.chassis.settings import Settings
from services.chassis.tls import CertificateFolder
from services.chassis.transport import HandlerTable
from tests.fakes.chassis_certs import issue_certs, rotate_certs
from tests.fakes.chassis_conformance import CODECS, PATH, text
from tests.fakes.chassis_frame import ADMIN, fake_call, fake_chain, fake_handler, fake_method

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from services.chassis.call import Call

DO = fake_method("Do", access=Authenticated(reason="A test."))
AGAIN = fake_method("Again", access=Authenticated(reason="A test."), idempotency=Idempotency.IDEMPOTENT)


class ToyStub:
    """A stub as protoc's plugin writes it."""

    def __init__(self, channel: Any) -> None:
        self.Do = channel.unary_unary(PATH, *CODECS)
        self.Again = channel.unary_unary(AGAIN.path, *CODECS)
        self.Count = channel.unary_stream("/tenon.toy.v1.ToyService/Count", *CODECS)


def contract() -> Contract:
    service = Service(
        full_name="tenon.toy.v1.ToyService",
        package="tenon.toy.v1",
        segment="toy",
        version="v1",
        host="toy",
        file="toy.proto",
        methods=(DO, AGAIN),
        comment="",
    )
    return Contract(
        descriptors=FileDescriptorSet(),
        services=(service,),
        records=(),
        pool=DescriptorPool(),
        behaviors={},
        sensitive=frozenset(),
    )


def settings(peers: str) -> Settings:
    return Settings.from_environ(
        {"TENON_CONTRACT": "c", "TENON_LISTEN": "unix:/tmp/none", "TENON_PEERS": peers, "TENON_INSECURE": "1"}
    )


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start(stack: AsyncExitStack, tmp_path: Path) -> Callable[..., Any]:
    async def start(name: str, certs: CertificateFolder | None = None, **functions: Any) -> str:
        methods = {
            "do": DO,
            "again": AGAIN,
            "count": replace(DO, name="Count", path=f"{DO.path[:-2]}Count", server_streaming=True),
        }
        handlers = {methods[kind].path: fake_handler(function, methods[kind]) for kind, function in functions.items()}
        endpoint = f"unix:{tmp_path / name}.sock"
        await stack.enter_async_context(serve_grpc(HandlerTable(fake_chain().bind, handlers), endpoint, certs))
        return endpoint

    return start


@pytest.fixture
def connect(stack: AsyncExitStack) -> Callable[..., Clients]:
    def connect(*endpoints: str, certs: CertificateFolder | None = None) -> Clients:
        clients = Clients(settings(f"toy={';'.join(endpoints)}"), contract(), certs)
        stack.push_async_callback(clients.close)
        return clients

    return connect


def causing_call(**named: Any) -> Call:
    call = fake_call(**named)
    call.token = ADMIN
    call.traceparent = f"00-{'a' * 32}-{'b' * 16}-00"
    return call


async def test_token_trace_request_id_and_deadline_travel_along(start: Any, connect: Any) -> None:
    seen: list[Call] = []

    async def see(request: Any, call: Call) -> Any:
        seen.append(call)
        return text("")

    clients = connect(await start("toy", do=see))
    call = causing_call(metadata={"tracestate": "x=1"})
    call.deadline = time.monotonic() + 5
    await clients.stub(call, ToyStub).Do(text("a"))
    [reached] = seen
    assert reached.caller.subject == "users/admin"
    assert reached.request_id == call.request_id
    assert reached.traceparent == call.traceparent
    assert reached.metadata["tracestate"] == "x=1"
    assert 4 < (reached.remaining() or 0) < 5.5


async def test_a_timeout_of_its_own_can_only_be_shorter(start: Any, connect: Any) -> None:
    seen: list[float] = []

    async def see(request: Any, call: Call) -> Any:
        seen.append(call.remaining() or 0)
        return text("")

    clients = connect(await start("toy", do=see))
    call = causing_call()
    call.deadline = time.monotonic() + 5
    stub = clients.stub(call, ToyStub)
    await stub.Do(text("a"), timeout=1)
    await stub.Do(text("a"), timeout=60)
    assert seen[0] < 1.5 < seen[1] < 5.5


async def test_calls_take_turns_among_the_workers(start: Any, connect: Any) -> None:
    counts = [0, 0, 0]

    def worker(number: int) -> Any:
        async def serve(request: Any, call: Call) -> Any:
            counts[number] += 1
            return text("")

        return serve

    clients = connect(*[await start(f"toy-{n}", do=worker(n)) for n in range(3)])
    stub = clients.stub(causing_call(), ToyStub)
    for _ in range(60):
        await stub.Do(text("a"))
    assert sum(counts) == 60
    assert min(counts) >= 10


async def test_what_may_be_repeated_is_and_nothing_else(start: Any, connect: Any) -> None:
    attempts = {"do": 0, "again": 0}

    def fail_once(kind: str) -> Any:
        async def serve(request: Any, call: Call) -> Any:
            attempts[kind] += 1
            if attempts[kind] == 1:
                raise Unavailable("Not now.")
            return text("done")

        return serve

    clients = connect(await start("toy", do=fail_once("do"), again=fail_once("again")))
    stub = clients.stub(causing_call(), ToyStub)
    assert (await stub.Again(text("a"))).value == "done"
    assert await stub.Do(text("a")).code() is grpc.StatusCode.UNAVAILABLE
    assert attempts == {"do": 1, "again": 2}


async def test_streams_pass_through(start: Any, connect: Any) -> None:
    async def count(request: Any, call: Call) -> AsyncIterator[Any]:
        for number in range(3):
            yield text(str(number))

    clients = connect(await start("toy", count=count))
    stub = clients.stub(causing_call(), ToyStub)
    assert [response.value async for response in stub.Count(text(""))] == ["0", "1", "2"]


async def test_a_service_that_nobody_named_is_an_error_with_the_mend(connect: Any) -> None:
    clients = connect("unix:/tmp/none.sock")
    with pytest.raises(PeerUnknown, match="Mend: add other=<endpoint> to it"):
        clients.channel("other")


async def test_a_rotated_certificate_is_used_without_a_failed_call(tmp_path: Path, start: Any, connect: Any) -> None:
    folder = tmp_path / "certs"
    certs = issue_certs(folder, "toy", "data")

    async def serve(request: Any, call: Call) -> Any:
        return text(call.peer)

    endpoint = await start("toy", certs=CertificateFolder(certs["toy"]), do=serve)
    clients = connect(endpoint, certs=CertificateFolder(certs["data"], patience=0))
    stub = clients.stub(causing_call(), ToyStub)
    channels = set()
    for _ in range(3):
        for _ in range(5):
            assert (await stub.Do(text("a"))).value == "spiffe://tenon.local/ns/tenon/sa/data"
        channels.add(clients.channel("toy"))
        rotate_certs(folder, "data")
    assert len(channels) == 3


async def test_a_followed_contract_changes_where_calls_go(start: Any, connect: Any) -> None:
    async def serve(request: Any, call: Call) -> Any:
        return text("here")

    clients = connect(await start("toy", do=serve))
    empty = replace_services(contract(), ())
    clients.follow(empty)
    with pytest.raises(PeerUnknown, match=r"no service tenon\.toy\.v1\.ToyService"):
        clients.stub(causing_call(), ToyStub)
    clients.follow(contract())
    assert (await clients.stub(causing_call(), ToyStub).Do(text("a"))).value == "here"


def replace_services(contract: Contract, services: tuple[Service, ...]) -> Contract:
    return replace(contract, services=services)
