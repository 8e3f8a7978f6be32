"""The table of handlers behind one generic gRPC handler, replaced as a whole while calls are under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from services.chassis.transport.handlers import Handler, Stream, Unary, decoder_of, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.contract import Method

Bind = Callable[[Handler], Unary | Stream]
"""Puts the interceptors around a handler's function, once."""

_Method = Any
"""grpc's own record of a handler: four functions, one of which is set."""

FACTORIES: dict[tuple[bool, bool], Callable[..., _Method]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}
"""Makes grpc's record of a handler, by whether the client streams and whether the server does."""


class Bound:
    """A handler with its interceptors around it: what is left to do per call."""

    __slots__ = ("method", "run", "streams", "timeout")

    def __init__(self, method: Method, run: Any) -> None:
        """Keep what every call of the method needs."""
        self.method = method
        self.run = run
        self.timeout = method.rule.timeout
        self.streams = method.server_streaming

    def __call__(self, request: Any, call: Any) -> Any:
        """Run the whole chain."""
        return self.run(request, call)


class HandlerTable(grpc.GenericRpcHandler):
    """Serves whatever is in it; `replace` swaps all of it between two calls."""

    def __init__(self, bind: Bind, handlers: Mapping[str, Handler] | None = None) -> None:
        """Bind the first handlers."""
        self._bind = bind
        self._bound: dict[str, _Method] = {}
        self.replace(handlers or {})

    def replace(self, handlers: Mapping[str, Handler]) -> None:
        """Serve these handlers, by path, and no others; calls under way end on the old ones.

        Everything is bound before anything is swapped, so that a failure leaves the table as it was.
        """
        self._bound = {path: self._bind_one(handler) for path, handler in handlers.items()}

    @property
    def paths(self) -> frozenset[str]:
        """The paths that are served now."""
        return frozenset(self._bound)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Method | None:
        """Find the handler of a call (grpc's interface)."""
        return self._bound.get(handler_call_details.method)

    def _bind_one(self, handler: Handler) -> _Method:
        method = handler.method
        return FACTORIES[method.client_streaming, method.server_streaming](
            Bound(method, self._bind(handler)),
            request_deserializer=decoder_of(handler.request_type),
            response_serializer=encode,
        )
