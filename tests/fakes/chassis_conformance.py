"""What every transport must keep, written against the seam: handlers on one side, a grpc-like channel on the other.

A transport's test module derives `TransportConformance` and defines the fixture `serve`, an async function that takes
handlers and returns a channel to them; the errors interceptor alone stands around the handlers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2

from services.chassis.errors import InvalidArgument, NotFound, ResourceExhausted, Violation
from services.chassis.transport.handlers import Undecodable
from tests.fakes.chassis_frame import fake_handler, fake_method

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.call import Call
    from services.chassis.transport import Handler

Serve = Callable[[dict[str, Any]], Awaitable[Any]]

PATH = "/tenon.toy.v1.ToyService/Do"
CODECS = (StringValue.SerializeToString, StringValue.FromString)


def text(value: str) -> StringValue:
    return StringValue(value=value)


def table(handler: Handler) -> dict[str, Handler]:
    return {handler.method.path: handler}


async def echo(request: Any, call: Call) -> Any:
    return text(f"{request.value}!")


async def count(request: Any, call: Call) -> AsyncIterator[Any]:
    for number in range(int(request.value)):
        yield text(str(number))


async def join(requests: Any, call: Call) -> Any:
    return text("".join([request.value async for request in requests]))


async def answer_each(requests: Any, call: Call) -> AsyncIterator[Any]:
    async for request in requests:
        yield text(request.value.upper())


async def send_letters() -> AsyncIterator[Any]:
    for letter in "abc":
        yield text(letter)


async def collect(call: Any, got: list[str]) -> None:
    async for response in call:
        got.append(response.value)  # noqa: PERF401 - what came before an error counts


def status_of(error: grpc.aio.AioRpcError) -> Any:
    metadata = dict(error.trailing_metadata())
    return status_pb2.Status.FromString(metadata["grpc-status-details-bin"])


class TransportConformance:
    """One suite for all transports."""

    async def test_a_unary_call_brings_the_response(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(echo)))
        assert (await channel.unary_unary(PATH, *CODECS)(text("a"))).value == "a!"

    async def test_a_server_stream_brings_each_response_in_order(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(count, fake_method(server_streaming=True))))
        call = channel.unary_stream(PATH, *CODECS)(text("5"))
        assert [response.value async for response in call] == ["0", "1", "2", "3", "4"]

    async def test_an_empty_server_stream_is_a_success(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(count, fake_method(server_streaming=True))))
        call = channel.unary_stream(PATH, *CODECS)(text("0"))
        assert [response.value async for response in call] == []
        assert await call.code() is grpc.StatusCode.OK

    async def test_a_client_stream_reaches_the_handler_whole(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(join, fake_method(client_streaming=True))))
        assert (await channel.stream_unary(PATH, *CODECS)(send_letters())).value == "abc"

    async def test_both_sides_may_stream(self, serve: Serve) -> None:
        method = fake_method(client_streaming=True, server_streaming=True)
        channel = await serve(table(fake_handler(answer_each, method)))
        call = channel.stream_stream(PATH, *CODECS)(send_letters())
        assert [response.value async for response in call] == ["A", "B", "C"]

    async def test_bytes_of_a_handler_pass_untouched(self, serve: Serve) -> None:
        data = text("stored").SerializeToString() + b"\x92\x06\x03abc"  # a field that the class does not know

        async def stored(request: Any, call: Call) -> bytes:
            return data

        channel = await serve(table(fake_handler(stored)))
        raw = await channel.unary_unary(PATH, StringValue.SerializeToString, None)(text(""))
        assert raw == data

    async def test_bytes_pass_in_a_stream_too(self, serve: Serve) -> None:
        async def stored(request: Any, call: Call) -> AsyncIterator[bytes]:
            yield text("a").SerializeToString()
            yield b""

        channel = await serve(table(fake_handler(stored, fake_method(server_streaming=True))))
        call = channel.unary_stream(PATH, *CODECS)(text(""))
        assert [response.value async for response in call] == ["a", ""]

    async def test_an_unknown_method_is_unimplemented(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(echo)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/tenon.toy.v1.ToyService/Other", *CODECS)(text("a"))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    async def test_an_error_brings_code_message_and_details(self, serve: Serve) -> None:
        async def refuse(request: Any, call: Call) -> Any:
            raise InvalidArgument("Nö.", violations=[Violation(field="a.b[1]", description="Bad.", reason="R")])

        channel = await serve(table(fake_handler(refuse)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PATH, *CODECS)(text("a"))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.details() == "Nö."
        status = status_of(caught.value)
        assert (status.code, status.message) == (3, "Nö.")
        bad = error_details_pb2.BadRequest()
        assert status.details[1].Unpack(bad)
        assert bad.field_violations[0].field == "a.b[1]"

    async def test_every_code_arrives(self, serve: Serve) -> None:
        async def refuse(request: Any, call: Call) -> Any:
            error = NotFound("There.")
            error.code = int(request.value)  # type: ignore[misc]  # one class for sixteen codes
            raise error

        channel = await serve(table(fake_handler(refuse)))
        for code in grpc.StatusCode:
            if code is grpc.StatusCode.OK:
                continue
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary(PATH, *CODECS)(text(str(code.value[0])))
            assert caught.value.code() is code

    async def test_an_error_in_the_midst_of_a_stream_comes_after_what_was_sent(self, serve: Serve) -> None:
        async def fail_late(request: Any, call: Call) -> AsyncIterator[Any]:
            yield text("a")
            raise ResourceExhausted("Enough.", retry_after=1.5)

        channel = await serve(table(fake_handler(fail_late, fake_method(server_streaming=True))))
        got: list[str] = []
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await collect(channel.unary_stream(PATH, *CODECS)(text("")), got)
        assert got == ["a"]
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert status_of(caught.value).details

    async def test_an_error_before_the_first_message_of_a_stream_arrives(self, serve: Serve) -> None:
        async def fail_at_once(request: Any, call: Call) -> AsyncIterator[Any]:
            if request.value == "":
                raise NotFound("Nothing.")
            yield text("never")

        channel = await serve(table(fake_handler(fail_at_once, fake_method(server_streaming=True))))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [response async for response in channel.unary_stream(PATH, *CODECS)(text(""))]
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    async def test_an_unforeseen_error_tells_nothing_but_an_id(self, serve: Serve) -> None:
        async def crash(request: Any, call: Call) -> Any:
            call.request_id = "request-7"
            raise RuntimeError("password=hunter2")

        channel = await serve(table(fake_handler(crash)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PATH, *CODECS)(text("a"))
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert caught.value.details() == "Internal error. Request id: request-7"
        assert b"hunter2" not in status_of(caught.value).SerializeToString()

    async def test_headers_and_trailers_arrive(self, serve: Serve) -> None:
        async def decorate(request: Any, call: Call) -> Any:
            call.set_header("etag", "abc")
            call.set_trailer("cost", "3")
            call.set_trailer("seal-bin", b"\x00\xff")
            return text("")

        channel = await serve(table(fake_handler(decorate)))
        call = channel.unary_unary(PATH, *CODECS)(text("a"))
        await call
        assert dict(await call.initial_metadata())["etag"] == "abc"
        trailers = dict(await call.trailing_metadata())
        assert (trailers["cost"], trailers["seal-bin"]) == ("3", b"\x00\xff")

    async def test_headers_and_trailers_of_a_stream_arrive(self, serve: Serve) -> None:
        async def decorate(request: Any, call: Call) -> AsyncIterator[Any]:
            call.set_header("etag", "abc")
            yield text("")
            call.set_trailer("cost", "3")

        channel = await serve(table(fake_handler(decorate, fake_method(server_streaming=True))))
        call = channel.unary_stream(PATH, *CODECS)(text("a"))
        _ = [response async for response in call]
        assert dict(await call.initial_metadata())["etag"] == "abc"
        assert dict(await call.trailing_metadata())["cost"] == "3"

    async def test_headers_of_a_call_that_fails_come_with_its_status(self, serve: Serve) -> None:
        async def refuse(request: Any, call: Call) -> Any:
            call.set_header("retry-after", "3")
            call.set_trailer("cost", "3")
            raise NotFound("No.")

        channel = await serve(table(fake_handler(refuse)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PATH, *CODECS)(text("a"))
        trailers = dict(caught.value.trailing_metadata())
        assert (trailers["retry-after"], trailers["cost"]) == ("3", "3")

    async def test_metadata_has_lower_case_names(self, serve: Serve) -> None:
        async def read(request: Any, call: Call) -> Any:
            return text(f"{call.metadata['x-one']} {call.metadata.get('absent', '-')}")

        channel = await serve(table(fake_handler(read)))
        response = await channel.unary_unary(PATH, *CODECS)(text(""), metadata=(("x-one", "1"),))
        assert response.value == "1 -"

    async def test_a_request_that_cannot_be_decoded_reaches_the_chain_as_such(self, serve: Serve) -> None:
        async def see(request: Any, call: Call) -> Any:
            return text(str(isinstance(request, Undecodable)))

        channel = await serve(table(fake_handler(see)))
        assert (await channel.unary_unary(PATH, None, StringValue.FromString)(b"\xff\xff")).value == "True"

    async def test_the_clients_deadline_is_seen_and_cancels_the_handler(self, serve: Serve) -> None:
        seen: list[float] = []
        cancelled = asyncio.Event()

        async def wait(request: Any, call: Call) -> Any:
            seen.append(call.remaining() or 0.0)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        channel = await serve(table(fake_handler(wait)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PATH, *CODECS)(text("a"), timeout=0.3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(cancelled.wait(), 5)
        assert 0 < seen[0] < 1  # a transport may round it

    async def test_a_rule_ends_a_call_whose_client_has_no_deadline(self, serve: Serve) -> None:
        seen: list[float | None] = []

        async def wait(request: Any, call: Call) -> Any:
            seen.append(call.remaining())
            await asyncio.Event().wait()

        channel = await serve(table(fake_handler(wait, fake_method(timeout=0.1))))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PATH, *CODECS)(text("a"))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert "0.1 s" in (caught.value.details() or "")
        assert status_of(caught.value).details
        assert seen[0] is not None

    async def test_a_rule_ends_a_call_whose_client_would_wait_longer(self, serve: Serve) -> None:
        async def wait(request: Any, call: Call) -> Any:
            await asyncio.Event().wait()

        channel = await serve(table(fake_handler(wait, fake_method(timeout=0.1))))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PATH, *CODECS)(text("a"), timeout=20)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    async def test_a_rule_ends_a_stream_that_goes_on(self, serve: Serve) -> None:
        async def trickle(request: Any, call: Call) -> AsyncIterator[Any]:
            yield text("a")
            await asyncio.Event().wait()

        method = fake_method(timeout=0.1, server_streaming=True)
        channel = await serve(table(fake_handler(trickle, method)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [response async for response in channel.unary_stream(PATH, *CODECS)(text(""))]
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    async def test_a_call_that_ends_in_time_is_not_cancelled_later(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(echo, fake_method(timeout=0.1))))
        for _ in range(3):
            assert (await channel.unary_unary(PATH, *CODECS)(text("a"))).value == "a!"

    async def test_cancelling_reaches_the_handler(self, serve: Serve) -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def wait(request: Any, call: Call) -> Any:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        channel = await serve(table(fake_handler(wait)))
        call = channel.unary_unary(PATH, *CODECS)(text("a"))
        await asyncio.wait_for(started.wait(), 5)
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 5)

    async def test_cancelling_a_stream_ends_its_handler(self, serve: Serve) -> None:
        ended = asyncio.Event()

        async def trickle(request: Any, call: Call) -> AsyncIterator[Any]:
            try:
                while True:
                    yield text("a")
            finally:
                ended.set()

        channel = await serve(table(fake_handler(trickle, fake_method(server_streaming=True))))
        call = channel.unary_stream(PATH, *CODECS)(text(""))
        async for _ in call:
            break
        call.cancel()
        await asyncio.wait_for(ended.wait(), 5)

    @pytest.mark.parametrize("fails", [False, True])
    async def test_what_is_to_be_done_at_the_end_is_done_once(self, serve: Serve, fails: bool) -> None:
        done: list[str] = []
        ended = asyncio.Event()

        def note() -> None:
            done.append("done")
            ended.set()

        async def watch(request: Any, call: Call) -> Any:
            call.transport.on_done(note)
            if fails:
                raise NotFound("No.")
            return text("")

        channel = await serve(table(fake_handler(watch)))
        call = channel.unary_unary(PATH, *CODECS)(text("a"))
        assert await call.code() is (grpc.StatusCode.NOT_FOUND if fails else grpc.StatusCode.OK)
        await asyncio.wait_for(ended.wait(), 5)
        assert done == ["done"]

    async def test_many_calls_at_once_do_not_mix(self, serve: Serve) -> None:
        channel = await serve(table(fake_handler(echo)))
        invoke = channel.unary_unary(PATH, *CODECS)

        async def one(number: int) -> str:
            return str((await invoke(text(str(number)))).value)

        assert await asyncio.gather(*(one(n) for n in range(200))) == [f"{n}!" for n in range(200)]
