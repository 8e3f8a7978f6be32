"""What every service process is told by its environment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from services.chassis.environment import SettingsError, load_settings, setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOCKET_PATH_LIMIT = 107
"""Bytes of a Unix socket's path that Linux takes."""

LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
"""Hosts that nobody outside the pod or the machine reaches."""

_MESHES = ("local", "sidecar")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_FORMATS = ("json", "text")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The frame's own settings. A service's own are a dataclass beside it, read by `load_settings` too."""

    contract: Path = setting("TENON_CONTRACT", shown=True)
    """The compiled contract, a FileDescriptorSet."""
    listen: str = setting("TENON_LISTEN", shown=True)
    """Where gRPC is served: `unix:/run/dir/data-0.sock` or `0.0.0.0:9090`."""
    http_listen: str = setting("TENON_HTTP_LISTEN", default="", shown=True)
    """Where /metrics, /healthz and the service's own pages are served, or empty for nowhere."""
    database_url: str = setting("TENON_DATABASE_URL", default="", secret=True)
    """The service's own Postgres role."""
    redis_url: str = setting("TENON_REDIS_URL", default="", secret=True)
    """The Redis for throttles, limits and revocations."""
    certs: Path | None = setting("TENON_CERTS", default=None, shown=True)
    """Folder with ca.pem, cert.pem and key.pem, exchanged as a whole; None for plaintext."""
    mesh: str = setting("TENON_MESH", default="local", shown=True)
    """Who does mTLS: `local` for this process, with `certs`; `sidecar` for the proxy of its pod (Istio)."""
    insecure: bool = setting("TENON_INSECURE", default=False, shown=True)
    """Whether plaintext is wanted, which only tests do."""
    allow_breaking: bool = setting("TENON_ALLOW_BREAKING", default=False, shown=True)
    """Whether a contract may break callers of the one before it. What would lose data is refused all the same."""
    trust_domain: str = setting("TENON_TRUST_DOMAIN", default="tenon.local", shown=True)
    """The SPIFFE trust domain whose workloads are believed."""
    namespace: str = setting("TENON_NAMESPACE", default="tenon", shown=True)
    """The namespace in the SPIFFE ids of our own workloads: one of the same name elsewhere is another."""
    issuer: str = setting("TENON_ISSUER", default="", shown=True)
    """Who issues access tokens: the edge's own URL."""
    audience: str = setting("TENON_AUDIENCE", default="tenon", shown=True)
    """For whom access tokens must be meant."""
    jwks: str = setting("TENON_JWKS", default="", shown=True)
    """Where auth's HTTP listener is: `unix:…` or a URL."""
    root_key: Path | None = setting("TENON_ROOT_KEY", default=None)
    """The keyring's file."""
    peers: str = setting("TENON_PEERS", default="", shown=True)
    """Endpoints of the other services: `auth=unix:/a;unix:/b,data=data:9090`."""
    worker: int = setting("TENON_WORKER", default=0, shown=True)
    """Number of this process among those of its service."""
    log_level: str = setting("TENON_LOG_LEVEL", default="INFO", shown=True)
    """DEBUG, INFO, WARNING or ERROR."""
    log_format: str = setting("TENON_LOG_FORMAT", default="json", shown=True)
    """json or text."""
    drain_seconds: float = setting("TENON_DRAIN_SECONDS", default=15.0, shown=True)
    """How long calls under way may still take when the process is asked to end."""
    otlp_endpoint: str = setting("OTEL_EXPORTER_OTLP_ENDPOINT", default="", shown=True)
    """Where traces and metrics are sent, or empty for nowhere (OpenTelemetry's own variable)."""

    def __post_init__(self) -> None:
        """Refuse what cannot work together.

        Raises:
            SettingsError: naming every such variable.
        """
        problems = [*self._endpoint_problems(), *self._choice_problems(), *self._mesh_problems()]
        if self.worker < 0:
            problems.append("TENON_WORKER: negative. Mend: number the workers from 0.")
        if problems:
            raise SettingsError(tuple(problems))

    @property
    def behind_sidecar(self) -> bool:
        """Whether the proxy of the pod does mTLS and tells who calls."""
        return self.mesh == "sidecar"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment.

        Raises:
            SettingsError: with all problems at once.
        """
        return load_settings(cls, environ)

    @cached_property
    def peer_endpoints(self) -> dict[str, tuple[str, ...]]:
        """The endpoints of the other services, by name."""
        return {
            name.strip(): tuple(part.strip() for part in endpoints.split(";") if part.strip())
            for name, _, endpoints in (entry.partition("=") for entry in self.peers.split(",") if entry.strip())
        }

    def _endpoint_problems(self) -> list[str]:
        problems = [
            problem
            for variable, endpoint in (("TENON_LISTEN", self.listen), ("TENON_HTTP_LISTEN", self.http_listen))
            if endpoint and (problem := _endpoint_problem(variable, endpoint))
        ]
        for name, endpoints in self.peer_endpoints.items():
            if not name or not endpoints:
                entry = name or "an entry"
                problems.append(f"TENON_PEERS: {entry} has no endpoint. Mend: write name=endpoint;endpoint.")
            problems.extend(p for e in endpoints if (p := _endpoint_problem("TENON_PEERS", e)))
        return problems

    def _mesh_problems(self) -> list[str]:
        if self.behind_sidecar:
            return list(self._sidecar_problems())
        if self.certs is not None or self.insecure:
            return []
        mend = "name the folder with ca.pem, cert.pem and key.pem (TENON_INSECURE=1 serves plaintext, for tests only)."
        return [f"TENON_CERTS is not set. Mend: {mend}"]

    def _sidecar_problems(self) -> Iterator[str]:
        if self.certs is not None or self.insecure:
            yield "TENON_MESH=sidecar leaves mTLS to the sidecar. Mend: unset TENON_CERTS and TENON_INSECURE."
        # Whoever could get around the sidecar would write the header that names the caller.
        if not self.listen.startswith("unix:") and self.listen.rpartition(":")[0] not in LOOPBACK:
            yield f"TENON_LISTEN: {self.listen} can be reached around the sidecar. Mend: listen on 127.0.0.1."

    def _choice_problems(self) -> list[str]:
        problems = []
        if self.mesh not in _MESHES:
            problems.append(f"TENON_MESH: {self.mesh} is no mesh. Mend: one of {', '.join(_MESHES)}.")
        if self.log_level not in _LEVELS:
            problems.append(f"TENON_LOG_LEVEL: {self.log_level} is no level. Mend: one of {', '.join(_LEVELS)}.")
        if self.log_format not in _FORMATS:
            problems.append(f"TENON_LOG_FORMAT: {self.log_format} is no format. Mend: one of {', '.join(_FORMATS)}.")
        return problems


def _endpoint_problem(variable: str, endpoint: str) -> str | None:
    if endpoint.startswith("unix:"):
        path = endpoint.removeprefix("unix:")
        if not path.startswith("/"):
            return f"{variable}: {endpoint} is not absolute. Mend: write unix:/folder/name.sock."
        if len(path.encode()) > SOCKET_PATH_LIMIT:
            return f"{variable}: {path} is longer than {SOCKET_PATH_LIMIT} bytes. Mend: use a shorter folder."
        return None
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdigit():
        return f"{variable}: {endpoint} is no endpoint. Mend: write unix:/folder/name.sock or host:port."
    return None
