"""Whether this process serves, by grpc.health.v1."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from grpc_health.v1 import health_pb2 as _health_pb2

from services.chassis.contract import Idempotency, Method, Public, Rule
from services.chassis.errors import NotFound
from services.chassis.transport import Handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from services.chassis.call import Call

SERVICE = "grpc.health.v1.Health"
"""Its name, which no contract of ours carries."""

health_pb2: Any = _health_pb2
"""The wheel's messages; its published types lack those of List."""

_SERVING: int = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: int = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: int = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class ServiceUnknown(NotFound):
    """Nobody here serves a service of that name."""

    reason = "SERVICE_UNKNOWN"


class Health:
    """The state of all services of the process, which start and stop together."""

    def __init__(self) -> None:
        """Begin as not serving."""
        self._names: frozenset[str] = frozenset({""})
        self._serving = False
        self._ended = False
        self._changed = asyncio.Event()

    @property
    def is_serving(self) -> bool:
        """Whether calls are welcome."""
        return self._serving

    def name_services(self, names: Iterable[str]) -> None:
        """Take the names of what is served; the empty name stands for the process."""
        self._names = frozenset({"", *names})
        self._notify()

    def set_serving(self) -> None:
        """Welcome calls from now on."""
        self._serving = not self._ended
        self._notify()

    def set_draining(self) -> None:
        """Welcome no further calls, for good."""
        self._serving = False
        self._ended = True
        self._notify()

    async def check(self, request: Any, call: Call) -> Any:
        """Serve Check."""
        del call
        status = self._status(request.service)
        if status == _UNKNOWN:
            raise ServiceUnknown(f"No service {request.service} is here.", metadata={"service": request.service})
        return health_pb2.HealthCheckResponse(status=status)

    async def list(self, request: Any, call: Call) -> Any:
        """Serve List."""
        del request, call
        response = health_pb2.HealthListResponse()
        for name in self._names:
            response.statuses[name].status = self._status(name)
        return response

    async def watch(self, request: Any, call: Call) -> AsyncIterator[Any]:
        """Serve Watch: the state now, and whenever it changes, until the process ends."""
        del call
        last = None
        while True:
            changed = self._changed
            status = self._status(request.service)
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
                last = status
            if self._ended:
                return
            await changed.wait()

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers, by path."""
        rule = Rule(access=Public(reason="Probes carry no token."))
        watching = Rule(access=Public(reason="Probes carry no token."), timeout=math.inf)
        check, watch = health_pb2.HealthCheckRequest, health_pb2.HealthCheckRequest
        made = (
            Handler(method=built_in(SERVICE, "Check", rule), request_type=check, function=self.check),
            Handler(
                method=built_in(SERVICE, "List", rule), request_type=health_pb2.HealthListRequest, function=self.list
            ),
            Handler(
                method=built_in(SERVICE, "Watch", watching, server_streaming=True),
                request_type=watch,
                function=self.watch,
            ),
        )
        return {handler.method.path: handler for handler in made}

    def _status(self, name: str) -> int:
        if name not in self._names:
            return _UNKNOWN
        return _SERVING if self._serving else _NOT_SERVING

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def built_in(
    service: str, name: str, rule: Rule, *, client_streaming: bool = False, server_streaming: bool = False
) -> Method:
    """Return a method of the chassis's own, whose rule is fixed since its contract carries none."""
    return Method(
        path=f"/{service}/{name}",
        name=name,
        service=service,
        host="",
        input="",
        output="",
        client_streaming=client_streaming,
        server_streaming=server_streaming,
        rule=rule,
        bindings=(),
        idempotency=Idempotency.NO_SIDE_EFFECTS,
        standard=None,
        comment="",
    )
