"""Where the processes of a running Tenon are: what meshgen must know beside the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from services.chassis.repository import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GRPC_PORT = 9090
"""Where a service answers gRPC in a cluster."""

HTTP_PORT = 9091
"""Where a service answers HTTP (metrics, health, and what its own standards ask for) in a cluster."""

EDGE_PORT = 8080
"""Where the edge answers everything."""

LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")
"""The browser origins of somebody who develops on this machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """One way to run Tenon: endpoints, identities and limits of the edge.

    An endpoint is `unix:/path` or `host:port`. Each worker process is an endpoint of its own.
    """

    folder: str
    """Where Envoy finds the files that `generate` makes."""
    address: str
    """The address that the edge listens on."""
    port: int
    """The port that the edge listens on."""
    grpc: Mapping[str, tuple[str, ...]]
    """The gRPC endpoints of each service, by its name."""
    http: Mapping[str, tuple[str, ...]]
    """The HTTP endpoints of each service, by its name."""
    issuer: str
    """Who issues the tokens that are taken (`iss`)."""
    audience: str
    """Whom the tokens must be for (`aud`)."""
    trust_domain: str
    """The trust domain of SPIFFE identities."""
    admin: str
    """Path of the socket that Envoy's own administration listens on."""
    namespace: str = "tenon"
    """The namespace in SPIFFE identities, and in a cluster that of all manifests."""
    certs: str = ""
    """The folder with the edge's ca.pem, cert.pem and key.pem; empty where something else does mTLS (Istio)."""
    certs_watch: str = ""
    """The folder in which something is renamed when the certificates rotate; the parent of `certs` when empty."""
    one_volume: bool = False
    """Whether all files are swapped at once by a rename in `folder` itself, as Kubernetes does with a volume."""
    cors_origins: tuple[str, ...] = ()
    """The origins of browsers that may call; `*` stands for any text without a slash."""
    ops_address: str = "127.0.0.1"
    """The address of the operators' listener."""
    ops_port: int = 0
    """The port of the operators' listener (metrics); none when zero."""
    otlp: str = ""
    """Endpoint of an OpenTelemetry collector (gRPC); no tracing when empty."""
    trusted_hops: int = 0
    """How many proxies in front of the edge are trusted to say the client's address."""
    jwks_service: str = "auth"
    """The service whose HTTP endpoint has the token keys."""
    jwks_cache: float = 300.0
    """Seconds that token keys are kept before they are fetched anew: publish a key that long before it signs."""
    reflection_service: str = "data"
    """The service that answers reflection and health for all."""
    max_request_bytes: int = 16 * 1024 * 1024
    """The largest request body that passes."""
    max_connections: int = 4096
    """How many clients may be connected at once."""
    max_heap_bytes: int = 1024 * 1024 * 1024
    """The memory at which the edge begins to refuse work."""
    headers_timeout: float = 5.0
    """Seconds in which a client must have sent its headers."""
    request_timeout: float = 30.0
    """Seconds in which a client must have sent its whole request, unless an answer has begun."""
    root: str = "/app"
    """The folder that Tenon is installed in, as Envoy sees it: the pages that it serves are there."""
    documents: str = "/app/gen"
    """The folder of the documents that Envoy serves, such as openapi.yaml."""
    graphiql: str = ""
    """The folder of GraphiQL's own files; there is no `/graphiql/` when empty."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What Envoy reports of itself in its statistics and traces (node metadata)."""

    def identity(self, workload: str) -> str:
        """Return the SPIFFE id of a workload."""
        return f"spiffe://{self.trust_domain}/ns/{self.namespace}/sa/{workload}"

    @classmethod
    def laptop(
        cls,
        *,
        home: PurePath,
        run: PurePath,
        workers: Mapping[str, int],
        address: str = "127.0.0.1",
        port: int = EDGE_PORT,
        issuer: str = "",
        audience: str = "tenon",
        trust_domain: str = "tenon.local",
        certs: PurePath | None = None,
        cors_origins: tuple[str, ...] = LOCAL_ORIGINS,
        ops_port: int = 0,
        otlp: str = "",
        root: PurePath = REPOSITORY,
        graphiql: str = "",
    ) -> Topology:
        """Return the topology of one machine.

        `home` is the state folder (`.tenon`), `run` the short folder of sockets, `workers` says how many processes
        each service has. Sockets are `NAME-INDEX.sock` and `NAME-INDEX.http.sock`, and the edge's certificate is in
        `certs/edge/current`, a link that is swapped when it is renewed.
        """
        return cls(
            folder=str(home / "envoy"),
            address=address,
            port=port,
            grpc={n: tuple(f"unix:{run / f'{n}-{i}.sock'}" for i in range(count)) for n, count in workers.items()},
            http={n: tuple(f"unix:{run / f'{n}-{i}.http.sock'}" for i in range(count)) for n, count in workers.items()},
            issuer=issuer or f"http://localhost:{port}",
            audience=audience,
            trust_domain=trust_domain,
            admin=str(run / "admin.sock"),
            certs=str(certs if certs is not None else home / "certs" / "edge" / "current"),
            cors_origins=cors_origins,
            ops_port=ops_port,
            otlp=otlp,
            root=str(root),
            documents=str(home / "envoy" / "pages"),
            graphiql=graphiql,
        )

    @classmethod
    def cluster(
        cls,
        *,
        hosts: Iterable[str],
        namespace: str = "tenon",
        issuer: str = "https://tenon.example",
        audience: str = "tenon",
        cors_origins: tuple[str, ...] = (),
        otlp: str = "",
    ) -> Topology:
        """Return the topology of a cluster under Istio, whose sidecars do mTLS and balance between pods."""
        names = sorted({*hosts, "auth", "data"})
        return cls(
            folder="/etc/envoy",
            address="0.0.0.0",
            port=EDGE_PORT,
            grpc={name: (f"{name}.{namespace}.svc.cluster.local:{GRPC_PORT}",) for name in names},
            http={name: (f"{name}.{namespace}.svc.cluster.local:{HTTP_PORT}",) for name in names},
            issuer=issuer,
            audience=audience,
            trust_domain="cluster.local",
            admin="/run/envoy/admin.sock",
            namespace=namespace,
            one_volume=True,
            cors_origins=cors_origins,
            ops_address="0.0.0.0",
            ops_port=9901,
            otlp=otlp,
            trusted_hops=1,
        )

    def watch(self, path: str) -> str:
        """Return the folder in which a rename tells of a new version of one of our files."""
        return self.folder if self.one_volume else str(PurePath(self.folder, path).parent)
