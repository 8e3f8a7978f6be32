"""The one grpc interceptor, which hands every call to the chain as a `Call`."""

from __future__ import annotations

import asyncio
import math
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from grpc_interceptor import AsyncServerInterceptor

from services.chassis.call import Call
from services.chassis.peer import peer_by_certificate, peer_by_sidecar
from services.chassis.transport.status import StatusError
from services.chassis.transport.table import FACTORIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.chassis.transport.table import Bound

DETAILS = "grpc-status-details-bin"
"""The trailer that carries an encoded `google.rpc.Status`."""

# grpc decodes all metadata anew whenever its context is asked. It has done so once by the time it looks for a handler.
_METADATA: ContextVar[Any] = ContextVar("metadata")
AHEAD_SECONDS = 0.01
"""How long before the client's deadline a call is ended, so that its typed error is there in time."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcTransport:
    """`chassis.call.Transport` over the context of grpc.aio."""

    __slots__ = ("cancelled", "context", "headers", "trailers")

    def __init__(self, context: Any) -> None:
        """Keep the context; nothing is sent yet."""
        self.context = context
        self.headers: list[tuple[str, str]] | None = None
        self.trailers: list[tuple[str, str | bytes]] | None = None
        self.cancelled = False

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Keep a header that goes out before the first message."""
        if self.headers is None:
            self.headers = []
        self.headers.append((name, value))

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Keep a trailer that goes out with the status."""
        if self.trailers is None:
            self.trailers = []
        self.trailers.append((name, value))

    def is_cancelled(self) -> bool:
        """Whether the client has gone away."""
        return self.cancelled

    def on_done(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once, when the call has ended."""
        self.context.add_done_callback(lambda _context: callback())

    async def flush_headers(self) -> None:
        """Send the kept headers, if any; more cannot follow."""
        if self.headers is not None:
            headers, self.headers = self.headers, None
            await self.context.send_initial_metadata(headers)

    async def refuse(self, error: StatusError) -> NoReturn:
        """End the call with an error.

        Headers that were not sent go as trailers: the answer then has no headers of its own, which is what Envoy
        turns into an HTTP error with a body, and there they are headers again.
        """
        trailers = [(DETAILS, error.details), *(self.headers or ()), *(self.trailers or ())]
        await self.context.abort(_CODES[error.code], error.message, tuple(trailers))
        raise error  # `abort` has raised already; this tells the type checker so


class ChainHost(AsyncServerInterceptor):
    """Makes a `Call` of what grpc knows, keeps its deadline, and runs the chain that is bound to its handler."""

    def __init__(self, *, behind_sidecar: bool = False, ending: asyncio.Event | None = None) -> None:
        """Take whether a sidecar does mTLS and names the peers, or grpc itself; and what is set when calls must end."""
        self._behind_sidecar = behind_sidecar
        self._ending = ending or asyncio.Event()
        self._hosted: dict[str, tuple[Any, Any]] = {}

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Find what serves a call (grpc's interface): wrapped once per handler, and not per call as the parent does."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        _METADATA.set(handler_call_details.invocation_metadata)
        path = handler_call_details.method
        known = self._hosted.get(path)
        if known is None or known[0] is not handler:
            # It is the first call of the method, or the first after its table was replaced.
            known = self._hosted[path] = handler, self._host(handler)
        return known[1]

    def _host(self, handler: Any) -> Any:
        bound = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream

        async def serve(request_or_iterator: Any, context: Any) -> Any:
            return await self.intercept(bound, request_or_iterator, context, bound.method.path)

        make = FACTORIES[handler.request_streaming, handler.response_streaming]
        return make(serve, handler.request_deserializer, handler.response_serializer)

    async def intercept(self, method: Any, request_or_iterator: Any, context: Any, method_name: str) -> Any:  # noqa: ARG002 - the interface's
        """Serve one call (grpc_interceptor's interface); None where the responses were written as a stream."""
        transport = GrpcTransport(context)
        call, timer = _begin(method, context, transport, behind_sidecar=self._behind_sidecar, ending=self._ending)
        response = None
        try:
            if method.streams:
                await _write_all(method.run(request_or_iterator, call), transport)
            else:
                response = await method.run(request_or_iterator, call)
        except StatusError as error:
            if timer is not None:
                timer.cancel()
            await transport.refuse(error)
        except asyncio.CancelledError:
            transport.cancelled = True
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if transport.headers is not None:
            await transport.flush_headers()
        if transport.trailers is not None:
            context.set_trailing_metadata(transport.trailers)
        return response


async def _write_all(responses: Any, transport: GrpcTransport) -> None:
    """Write a stream's responses; a cancellation while one is written reaches the handler at its `yield`."""
    write = transport.context.write
    try:
        async for response in responses:
            if transport.headers is not None:
                await transport.flush_headers()
            await write(response)
    finally:
        await responses.aclose()


def _begin(
    method: Bound, context: Any, transport: GrpcTransport, *, behind_sidecar: bool, ending: asyncio.Event
) -> tuple[Call, asyncio.TimerHandle | None]:
    """Make the Call, and a timer that ends it by the rule's timeout or just before the client's deadline.

    At the client's deadline itself grpc ends the call, and the edge its request: neither says why in a typed error.
    """
    timeout = method.timeout
    remaining = context.time_remaining()
    timer = None
    metadata = _read_metadata(_METADATA.get())
    peer = peer_by_sidecar(metadata) if behind_sidecar else peer_by_certificate(_identities_of(context))
    call = Call(method=method.method, metadata=metadata, transport=transport, peer=peer, ending=ending)
    timeout = time_allowed(timeout, remaining)
    if timeout != math.inf:
        timer = asyncio.get_running_loop().call_later(timeout, _expire, call, asyncio.current_task())
        call.deadline = time.monotonic() + timeout
    return call, timer


def time_allowed(timeout: float, remaining: float | None) -> float:
    """Return the seconds that a call may take by its rule, and by its client who waits for `remaining` seconds."""
    if remaining is None:
        return timeout
    return min(timeout, remaining - min(AHEAD_SECONDS, remaining / 10))


def _read_metadata(pairs: Any) -> dict[str, Any]:
    """Return the metadata by name; texts of one name are joined by commas (RFC 9110 §5.3).

    So of two tokens, nobody can be judged by one and served by the other: together they are none.
    """
    metadata = dict(pairs)
    if len(metadata) < len(pairs):
        metadata.clear()
        for name, value in pairs:
            known = metadata.get(name)
            metadata[name] = f"{known}, {value}" if isinstance(known, str) else value
    return metadata


def _expire(call: Call, task: asyncio.Task[Any] | None) -> None:
    call.expired = True
    if task is not None:
        task.cancel()


def _identities_of(context: Any) -> dict[str, Any]:
    """Return the one property that identifies the peer: all of them would bring its whole certificate along."""
    names = context.peer_identities()
    return {} if names is None else {context.peer_identity_key(): names}
