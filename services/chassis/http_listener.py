"""The HTTP side of a process: /metrics, /healthz, and pages whose standard is HTTP itself."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route, Router

from services.chassis.endpoint import clear_stale_socket, prepare_socket
from services.chassis.peer import FORWARDED, peer_by_sidecar
from services.chassis.telemetry import METRICS_TYPE

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Receive, Scope, Send

    from services.chassis.telemetry import Telemetry

_GRACE_SECONDS = 5
_PEER = "peer"


class _Server(uvicorn.Server):
    """uvicorn on a socket of ours, without its signal handlers and the loop that wakes ten times a second."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections on the given sockets."""
        self.lifespan = self.config.lifespan_class(self.config)
        self.server_state.default_headers = self.config.encoded_headers
        loop = asyncio.get_running_loop()
        protocol = functools.partial(
            _knowing_peers(self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state={},
        )
        self.servers = []
        for one in sockets or ():
            create: Any = loop.create_unix_server if one.family == socket.AF_UNIX else loop.create_server
            self.servers.append(await create(protocol, sock=one, ssl=self.config.ssl))
        self.started = True


class _Router(Router):
    """Finds by one look-up what has a fixed path; Starlette tries all routes in turn."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        super().__init__(routes=routes)
        self._fixed: dict[str, list[Route]] = {}
        for route in routes:
            if isinstance(route, Route) and not route.param_convertors:
                self._fixed.setdefault(route.path, []).append(route)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        for route in self._fixed.get(scope.get("path", ""), ()):
            match, matched = route.matches(scope)
            if match is Match.FULL:
                scope.update(matched, route=route)
                await route.handle(scope, receive, send)
                return
        await super().app(scope, receive, send)


def _knowing_peers(protocol_class: Any) -> Any:
    """Return the protocol with the identity of each connection's other end in the state of its requests."""

    class Knowing(protocol_class):  # type: ignore[misc]
        """Such a protocol."""

        app_state: dict[str, Any]

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            certificate = (transport.get_extra_info("peercert") or {}) if self.config.ssl else {}
            uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
            # A certificate with several has no SPIFFE id (SPIFFE X.509-SVID §2).
            state: dict[str, Any] = self.app_state
            self.app_state = {**state, _PEER: uris[0] if len(uris) == 1 else ""}

    return Knowing


def peer_of(scope: Scope) -> str:
    """Return the SPIFFE id that the other end of a request's connection has proven to us or our sidecar, or empty."""
    return str(scope.get("state", {}).get(_PEER, ""))


def behind_sidecar(app: ASGIApp) -> ASGIApp:
    """Return the application for where the sidecar has proven who the other end is, and nobody gets around it."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        found = peer_by_sidecar({FORWARDED: headers.get(FORWARDED.encode(), b"").decode("latin-1")})
        await app({**scope, "state": {**scope.get("state", {}), _PEER: found}}, receive, send)

    return named


def build_app(*, routes: Sequence[BaseRoute], telemetry: Telemetry, is_serving: Callable[[], bool]) -> Starlette:
    """Return the application: the chassis's two pages, then the service's own."""

    async def metrics(request: Request) -> Response:
        del request
        return Response(telemetry.render_metrics(), media_type=METRICS_TYPE)

    async def healthz(request: Request) -> Response:
        del request
        return PlainTextResponse("ok\n") if is_serving() else PlainTextResponse("not serving\n", status_code=503)

    app = Starlette()
    app.router = _Router([Route("/metrics", metrics), Route("/healthz", healthz), *routes])
    return app


@contextlib.asynccontextmanager
async def serve_http(app: ASGIApp, endpoint: str, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """Serve the application at `unix:/path` or `host:port` for as long as the block runs.

    Raises:
        EndpointInUse: Where somebody else listens there.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # Whoever wants to know where a client is reads the edge's headers for itself, and asks whose they are.
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    config.load()
    config.ssl = tls
    server = _Server(config)
    sockets = [prepare_socket(endpoint)]
    await server.startup(sockets)
    try:
        yield
    finally:
        await server.shutdown(sockets)
        clear_stale_socket(endpoint)
