"""pytest-grpc's fixtures for servicers of ours: a test gives servicer and stub class, and gets a stub.

A test module defines, as pytest-grpc has it,

    @pytest.fixture
    def grpc_servicer() -> UserServicer: ...
    @pytest.fixture
    def grpc_add_to_server() -> Callable: return user_service_pb2_grpc.add_UserServiceServicer_to_server
    @pytest.fixture
    def grpc_stub_cls() -> type: return user_service_pb2_grpc.UserServiceStub

and asks for `grpc_stub`. Calls pass the whole interceptor chain; `authorization: Bearer admin-token` may do everything
(`grpc_verifier` holds the tokens). Below tests/unit there is no socket: messages go through memory, encoded. Elsewhere
a real server listens on a Unix socket. `grpc_handlers` may be defined instead of servicer and `grpc_add_to_server`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio

from services.chassis.contract import Contract, read_contract
from services.chassis.server import serve_grpc
from services.chassis.transport import Handler, HandlerTable
from tests.fakes.chassis_channel import MemoryChannel
from tests.fakes.chassis_frame import FakeVerifier, fake_chain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_CONTRACT = Path(__file__).parents[1] / "gen" / "contract.binpb"
_UNIT = Path(__file__).parent / "unit"


class HandlerCollector:
    """Looks like a grpc server to generated `add_…_to_server`, and keeps handlers of ours."""

    def __init__(self, contract: Contract) -> None:
        self.handlers: dict[str, Handler] = {}
        self._contract = contract

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Generated code registers everything a second time by name, below."""

    def add_registered_method_handlers(self, service: str, methods: Mapping[str, Any]) -> None:
        for name, found in methods.items():
            function = found.unary_unary or found.unary_stream or found.stream_unary or found.stream_stream
            method = self._contract.methods[f"/{service}/{name}"]
            self.handlers[method.path] = Handler(
                method=method, request_type=found.request_deserializer.__self__, function=function
            )


@pytest.fixture(scope="session")
def grpc_contract() -> Contract:
    """The contract of this repository."""
    return read_contract(_CONTRACT)


@pytest.fixture
def grpc_verifier() -> FakeVerifier:
    """What checks the tokens that a test sends."""
    return FakeVerifier()


@pytest.fixture
def grpc_add_to_server() -> Callable[[Any, Any], None]:
    """Generated `add_…_to_server`; to be defined by the test module."""
    pytest.fail("Define the fixture grpc_add_to_server (or grpc_handlers) beside grpc_servicer.")


@pytest.fixture
def _grpc_server(grpc_contract: Contract) -> HandlerCollector:
    return HandlerCollector(grpc_contract)


@pytest.fixture
def grpc_handlers(request: pytest.FixtureRequest, _grpc_server: HandlerCollector) -> Mapping[str, Handler]:
    """The handlers of the servicer."""
    request.getfixturevalue("grpc_add_to_server")(request.getfixturevalue("grpc_servicer"), _grpc_server)
    return _grpc_server.handlers


@pytest.fixture
def grpc_addr(tmp_path: Path) -> str:
    """Where the server listens."""
    return f"unix:{tmp_path / 'grpc.sock'}"


@pytest_asyncio.fixture
async def grpc_server(
    request: pytest.FixtureRequest, grpc_addr: str, grpc_handlers: Mapping[str, Handler], grpc_verifier: FakeVerifier
) -> AsyncIterator[grpc.aio.Server | None]:
    """The server, or None where calls go through memory."""
    if _UNIT in request.path.parents:
        yield None
        return
    table = HandlerTable(fake_chain(grpc_verifier).bind, grpc_handlers)
    async with serve_grpc(table, grpc_addr, None) as server:
        yield server


@pytest.fixture
def grpc_create_channel(
    grpc_server: Any, grpc_addr: str, grpc_handlers: Mapping[str, Handler], grpc_verifier: FakeVerifier
) -> Callable[[], Any]:
    """Make channels to the server."""

    def create() -> Any:
        if grpc_server is None:
            return MemoryChannel(grpc_handlers, fake_chain(grpc_verifier).bind)
        return grpc.aio.insecure_channel(grpc_addr)

    return create


@pytest_asyncio.fixture
async def grpc_channel(grpc_create_channel: Callable[[], Any]) -> AsyncIterator[Any]:
    """A channel to the server, closed after the test."""
    channel = grpc_create_channel()
    yield channel
    await channel.close()


@pytest.fixture
def grpc_stub(grpc_stub_cls: Callable[[Any], Any], grpc_channel: Any) -> Any:
    """The stub whose calls reach the servicer."""
    return grpc_stub_cls(grpc_channel)
