"""The bootstrap file: where the other files are, the administration socket, and what is done when overloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy.listener import LISTENER
from services.meshgen.envoy.render import Node, extension
from services.meshgen.envoy.secrets import file_source

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

LISTENER_FILE = "lds/listeners.yaml"
CLUSTER_FILE = "cds/clusters.yaml"

_HEAP = "envoy.resource_monitors.fixed_heap"
_CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections"


def bootstrap(topology: Topology) -> Node:
    """Return the bootstrap of an edge that reads all else from watched files."""
    return {
        **_process(topology),
        "dynamic_resources": {
            "lds_config": file_source(topology, LISTENER_FILE),
            "cds_config": file_source(topology, CLUSTER_FILE),
        },
    }


def static_bootstrap(topology: Topology, resources: Node) -> Node:
    """Return the bootstrap of the twin whose resources are all in it."""
    return {**_process(topology), "static_resources": resources}


def _process(topology: Topology) -> Node:
    return {
        "node": {
            "id": LISTENER,
            "cluster": LISTENER,
            **({"metadata": dict(topology.metadata)} if topology.metadata else {}),
        },
        # 0600: the owner of the process alone may read statistics, or stop the edge.
        "admin": {"address": {"pipe": {"path": topology.admin, "mode": 0o600}}},
        "layered_runtime": {"layers": [{"name": "limits", "static_layer": _runtime(topology)}]},
        "overload_manager": _overload(topology),
    }


def _runtime(topology: Topology) -> Node:
    return {f"envoy.resource_limits.listener.{LISTENER}.connection_limit": topology.max_connections}


def _overload(topology: Topology) -> Node:
    def at(share: float) -> list[Node]:
        return [{"name": _HEAP, "threshold": {"value": share}}]

    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                _HEAP,
                "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                max_heap_size_bytes=topology.max_heap_bytes,
            ),
            extension(
                _CONNECTIONS,
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                max_active_downstream_connections=topology.max_connections,
            ),
        ],
        "actions": [
            {"name": "envoy.overload_actions.shrink_heap", "triggers": at(0.9)},
            {"name": "envoy.overload_actions.disable_http_keepalive", "triggers": at(0.95)},
            {"name": "envoy.overload_actions.stop_accepting_requests", "triggers": at(0.98)},
        ],
    }
