"""A transport without sockets: encoded messages go from a stub to the handlers in the same event loop."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

import grpc
from grpc.aio import AioRpcError, Metadata

from services.chassis.call import Call
from services.chassis.transport import Handler, StatusError
from services.chassis.transport.handlers import decoder_of, encode
from services.chassis.transport.host import DETAILS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class MemoryTransport:
    """Keeps what a call sends."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.trailers: list[tuple[str, str | bytes]] = []
        self.callbacks: list[Callable[[], None]] = []
        self.cancelled = False

    def send_initial_metadata(self, name: str, value: str) -> None:
        self.headers.append((name, value))

    def send_trailer(self, name: str, value: str | bytes) -> None:
        self.trailers.append((name, value))

    def is_cancelled(self) -> bool:
        return self.cancelled

    def on_done(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)


class MemoryChannel:
    """Looks like a `grpc.aio.Channel` to a stub."""

    def __init__(self, handlers: Mapping[str, Handler], bind: Callable[[Handler], Any], peer: str = "") -> None:
        self._handlers = handlers
        self._bound = {path: bind(handler) for path, handler in handlers.items()}
        self._peer = peer

    def unary_unary(self, path: str, *codecs: Any, **named: Any) -> Callable[..., MemoryCall]:
        return self._method(path, *codecs, **named)

    unary_stream = stream_unary = stream_stream = unary_unary

    async def close(self, grace: float | None = None) -> None:
        """Nothing is open."""

    def _method(
        self,
        path: str,
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        **_: Any,
    ) -> Callable[..., MemoryCall]:
        def invoke(
            request: Any = None, *, timeout: float | None = None, metadata: Iterable[tuple[str, Any]] = (), **_: Any
        ) -> MemoryCall:
            handler = self._handlers.get(path)
            serialize = request_serializer or (lambda data: data)
            call = MemoryCall(response_deserializer or (lambda data: data))
            transport = MemoryTransport()
            if handler is None:
                call.end(grpc.StatusCode.UNIMPLEMENTED, "Method not found!", transport)
                return call
            decode = decoder_of(handler.request_type)
            server_call = Call(
                method=handler.method,
                metadata=dict(metadata),
                transport=transport,
                peer=self._peer,
                deadline=None if timeout is None else time.monotonic() + timeout,
            )
            if handler.method.client_streaming:
                sent: Any = _decoded(request, serialize, decode)
            else:
                sent = decode(serialize(request))
            call.start(self._bound[path](sent, server_call), server_call, timeout)
            return call

        return invoke


class MemoryCall:
    """Looks like a `grpc.aio.Call` to whoever made it."""

    def __init__(self, deserialize: Callable[[bytes], Any]) -> None:
        self._deserialize = deserialize
        self._responses: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._status = (grpc.StatusCode.OK, "")
        self._transport = MemoryTransport()

    def start(self, running: Any, call: Call, timeout: float | None) -> None:
        self._task = asyncio.create_task(self._run(running, call, timeout))

    def end(self, code: grpc.StatusCode, details: str, transport: Any) -> None:
        self._status = (code, details)
        self._transport = transport
        self._ended.set()

    def cancel(self) -> bool:
        if self._ended.is_set() or self._task is None:
            return False
        self.end(grpc.StatusCode.CANCELLED, "Locally cancelled by application!", self._transport)
        self._task.cancel()
        return True

    async def code(self) -> grpc.StatusCode:
        await self._ended.wait()
        return self._status[0]

    async def details(self) -> str:
        await self._ended.wait()
        return self._status[1]

    async def initial_metadata(self) -> Metadata:
        return Metadata(*self._transport.headers)

    async def trailing_metadata(self) -> Metadata:
        await self._ended.wait()
        return Metadata(*self._transport.trailers)

    def __await__(self) -> Any:
        return self._one().__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (data := await self._next()) is not None:
            yield self._deserialize(data)
        self._raise()

    async def _one(self) -> Any:
        data = await self._next()
        await self._ended.wait()
        self._raise()
        return self._deserialize(data or b"")

    async def _next(self) -> bytes | None:
        getting = asyncio.create_task(self._responses.get())
        ending = asyncio.create_task(self._ended.wait())
        await asyncio.wait({getting, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if getting.done():
            return getting.result()
        getting.cancel()
        return None if self._responses.empty() else self._responses.get_nowait()

    def _raise(self) -> None:
        code, details = self._status
        if code is grpc.StatusCode.CANCELLED and self._task is not None and self._task.cancelling():
            raise asyncio.CancelledError
        if code is not grpc.StatusCode.OK:
            raise AioRpcError(
                code, Metadata(*self._transport.headers), Metadata(*self._transport.trailers), details=details
            )

    async def _run(self, running: Any, call: Call, limit: float | None) -> None:
        transport: Any = call.transport
        self._transport = transport
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        timers = []
        allowed = call.method.rule.timeout
        if limit is not None and limit <= allowed:
            timers.append(loop.call_later(limit, self._expire, task, transport))
        elif allowed != math.inf:
            call.deadline = time.monotonic() + allowed
            timers.append(loop.call_later(allowed, _expire_by_rule, call, task))
        try:
            await self._serve(running, call.method.server_streaming)
        except StatusError as error:
            transport.trailers = [(DETAILS, error.details), *transport.headers, *transport.trailers]
            transport.headers = []
            self._finish(_CODES[error.code], error.message, transport)
        except asyncio.CancelledError:
            transport.cancelled = True
            self._finish(grpc.StatusCode.CANCELLED, "", transport)
        else:
            self._finish(grpc.StatusCode.OK, "", transport)
        finally:
            for timer in timers:
                timer.cancel()
            for callback in transport.callbacks:
                callback()

    async def _serve(self, running: Any, streams: bool) -> None:
        if not streams:
            await self._responses.put(encode(await running))
            return
        try:
            async for response in running:
                await self._responses.put(encode(response))
        finally:
            await running.aclose()

    def _finish(self, code: grpc.StatusCode, details: str, transport: Any) -> None:
        if not self._ended.is_set():
            self.end(code, details, transport)

    def _expire(self, task: asyncio.Task[Any] | None, transport: Any) -> None:
        self._finish(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", transport)
        if task is not None:
            task.cancel()


def _expire_by_rule(call: Call, task: asyncio.Task[Any] | None) -> None:
    call.expired = True
    if task is not None:
        task.cancel()


async def _decoded(requests: Any, serialize: Any, decode: Any) -> AsyncIterator[Any]:
    if hasattr(requests, "__aiter__"):
        async for request in requests:
            yield decode(serialize(request))
        return
    for request in requests:
        yield decode(serialize(request))
