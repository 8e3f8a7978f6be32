"""gRPC keeps what every transport must keep, over a Unix socket."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio

from services.chassis.errors import InvalidArgument, Violation
from services.chassis.interceptors import Chain
from services.chassis.interceptors.errors import ErrorsInterceptor
from services.chassis.server import serve_grpc
from services.chassis.transport import HandlerTable
from tests.fakes.chassis_conformance import CODECS, PATH, Serve, TransportConformance, echo, status_of, table, text
from tests.fakes.chassis_frame import fake_handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class TestGrpcTransport(TransportConformance):
    """The suite, on this transport."""

    @pytest_asyncio.fixture
    async def serve(self, tmp_path: Path) -> AsyncIterator[Serve]:
        async with AsyncExitStack() as stack:

            async def serve(handlers: dict[str, Any]) -> Any:
                endpoint = f"unix:{tmp_path / 'toy.sock'}"
                served = HandlerTable(Chain([ErrorsInterceptor()]).bind, handlers)
                await stack.enter_async_context(serve_grpc(served, endpoint, None))
                return await stack.enter_async_context(grpc.aio.insecure_channel(endpoint))

            yield serve


async def test_a_replaced_table_serves_the_next_call(tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path / 'toy.sock'}"
    served = HandlerTable(Chain([ErrorsInterceptor()]).bind, table(fake_handler(echo)))

    async def shout(request: Any, call: Any) -> Any:
        return text(request.value.upper())

    async with serve_grpc(served, endpoint, None), grpc.aio.insecure_channel(endpoint) as channel:
        invoke = channel.unary_unary(PATH, *CODECS)
        assert (await invoke(text("a"))).value == "a!"
        served.replace(table(fake_handler(shout)))
        assert (await invoke(text("a"))).value == "A"
        served.replace({})
        assert await invoke(text("a")).code() is grpc.StatusCode.UNIMPLEMENTED


async def test_headers_of_one_name_are_one_list_so_that_two_tokens_are_none(tmp_path: Path) -> None:
    async def authorization(request: Any, call: Any) -> Any:
        return text(call.metadata["authorization"])

    endpoint = f"unix:{tmp_path / 'toy.sock'}"
    served = HandlerTable(Chain([ErrorsInterceptor()]).bind, table(fake_handler(authorization)))
    async with serve_grpc(served, endpoint, None), grpc.aio.insecure_channel(endpoint) as channel:
        tokens = (("authorization", "Bearer a"), ("x-other", "1"), ("authorization", "Bearer b"))
        answer = await channel.unary_unary(PATH, *CODECS)(text(""), metadata=tokens)
        assert answer.value == "Bearer a, Bearer b"


async def test_headers_as_large_as_the_edge_takes_are_never_refused_by_chance(tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path / 'toy.sock'}"
    served = HandlerTable(Chain([ErrorsInterceptor()]).bind, table(fake_handler(echo)))
    async with serve_grpc(served, endpoint, None), grpc.aio.insecure_channel(endpoint) as channel:
        invoke = channel.unary_unary(PATH, *CODECS)
        for size in (12 * 1024, 16 * 1024, 64 * 1024):
            metadata = (("x-envoy-original-path", "x" * size),)
            assert (await invoke(text("a"), metadata=metadata)).value == "a!", size


async def test_the_words_of_a_sidecar_are_believed_behind_one_and_nowhere_else(tmp_path: Path) -> None:
    auth = "spiffe://cluster.local/ns/tenon/sa/auth"
    metadata = (("x-forwarded-client-cert", f"URI=spiffe://spoofed,By=us;URI={auth}"),)

    async def tell(request: Any, call: Any) -> Any:
        return text(call.peer)

    served = HandlerTable(Chain([ErrorsInterceptor()]).bind, table(fake_handler(tell)))
    for behind_sidecar, peer in ((True, auth), (False, "")):
        endpoint = f"unix:{tmp_path / f'{behind_sidecar}.sock'}"
        async with (
            serve_grpc(served, endpoint, None, behind_sidecar=behind_sidecar),
            grpc.aio.insecure_channel(endpoint) as channel,
        ):
            answer = await channel.unary_unary(PATH, *CODECS)(text(""), metadata=metadata)
            assert answer.value == peer


async def test_the_largest_status_that_we_make_arrives(tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path / 'toy.sock'}"

    async def refuse(request: Any, call: Any) -> Any:
        violations = [Violation(field=f"a[{n}]", description="ü" * 200, reason="R") for n in range(1000)]
        raise InvalidArgument("ü" * 9000, violations=violations, metadata={"name": "x" * 9000})

    served = HandlerTable(Chain([ErrorsInterceptor()]).bind, table(fake_handler(refuse)))
    async with serve_grpc(served, endpoint, None), grpc.aio.insecure_channel(endpoint) as channel:
        for _ in range(20):  # beyond the soft limit grpc refuses some trailers by chance
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(PATH, *CODECS)(text("a"))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert status_of(caught.value).details


async def test_a_message_of_sixteen_megabytes_passes_and_a_larger_one_is_refused(tmp_path: Path) -> None:
    endpoint = f"unix:{tmp_path / 'toy.sock'}"
    served = HandlerTable(Chain([ErrorsInterceptor()]).bind, table(fake_handler(echo)))
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with serve_grpc(served, endpoint, None), grpc.aio.insecure_channel(endpoint, options=options) as channel:
        invoke = channel.unary_unary(PATH, *CODECS)
        assert len((await invoke(text("x" * 16_000_000))).value) == 16_000_001
        assert await invoke(text("x" * 17_000_000)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
