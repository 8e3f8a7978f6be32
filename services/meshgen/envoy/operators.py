"""The operators' listener: the statistics of the edge and of every worker at one address, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy.clusters import ADMIN, BUFFER_BYTES, worker_cluster
from services.meshgen.envoy.render import Node, typed

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

OPERATORS = "operators"


def operators_listener(topology: Topology) -> Node:
    """Return the listener of metrics: `/edge/metrics` and `/SERVICE/WORKER/metrics`, and nothing else."""
    targets = [("/edge/metrics", ADMIN, "/stats/prometheus")]
    targets += [
        (f"/{name}/{index}/metrics", worker_cluster(name, index), "/metrics")
        for name in sorted(topology.http)
        for index in range(len(topology.http[name]))
    ]
    routes = [
        {"match": {"path": path}, "route": {"cluster": cluster, "prefix_rewrite": target, "timeout": "10s"}}
        for path, cluster, target in targets
    ]
    manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=OPERATORS,
        use_remote_address=True,
        normalize_path=True,
        request_headers_timeout="5s",
        request_timeout="10s",
        route_config={"name": OPERATORS, "virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": routes}]},
        http_filters=[
            {
                "name": "envoy.filters.http.router",
                "typed_config": typed("envoy.extensions.filters.http.router.v3.Router"),
            }
        ],
    )
    return typed(
        "envoy.config.listener.v3.Listener",
        name=OPERATORS,
        address={"socket_address": {"address": topology.ops_address, "port_value": topology.ops_port}},
        enable_reuse_port=False,
        # A scrape must work while the edge refuses clients for want of connections.
        ignore_global_conn_limit=True,
        per_connection_buffer_limit_bytes=BUFFER_BYTES,
        filter_chains=[
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    )
