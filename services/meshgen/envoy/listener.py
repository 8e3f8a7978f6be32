"""The listener file: one port for REST, gRPC and gRPC-Web, hardened as Envoy's own list for edges asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy.clusters import BUFFER_BYTES, OTLP
from services.meshgen.envoy.denials import denial_log
from services.meshgen.envoy.filters import http_filters
from services.meshgen.envoy.render import Node, duration, extension, typed
from services.meshgen.envoy.replies import local_replies
from services.meshgen.envoy.routes import ROUTES
from services.meshgen.envoy.secrets import file_source

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

LISTENER = "edge"
ROUTE_FILE = "rds/routes.yaml"

IDENTITY_PREFIXES = ("x-envoy-", "x-jwt-", "x-tenon-", "x-b3-", "x-auth-", "x-user-", "x-goog-iap-", "x-amzn-oidc-")
"""Beginnings of headers by which proxies tell services what a client must not."""

IDENTITY_HEADERS = (
    "baggage",
    "cf-connecting-ip",
    "forwarded",
    "grpc-tags-bin",
    "grpc-trace-bin",
    "remote-user",
    "true-client-ip",
    "x-client-cert",
    "x-forwarded-client-cert",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-user",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
)
"""Headers by which proxies tell services what a client must not."""


def listener(topology: Topology, *, routes: Node | None = None) -> Node:
    """Return the edge's listener. `routes` puts the routes in it, for `--mode validate`."""
    return typed(
        "envoy.config.listener.v3.Listener",
        name=LISTENER,
        address={"socket_address": {"address": topology.address, "port_value": topology.port}},
        # With the port reused, a second edge on the same port would start and take half of the connections.
        enable_reuse_port=False,
        connection_balance_config={"exact_balance": {}},
        per_connection_buffer_limit_bytes=BUFFER_BYTES,
        filter_chains=[
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": _connection_manager(topology, routes),
                    }
                ]
            }
        ],
    )


def _connection_manager(topology: Topology, routes: Node | None) -> Node:
    source: Node = (
        {"rds": {"route_config_name": ROUTES, "config_source": file_source(topology, ROUTE_FILE)}}
        if routes is None
        else {"route_config": {k: v for k, v in routes.items() if k != "@type"}}
    )
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=LISTENER,
        codec_type="AUTO",
        server_name="tenon",
        **_trust(topology),
        **_paths(),
        **_bounds(topology),
        **_tracing(topology),
        access_log=[access_log(), denial_log(topology)],
        local_reply_config=local_replies(),
        **source,
        http_filters=http_filters(topology),
    )


def _trust(topology: Topology) -> Node:
    """Return what is believed of a client's headers: nothing that a proxy would have to say."""
    removed: list[Node] = [
        {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}} for prefix in IDENTITY_PREFIXES
    ]
    removed += [{"remove": name} for name in IDENTITY_HEADERS]
    if not topology.trusted_hops:
        removed.append({"remove": "x-forwarded-for"})
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": topology.trusted_hops,
        "forward_client_cert_details": "SANITIZE",
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
        # internal_address_config stays unset: then nobody is internal.
        "early_header_mutation_extensions": [
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=removed,
            )
        ],
    }


def _paths() -> Node:
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "strip_any_host_port": True,
        "strip_trailing_host_dot": True,
        "proxy_status_config": {"remove_details": True},
    }


def _bounds(topology: Topology) -> Node:
    """Return how much and how long a client may send."""
    return {
        "common_http_protocol_options": {
            "idle_timeout": "60s",
            "max_connection_duration": "3600s",
            "max_headers_count": 64,
            "headers_with_underscores_action": "REJECT_REQUEST",
        },
        "http1_safe_max_connection_duration": True,
        "http_protocol_options": {"enable_trailers": True},
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 64 * 1024,
            "initial_connection_window_size": 1024 * 1024,
            "stream_reset_burst": 100,
            "stream_reset_rate": 33,
        },
        "max_request_headers_kb": 64,
        "request_headers_timeout": duration(topology.headers_timeout),
        "request_timeout": duration(topology.request_timeout),
        "stream_idle_timeout": "300s",
        "delayed_close_timeout": "1s",
        "drain_timeout": "5s",
    }


def _tracing(topology: Topology) -> Node:
    if not topology.otlp:
        return {}
    provider = extension(
        "envoy.tracers.opentelemetry",
        "envoy.config.trace.v3.OpenTelemetryConfig",
        grpc_service={"envoy_grpc": {"cluster_name": OTLP}, "timeout": "1s"},
        service_name=LISTENER,
    )
    return {"tracing": {"provider": provider, "spawn_upstream_span": True}}


def access_log() -> Node:
    """Return the log of calls, a JSON object per line: no query string, and no header that may hold a secret."""
    claims = "envoy.filters.http.jwt_authn:claims"
    fields = {
        "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "log": "access",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        "path": "%PATH(NQ:ORIG_OR_PATH)%",
        "rpc": "%ROUTE_NAME%",
        "status": "%RESPONSE_CODE%",
        "grpc_status": "%GRPC_STATUS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "duration_ms": "%DURATION%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
        "subject": f"%DYNAMIC_METADATA({claims}:sub)%",
        "organization": f"%DYNAMIC_METADATA({claims}:org)%",
        "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "protocol": "%PROTOCOL%",
        "upstream": "%UPSTREAM_HOST%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "trace_id": "%TRACE_ID%",
    }
    return extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"json_format": fields, "omit_empty_values": True},
    )
