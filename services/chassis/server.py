"""Runs a service: builds it on the frame, serves it, and drains it when it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import grpc
import uvloop

from services.chassis.audit import AuditTrail
from services.chassis.clients import MESSAGE_LIMIT, Clients
from services.chassis.contract import read_contract
from services.chassis.endpoint import EndpointInUse, clear_stale_socket
from services.chassis.environment import SettingsError
from services.chassis.frame import Frame, Wire, Wiring
from services.chassis.health import Health
from services.chassis.http_listener import behind_sidecar, build_app, serve_http
from services.chassis.interceptors import Verifier, standard_chain
from services.chassis.jwks import JWKS_PATH, Jwks, http_fetch
from services.chassis.logs import AccessLog, set_up_logs
from services.chassis.recorder import recorder_of
from services.chassis.reflection import Reflection
from services.chassis.refusal import EXIT_REFUSED, StartRefused
from services.chassis.revocations import http_revocations
from services.chassis.settings import Settings
from services.chassis.telemetry import set_up_telemetry
from services.chassis.tls import CertificateFolder
from services.chassis.tokens import TokenVerifier
from services.chassis.transport import ChainHost, Handler, HandlerTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from services.chassis.contract import Contract
    from services.chassis.frame import Task

_LOG = logging.getLogger(__name__)

METADATA_LIMIT = 128 * 1024
"""Bytes of a call's headers: the 64 KiB that the edge takes, what it adds, and 32 for each header as HTTP/2 counts."""

_LAST_WORDS = 2.0
"""Seconds in which the last audit events are sent."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    # What the edge lets through must not fail here by chance, as it does from grpc's 8 KiB on.
    ("grpc.max_metadata_size", METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", METADATA_LIMIT),
    # Two processes on one port would share its connections; each worker is an endpoint of its own.
    ("grpc.so_reuseport", 0),
)


def serve(*, name: str, wire: Wire, environ: Mapping[str, str]) -> int:
    """Run the service until it is asked to end by SIGTERM or SIGINT, and return the exit code.

    0 after a graceful drain, 1 where a background task crashed or the start failed, 78 for what a person has to mend.
    """
    started = time.monotonic()
    try:
        settings = Settings.from_environ(environ)
        set_up_logs(service=name, worker=settings.worker, level=settings.log_level, form=settings.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(name, wire, environ, settings, started))
    except asyncio.CancelledError:
        return 0
    except StartRefused as error:
        print(f"{name} cannot start:\n{error}", file=sys.stderr)  # noqa: T201 - logs may not be set up yet
        return EXIT_REFUSED
    except Exception:  # noqa: BLE001 - logged as a line like any other, and the process ends
        _LOG.critical("%s ends", name, exc_info=True)
        return 1


class Process:
    """One service process while it runs."""

    def __init__(self, name: str, environ: Mapping[str, str], settings: Settings, contract: Contract) -> None:
        """Make everything that needs no wiring; nothing listens yet."""
        self.settings = settings
        self.certs = CertificateFolder(settings.certs) if settings.certs else None
        access = AccessLog(service=name, worker=settings.worker, enabled=settings.log_level in {"DEBUG", "INFO"})
        self.telemetry = set_up_telemetry(
            service=name, worker=settings.worker, access=access, otlp=bool(settings.otlp_endpoint)
        )
        self.health = Health()
        self.reflection = Reflection(contract)
        self.clients = Clients(settings, contract, self.certs)
        self.audit = AuditTrail(recorder_of(self.clients, contract))
        self.audit.measure(self.telemetry)
        self.table: HandlerTable | None = None
        self.frame = Frame(
            name=name,
            settings=settings,
            environ=environ,
            contract=contract,
            clients=self.clients,
            telemetry=self.telemetry,
            audit=self.audit,
            publish=self.publish,
        )

    def open_table(self, wiring: Wiring, verifier: Verifier) -> HandlerTable:
        """Bind the service's handlers, and the chassis's own beside them."""
        chain = standard_chain(
            telemetry=self.telemetry,
            verifier=verifier,
            audit=self.audit,
            trust_domain=self.settings.trust_domain,
            namespace=self.settings.namespace,
        )
        self.table = HandlerTable(chain.bind, self._with_own(wiring.handlers))
        self.health.name_services({handler.method.service for handler in wiring.handlers.values()})
        return self.table

    def publish(self, contract: Contract, handlers: Mapping[str, Handler]) -> None:
        """Serve another contract and other handlers, or raise and go on as before."""
        if self.table is None:
            raise RuntimeError("Nothing is served yet. Mend: return the handlers in the Wiring.")
        reflection = Reflection(contract)
        self.table.replace({**self._with_own(handlers), **reflection.handlers()})
        self.reflection = reflection
        self.frame.contract = contract
        self.clients.follow(contract)
        self.health.name_services({handler.method.service for handler in handlers.values()})

    def _with_own(self, handlers: Mapping[str, Handler]) -> dict[str, Handler]:
        return {**handlers, **self.health.handlers(), **self.reflection.handlers()}


async def _run(name: str, wire: Wire, environ: Mapping[str, str], settings: Settings, started: float) -> int:
    contract = _read_contract(settings)
    process = Process(name, environ, settings, contract)
    stop = _watch_signals(process.health)
    try:
        async with wire(process.frame) as wiring:
            return await _serve(process, wiring, stop, started)
    finally:
        await process.clients.close()
        await asyncio.to_thread(process.telemetry.close)


def _read_contract(settings: Settings) -> Contract:
    try:
        return read_contract(settings.contract)
    except OSError as error:
        problem = f"TENON_CONTRACT: {settings.contract}: {error.strerror}. Mend: write it with `tenon gen`."
        raise SettingsError((problem,)) from error


async def _serve(process: Process, wiring: Wiring, stop: asyncio.Event, started: float) -> int:
    settings = process.settings
    verifier, tasks = _verifier(process, wiring)
    if wiring.recorder is not None:
        process.audit.send_to(wiring.recorder)
    table = process.open_table(wiring, verifier)
    async with contextlib.AsyncExitStack() as stack:
        if settings.http_listen:
            tls = process.certs.server_context() if process.certs else None
            app = build_app(
                routes=wiring.http, telemetry=process.telemetry, is_serving=lambda: process.health.is_serving
            )
            served = behind_sidecar(app) if settings.behind_sidecar else app
            await stack.enter_async_context(serve_http(served, settings.http_listen, tls))
        ending = asyncio.Event()
        server = await stack.enter_async_context(
            serve_grpc(table, settings.listen, process.certs, behind_sidecar=settings.behind_sidecar, ending=ending)
        )
        supervisor = await stack.enter_async_context(_supervise((process.audit.run, *tasks, *wiring.tasks)))
        # What is there by now stays. A collection that walked it all would hold up every call for a tenth of a second.
        gc.freeze()
        process.health.set_serving()
        _LOG.info(
            "ready",
            extra={
                "listen": settings.listen,
                "seconds": round(time.monotonic() - started, 3),
                "methods": len(table.paths),
            },
        )
        crashed = await _wait_for_end(stop, supervisor)
        process.health.set_draining()
        ending.set()
        _LOG.info("draining")
        await server.stop(settings.drain_seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.audit.flush(), _LAST_WORDS)
    _LOG.info("ended")
    return 1 if crashed else 0


@contextlib.asynccontextmanager
async def serve_grpc(
    table: HandlerTable,
    endpoint: str,
    certs: CertificateFolder | None,
    *,
    behind_sidecar: bool = False,
    ending: asyncio.Event | None = None,
) -> AsyncIterator[grpc.aio.Server]:
    """Serve a table at `unix:/path` or `host:port` for as long as the block runs.

    Peers are those of our own mTLS, or those that a sidecar names. `ending` is set once streams are to end by
    themselves.

    Raises:
        EndpointInUse: Where somebody else listens there.
    """
    clear_stale_socket(endpoint)
    host = ChainHost(behind_sidecar=behind_sidecar, ending=ending)
    server = grpc.aio.server(interceptors=(host,), options=_OPTIONS)
    server.add_generic_rpc_handlers((table,))
    try:
        if certs is None:
            server.add_insecure_port(endpoint)
        else:
            server.add_secure_port(endpoint, certs.server_credentials())
    except RuntimeError as error:
        raise EndpointInUse(f"Cannot listen on {endpoint}. Mend: stop whoever uses it, or name another.") from error
    await server.start()
    try:
        yield server
    finally:
        await server.stop(0)


def _verifier(process: Process, wiring: Wiring) -> tuple[Verifier, tuple[Task, ...]]:
    """Return what checks tokens, and the loops that keep its keys fresh and what was revoked."""
    if wiring.verifier is not None:
        return wiring.verifier, ()
    settings = process.settings
    keys = Jwks(fetch=http_fetch(settings.jwks, certs=settings.certs))
    revoked = http_revocations(settings.jwks.removesuffix(JWKS_PATH), certs=settings.certs)
    revoked.measure(process.telemetry)
    verifier = TokenVerifier(keys=keys, revoked=revoked, issuer=settings.issuer, audience=settings.audience)
    return verifier, (keys.run, revoked.run) if settings.jwks else ()


@contextlib.asynccontextmanager
async def _supervise(tasks: tuple[Task, ...]) -> AsyncIterator[set[asyncio.Task[None]]]:
    running = {asyncio.create_task(task(), name=getattr(task, "__qualname__", repr(task))) for task in tasks}
    try:
        yield running
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _wait_for_end(stop: asyncio.Event, running: set[asyncio.Task[None]]) -> bool:
    """Wait until the process is asked to end or a background task crashes, and return whether one did."""
    stopping = asyncio.create_task(stop.wait())
    pending: set[asyncio.Task[Any]] = {stopping, *running}
    while True:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            if not task.cancelled() and (error := task.exception()) is not None:
                _LOG.critical("the background task %s crashed; this process ends", task.get_name(), exc_info=error)
                stopping.cancel()
                return True
        if stopping in done:
            return False


def _watch_signals(health: Health) -> asyncio.Event:
    """Return what is set when the process is asked to end; a start that is under way is broken off."""
    stop = asyncio.Event()
    main = asyncio.current_task()

    def ask() -> None:
        if main is not None and not health.is_serving and not stop.is_set():
            main.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ask)
    return stop
