"""What a FastAPI service has to do itself to match ours: permission, request id, metrics and request log.

Token, histogram and log line are done by the chassis's own parts, so that both sides pay the same for them. As ours,
it makes no span where nobody collects any, and takes the id of the caller's trace over to the log.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from services.chassis.jwks import Jwks
from services.chassis.logs import AccessLog, quote
from services.chassis.revocations import NothingRevoked
from services.chassis.telemetry import set_up_telemetry
from services.chassis.tokens import TokenVerifier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.chassis.tokens import Claims

    Asgi = Callable[[Any, Any, Any], Awaitable[None]]

CALLER: ContextVar[Claims | None] = ContextVar("caller", default=None)
"""Who calls, for the log line."""


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int) -> None:
        """Take the HTTP status."""
        super().__init__(status)
        self.status = status


class Tokens:
    """Checks tokens, and remembers those that were good, by the verifier that ours has."""

    def __init__(self, jwks: str, *, issuer: str, audience: str) -> None:
        """Take the issuer's keys, its name, and for whom tokens must be meant."""

        async def fetch() -> bytes:
            return jwks.encode()

        self._verifier = TokenVerifier(
            keys=Jwks(fetch=fetch), revoked=NothingRevoked(), issuer=issuer, audience=audience
        )

    async def check(self, header: str | None) -> Claims:
        """Return what the token in an authorization header says; raises Refused."""
        if header is None or not header.startswith("Bearer "):
            raise Refused(401)
        try:
            return await self._verifier.verify(header[7:])
        except Exception as error:
            raise Refused(401) from error


def covering(permission: str) -> frozenset[str]:
    """Return the patterns of which one must be granted."""
    service, resource, _ = permission.split(".")
    return frozenset((permission, f"{service}.{resource}.*", f"{service}.*", "*"))


def allow(claims: Claims, patterns: frozenset[str]) -> None:
    """Raise Refused where no granted pattern covers the permission; keep the caller for the log."""
    if patterns.isdisjoint(claims.permissions):
        raise Refused(403)
    CALLER.set(claims)


class Observed:
    """ASGI middleware with a measurement and a line of JSON for each request."""

    def __init__(self, app: Asgi) -> None:
        """Take the application within."""
        self._app = app
        self._access = AccessLog(service="rival", worker=0)
        self._telemetry = set_up_telemetry(service="rival", worker=0, access=self._access, otlp=False)
        self._recorders: dict[tuple[str, str, str], Callable[[float], None]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        status = 500

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watch)
        seconds = time.perf_counter() - started
        self._recorder(scope, status)(seconds)
        line = _line(f"{scope['method']} {scope['path']}", status, seconds, headers)
        self._access.write(time.time(), line, asyncio.get_running_loop())

    def _recorder(self, scope: Any, status: int) -> Callable[[float], None]:
        key = (scope["method"], getattr(scope.get("route"), "path", ""), str(status))
        recorder = self._recorders.get(key)
        if recorder is None:
            attributes = dict(zip(("method", "route", "status"), key, strict=True))
            recorder = self._recorders[key] = self._telemetry.duration.bind(attributes)
        return recorder


def _line(what: str, status: int, seconds: float, headers: dict[bytes, bytes]) -> str:
    request_id = headers.get(b"x-request-id", b"").decode("latin-1") or os.urandom(16).hex()
    line = f'"method":{quote(what)},"code":{status},"ms":{seconds * 1000:.3f},"request_id":{quote(request_id)}'
    if (caller := CALLER.get()) is not None:
        line = f'{line},"subject":{quote(caller.subject)},"organization":{quote(caller.organization)}'
    if (trace := headers.get(b"traceparent")) is not None:
        line = f'{line},"trace_id":{quote(trace[3:35].decode("latin-1"))}'
    return line
