"""A service behind the edge: bare gRPC servers over mTLS, one per worker, and the HTTP endpoint with the keys."""

from __future__ import annotations

import http.server
import socketserver
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from services.meshgen.envoy.denials import DENIALS_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.chassis.contract import Contract

SERVICE = "tenon.toy.v1.ToyService"


class Toy:
    """Answers every RPC of the toy contract with what it saw, and keeps count."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.calls: list[str] = []
        self.streamed = 0
        self.cancelled = threading.Event()
        self.ask: Any = GetMessageClass(contract.pool.FindMessageTypeByName("tenon.toy.v1.Ask"))
        self.answer: Any = GetMessageClass(contract.pool.FindMessageTypeByName("tenon.toy.v1.Answer"))

    def handlers(self) -> dict[str, Any]:
        """Return what serves each method."""
        special = {"Count": self._count, "Gather": self._gather, "Nap": self._nap, "Fail": self._fail}
        found = {}
        for method in self._contract.methods.values():
            if method.service != SERVICE:
                continue
            kind = ("stream" if method.client_streaming else "unary") + (
                "_stream" if method.server_streaming else "_unary"
            )
            make = getattr(grpc, f"{kind}_rpc_method_handler")
            function = special.get(method.name, self._echo)
            found[method.name] = make(
                self._counted(method.path, function),
                request_deserializer=self.ask.FromString,
                response_serializer=self.answer.SerializeToString,
            )
        return found

    def _counted(self, path: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(path)
            return function(request, context)

        return counted

    def _echo(self, request: Any, context: grpc.ServicerContext) -> Any:
        peer: Any = context.auth_context().get("x509_subject_alternative_name", [b""])
        remaining = context.time_remaining()
        return self.answer(
            name=request.name,
            number=request.number,
            metadata={key: str(value) for key, value in context.invocation_metadata() or ()},
            remaining=0.0 if remaining is None or remaining > 1e6 else remaining,
            peer=peer[-1].decode(),
            text="x" * request.number if request.text == "long" else request.text,
        )

    def _nap(self, request: Any, context: grpc.ServicerContext) -> Any:
        ended = threading.Event()
        context.add_callback(ended.set)
        if request.number and ended.wait(request.number):
            self.cancelled.set()
        return self._echo(request, context)

    def _fail(self, request: Any, context: grpc.ServicerContext) -> Any:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.ErrorInfo(reason="TOY_BROKEN", domain="toy.tenon"))
        status = status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message="Broken.", details=[detail])
        context.abort_with_status(rpc_status.to_status(status))

    def _count(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        ended = threading.Event()
        context.add_callback(ended.set)
        text = "x" * 64 * 1024 if request.text == "long" else ""
        for number in range(request.number):
            self.streamed += 1
            yield self.answer(number=number, text=text)
        if request.text == "stay":
            ended.wait(30)
        if request.text == "fail":
            context.abort(grpc.StatusCode.INTERNAL, "Broken.")

    def _gather(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        return self.answer(number=sum(1 for _ in requests))


class Worker:
    """One gRPC server on one socket, with the certificate that lies in a folder when it starts."""

    def __init__(self, toy: Toy, socket: Path, certs: Path | None) -> None:
        self.socket = socket
        self._server = grpc.server(ThreadPoolExecutor(8))
        handler = grpc.method_handlers_generic_handler(SERVICE, toy.handlers())
        self._server.add_generic_rpc_handlers((handler,))
        servicer = health.HealthServicer()
        servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        reflection.enable_server_reflection((SERVICE,), self._server)
        socket.unlink(missing_ok=True)
        if certs is None:
            self._server.add_insecure_port(f"unix:{socket}")
        else:
            pair = ((certs / "key.pem").read_bytes(), (certs / "cert.pem").read_bytes())
            credentials = grpc.ssl_server_credentials(
                [pair], root_certificates=(certs / "ca.pem").read_bytes(), require_client_auth=True
            )
            self._server.add_secure_port(f"unix:{socket}", credentials)
        self._server.start()

    def kill(self) -> None:
        """End without grace: calls under way are cut, and the socket is gone."""
        self._server.stop(0).wait()
        self.socket.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An HTTP request, as it came to the service."""

    method: str
    """Its method."""
    path: str
    """Its path with the query."""
    headers: dict[str, str]
    """Its headers by their lower-case names."""
    body: bytes
    """Its body."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the service answers."""

    status: int = 200
    """The HTTP status."""
    headers: dict[str, str] = field(default_factory=dict)
    """The headers."""
    body: bytes = b""
    """The body."""


class HttpEndpoint:
    """Serves bytes per path over a Unix socket to whoever is of the mesh, and counts.

    `pages` are read by GET; what the edge tells of denied calls is gathered and answered by `take`; `answer` has all
    other requests. Both may be exchanged.
    """

    def __init__(self, socket: Path, certs: Path, pages: dict[str, Callable[[], bytes]]) -> None:
        self.served: list[str] = []
        self.asked: list[Asked] = []
        self.denials: list[Asked] = []
        self.answer: Callable[[Asked], Said] = lambda asked: Said(status=404)
        self.take: Callable[[Asked], Said] = lambda asked: Said()
        self._pages = pages
        socket.unlink(missing_ok=True)
        self._server = _Server(str(socket), self.serve)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certs / "ca.pem"))
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_cert_chain(certs / "cert.pem", certs / "key.pem")
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def serve(self, asked: Asked) -> Said:
        """Return the page, or what the test answers."""
        if asked.method == "GET" and asked.path in self._pages:
            self.served.append(asked.path)
            return Said(body=self._pages[asked.path]())
        if asked.path == DENIALS_PATH:
            self.denials.append(asked)
            return self.take(asked)
        self.asked.append(asked)
        return self.answer(asked)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, serve: Callable[[Asked], Said]) -> None:
        super().__init__(path, _Handler)
        self.serve = serve

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has gone: the edge cuts off what is too large."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_method(self) -> None:
        """Answer a request of any method."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(method=self.command, path=self.path, headers=headers, body=self._read_body())
        said = self.server.serve(asked)
        self.send_response(said.status)
        for name, value in {**said.headers, "content-length": str(len(said.body)), "connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)

    def _read_body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def log_message(self, *_: Any) -> None:
        return

    def address_string(self) -> str:
        return "unix"


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler.handle_method)
