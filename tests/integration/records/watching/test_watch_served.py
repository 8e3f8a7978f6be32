"""Watching over a real gRPC server: slow clients, a contract that is exchanged meanwhile, and the server's end."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from google.rpc import status_pb2

from services.chassis.server import serve_grpc
from services.chassis.transport import Handler, HandlerTable, messages_of
from services.records.engine import Engine
from tests.fakes.chassis_frame import ADMIN, FakeClaims, FakeVerifier, fake_chain
from tests.integration.records.library import KEYRING
from tests.integration.records.watching.harbour import (
    FAILED,
    HEARTBEAT,
    LIVE,
    PATIENCE,
    SERVICE,
    Harbour,
    harbour_contract,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from services.chassis.postgres import Pool

TOKEN = (("authorization", f"Bearer {ADMIN}"),)


def handlers_of(engine: Engine) -> Mapping[str, Handler]:
    """Return what serves the harbour, as data has it."""
    messages, methods = messages_of(engine.contract.pool), engine.contract.methods
    return {
        path: Handler(method=methods[path], request_type=messages(methods[path].input), function=function)
        for path, function in engine.handlers().items()
    }


@dataclass
class Served:
    """A harbour behind a server."""

    harbour: Harbour
    table: HandlerTable
    channel: Any
    server: Any
    ending: asyncio.Event
    endpoint: str

    def call(self, method: str, channel: Any = None, **fields: Any) -> Any:
        """Call a method; a stream is an iterator of its answers."""
        found = self.harbour.contract.methods[SERVICE + method]
        pool = self.harbour.contract.pool
        request, answer = (GetMessageClass(pool.FindMessageTypeByName(name)) for name in (found.input, found.output))
        make = getattr(channel or self.channel, "unary_stream" if found.server_streaming else "unary_unary")
        invoke = make(SERVICE + method, request.SerializeToString, answer.FromString)
        return invoke(request(**fields), metadata=TOKEN)

    async def berth(self, name: str, title: str, **fields: Any) -> None:
        await self.call("CreateBerth", berth_id=name, berth={"title": title, **fields})

    async def retitle(self, name: str, title: str, **fields: Any) -> None:
        berth = {"name": f"berths/{name}", "title": title, **fields}
        await self.call("UpdateBerth", berth=berth, update_mask={"paths": ["title", *fields]})


async def until(stream: Any, state: int) -> Any:
    """Read until a message of a state."""
    async with asyncio.timeout(PATIENCE):
        while (message := await stream.read()).state != state:
            pass
        return message


async def until_title(stream: Any, title: str) -> list[str]:
    """Read until a berth has a title, and return all titles on the way."""
    titles: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while title not in titles:
            titles += [change.berth.title for change in (await stream.read()).changes]
    return titles


@asynccontextmanager
async def serve(pool: Pool, **claims: Any) -> AsyncIterator[Served]:
    contract = harbour_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    verifier = FakeVerifier(tokens={ADMIN: FakeClaims(organization="acme", **claims)})
    table, ending = HandlerTable(fake_chain(verifier).bind, handlers_of(engine)), asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="tenon-") as folder:
        endpoint = f"unix:{Path(folder) / 's'}"
        async with (
            serve_grpc(table, endpoint, None, ending=ending) as server,
            grpc.aio.insecure_channel(endpoint) as channel,
        ):
            yield Served(Harbour(engine, contract), table, channel, server, ending, endpoint)


@pytest.fixture
async def served(pool: Pool) -> AsyncIterator[Served]:
    async with serve(pool) as running:
        yield running


async def test_a_client_that_stops_reading_holds_up_neither_watchers_nor_calls(served: Served) -> None:
    await served.berth("a", "0")
    # A connection of its own, as another client's is, with windows that are soon full.
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.http2.lookahead_bytes", 65_536),
        ("grpc.http2.bdp_probe", 0),
    ]
    async with grpc.aio.insecure_channel(served.endpoint, options=options) as other:
        stalled, brisk = served.call("WatchBerths", other), served.call("WatchBerths")
        await until(stalled, LIVE)
        await until(brisk, LIVE)
        titles: list[str] = []
        for number in range(1, 61):
            await served.retitle("a", str(number), plan=bytes([number]) * 100_000)
            titles += await until_title(brisk, str(number))
        assert titles == [str(number) for number in range(1, 61)]
        assert await until_title(stalled, "60") == titles


async def test_a_stream_goes_on_while_another_contract_takes_its_place(served: Served, pool: Pool) -> None:
    stream = served.call("WatchBerths")
    await until(stream, LIVE)
    newer = Engine(harbour_contract(), host="data", pool=pool, keyring=KEYRING)
    served.table.replace(handlers_of(newer))
    await served.berth("a", "by the newer")
    assert await until_title(stream, "by the newer") == ["by the newer"]
    fresh = served.call("WatchBerths")
    await until(fresh, LIVE)
    await served.retitle("a", "to both")
    for each in (stream, fresh):
        assert (await until_title(each, "to both"))[-1] == "to both"
        each.cancel()


async def test_streams_end_well_when_the_server_is_about_to(served: Served) -> None:
    streams = [served.call("WatchBerths") for _ in range(20)]
    for stream in streams:
        await until(stream, LIVE)
    begun = time.monotonic()
    served.ending.set()
    await served.server.stop(PATIENCE)
    assert time.monotonic() - begun < PATIENCE / 2, "else the server has waited for the streams in vain"
    for stream in streams:
        last = await until(stream, HEARTBEAT)
        assert last.resume_token
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


async def test_an_error_in_the_midst_is_in_the_last_message_and_in_the_status(pool: Pool) -> None:
    async with serve(pool, expires=time.time() + 0.5) as served:
        stream = served.call("WatchBerths")
        last = await until(stream, FAILED)
        assert await stream.code() is grpc.StatusCode.UNAUTHENTICATED
        details = dict(await stream.trailing_metadata())["grpc-status-details-bin"]
        assert status_pb2.Status.FromString(details) == status_pb2.Status.FromString(last.error.SerializeToString())


async def test_a_watch_outlives_the_connections_to_the_database(served: Served, pool: Pool) -> None:
    stream = served.call("WatchBerths")
    await until(stream, LIVE)
    killing = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"
    async with pool.connection() as connection:
        await connection.fetch(killing, await connection.fetchval("SELECT pg_backend_pid()"))
    await served.berth("a", "after")
    assert await until_title(stream, "after") == ["after"]
    stream.cancel()
