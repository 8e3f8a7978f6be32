"""The cluster file: where each service's workers are, and how the edge knows and trusts them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.meshgen.envoy.render import Node, duration, typed
from services.meshgen.envoy.secrets import upstream_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.meshgen.topology import Topology

NOWHERE = "nowhere"
"""The cluster without endpoints that takes what no route names, after it has been denied."""

PUBLIC_BUDGET = "HIGH"
"""The budget of calls that need no token. Envoy calls it a priority, and prefers nobody by it."""

ADMIN = "edge-admin"
OTLP = "otlp"

OTLP_PORT = 4317
"""Where a collector takes gRPC when nothing else is said."""

BUFFER_BYTES = 32 * 1024
"""What is buffered per connection before the other side is slowed down."""


MAX_CALLS = 4096
"""Calls under way in one service that came with a token."""

MAX_PUBLIC_CALLS = 512
"""Calls under way in one service that need no token: nobody who lets them pile up keeps those out who have one."""


def http_cluster(service: str) -> str:
    """Return the name of the cluster of a service's HTTP endpoints."""
    return f"{service}-http"


def worker_cluster(service: str, worker: int) -> str:
    """Return the name of the cluster of one worker's HTTP endpoint."""
    return f"{service}-{worker}-http"


def clusters(topology: Topology, *, static: bool = False) -> list[Node]:
    """Return every cluster. `static` gives what `--mode validate` can check: certificates by name, not by file."""
    found = [_grpc_cluster(topology, name, static=static) for name in sorted(topology.grpc)]
    found += [
        _http_cluster(topology, http_cluster(name), name, endpoints, static=static)
        for name, endpoints in sorted(topology.http.items())
    ]
    found.append(_cluster(NOWHERE, (), {}))
    if topology.ops_port:
        found.append(_cluster(ADMIN, (f"unix:{topology.admin}",), _http1()))
        found += [
            _http_cluster(topology, worker_cluster(name, index), name, (endpoint,), static=static)
            for name, endpoints in sorted(topology.http.items())
            for index, endpoint in enumerate(endpoints)
        ]
    if topology.otlp:
        found.append(_cluster(OTLP, (_collector(topology.otlp),), _http2()))
    return found


def _grpc_cluster(topology: Topology, name: str, *, static: bool) -> Node:
    cluster = _cluster(name, topology.grpc[name], _http2())
    cluster["lb_policy"] = "LEAST_REQUEST"
    cluster["health_checks"] = [
        {
            "timeout": "2s",
            "interval": "2s",
            "no_traffic_interval": "2s",
            "unhealthy_interval": "0.25s",
            "unhealthy_threshold": 2,
            "healthy_threshold": 1,
            "grpc_health_check": {},
        }
    ]
    cluster["circuit_breakers"] = _budgets()
    if topology.certs:
        cluster["transport_socket"] = upstream_tls(topology, name, alpn="h2", static=static)
    return cluster


def _budgets() -> Node:
    """Return what may be under way in one service at once. Envoy keeps a budget for each of its two priorities."""
    return {"thresholds": [_budget("DEFAULT", MAX_CALLS), _budget(PUBLIC_BUDGET, MAX_PUBLIC_CALLS)]}


def _budget(priority: str, calls: int) -> Node:
    """Return what of one priority may be under way at once."""
    return {
        "priority": priority,
        "max_connections": 1024,
        "max_pending_requests": calls,
        "max_requests": calls,
        # Of the default, three retries at once, a killed worker under load would take more.
        "retry_budget": {"budget_percent": {"value": 25.0}, "min_retry_concurrency": 256},
    }


def _http_cluster(topology: Topology, name: str, service: str, endpoints: Sequence[str], *, static: bool) -> Node:
    cluster = _cluster(name, endpoints, _http1())
    # Who lets pages pile up keeps nobody from the keys of the tokens, nor from having an API key exchanged.
    cluster["circuit_breakers"] = _budgets()
    if topology.certs:
        cluster["transport_socket"] = upstream_tls(topology, service, alpn="http/1.1", static=static)
    return cluster


def _http1() -> Node:
    return {"explicit_http_config": {"http_protocol_options": {}}}


def _http2() -> Node:
    windows = {"initial_stream_window_size": 1024 * 1024, "initial_connection_window_size": 4 * 1024 * 1024}
    return {"explicit_http_config": {"http2_protocol_options": {"max_concurrent_streams": 1024, **windows}}}


def _cluster(name: str, endpoints: Sequence[str], protocol: Node) -> Node:
    names = any(_is_name(endpoint) for endpoint in endpoints)
    cluster = typed(
        "envoy.config.cluster.v3.Cluster",
        name=name,
        type="STRICT_DNS" if names else "STATIC",
        connect_timeout=duration(1),
        per_connection_buffer_limit_bytes=BUFFER_BYTES,
        load_assignment={
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(e)}} for e in endpoints]}],
        },
    )
    if protocol:
        options = typed("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", **protocol)
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    return cluster


def address(endpoint: str) -> Node:
    """Return Envoy's address of `unix:/path` or `host:port`."""
    if endpoint.startswith("unix:"):
        return {"pipe": {"path": endpoint.removeprefix("unix:")}}
    host, _, port = endpoint.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def _collector(endpoint: str) -> str:
    """Return `host:port` of OpenTelemetry's variable, which is a URL and may leave out the port."""
    url = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
    return f"{url.hostname or 'localhost'}:{url.port or OTLP_PORT}"


def _is_name(endpoint: str) -> bool:
    if endpoint.startswith("unix:"):
        return False
    try:
        ipaddress.ip_address(endpoint.rpartition(":")[0].strip("[]"))
    except ValueError:
        return True
    return False
