"""The rival's edge: the filters, bounds and policies of ours, before a service that speaks HTTP by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.meshgen.envoy.bootstrap import static_bootstrap
from services.meshgen.envoy.clusters import address, clusters, http_cluster
from services.meshgen.envoy.listener import listener
from services.meshgen.envoy.policy import RBAC, method_policy
from services.meshgen.envoy.render import typed
from services.meshgen.envoy.routes import TRANSCODER, method_route
from services.meshgen.envoy.secrets import secrets, upstream_tls
from services.meshgen.yaml_text import dump

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.contract import Contract
    from services.meshgen.topology import Topology

SERVICE = "/tenon.flightops.v1.FlightopsService"

UNNEEDED = {TRANSCODER, "envoy.filters.http.grpc_web", "envoy.filters.http.grpc_stats"}
"""Filters for gRPC, which this edge does without."""


def configure(contract: Contract, topology: Topology, *, port: int, socket: Path, admin: Path, tls: bool) -> str:
    """Return the configuration of an Envoy that listens on a port and passes on to a Unix socket.

    `tls` asks for mutual TLS on that hop, as ours has it; whoever answers must then be data.
    """
    topology = replace(topology, port=port, admin=str(admin), ops_port=0)
    routes = [
        _route(contract, "GetFlight", {"path": "/noop"}, "GET"),
        _route(contract, "ListFlights", {"path": "/flightops/v1/flights"}, "GET"),
        _route(contract, "CreateFlight", {"path": "/flightops/v1/flights"}, "POST"),
        _route(contract, "GetFlight", {"prefix": "/flightops/v1/flights/"}, "GET"),
    ]
    host = {"name": "rival", "domains": ["*"], "routes": routes}
    edge = listener(topology, routes=typed("", name="rival", virtual_hosts=[host]))
    manager = edge["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = [f for f in manager["http_filters"] if f["name"] not in UNNEEDED]
    keys = http_cluster(topology.jwks_service)
    kept = [cluster for cluster in clusters(topology, static=True) if cluster["name"] == keys]
    cluster = _cluster(socket)
    if tls:
        cluster["transport_socket"] = upstream_tls(topology, "data", alpn="http/1.1", static=True)
    everything = {"listeners": [edge], "clusters": [*kept, cluster]}
    if topology.certs:
        everything["secrets"] = list(secrets(topology).values())
    for items in everything.values():
        for item in items:
            item.pop("@type")
    return dump(static_bootstrap(topology, everything), source="the bench")


def _cluster(socket: Path) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": address(f"unix:{socket}")}}]
    assignment = {"cluster_name": "rival", "endpoints": [{"lb_endpoints": endpoints}]}
    return typed("envoy.config.cluster.v3.Cluster", name="rival", type="STATIC", load_assignment=assignment)


def _route(contract: Contract, rpc: str, match: dict[str, str], verb: str) -> dict[str, Any]:
    """Return the route that has the policy, the time and the retries of one of our RPCs."""
    method = contract.methods[f"{SERVICE}/{rpc}"]
    route = method_route(method)
    route["match"] = {**match, "headers": [{"name": ":method", "string_match": {"exact": verb}}]}
    route["route"] = {**route["route"], "cluster": "rival"}
    route["route"].pop("max_stream_duration", None)
    policies = method_policy(method)
    # The path is the route's own here; who may call is the same.
    for policy in policies[RBAC]["rbac"]["rules"]["policies"].values():
        policy["permissions"] = [{"any": True}]
    route["typed_per_filter_config"] = policies
    return route
