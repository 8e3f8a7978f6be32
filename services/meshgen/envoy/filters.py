"""The HTTP filters of the edge, in the one order in which every alias of a path meets the same policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy.clusters import http_cluster
from services.meshgen.envoy.exchange import exchange_filters
from services.meshgen.envoy.http_pages import BODY_LIMITS
from services.meshgen.envoy.policy import CLAIMS, JWT, LOCAL_LIMIT, NONE, RBAC, STEP_UP, TOKEN
from services.meshgen.envoy.render import Node, duration, extension
from services.meshgen.envoy.routes import CORS, JWKS_PATH, TRANSCODER
from services.meshgen.envoy.uploads import BODY_LIMIT

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

PROVIDER = "tenon"

CLOCK_SKEW_SECONDS = 5
"""By how much clocks may differ, as in `chassis.tokens`: both must take the same tokens."""

_COMPRESSED = (
    "application/json",
    "application/jwk-set+json",
    "application/yaml",
    "image/svg+xml",
    "text/css",
    "text/event-stream",
    "text/html",
    "text/javascript",
    "text/plain",
)


def http_filters(topology: Topology) -> list[Node]:
    """Return the filters, each after what it needs.

    CORS before the transcoder, which knows no OPTIONS; the size limit before whatever buffers; gRPC-Web before the
    transcoder, which passes gRPC on; compression outside the transcoder, so that it sees JSON; exchange, token,
    permission and limit after the transcoder, so that they see one path per RPC; the exchange before the token that it
    gives; the limit after the permission, so that denied calls use up nobody's quota.
    """
    return [
        extension(CORS, "envoy.extensions.filters.http.cors.v3.Cors"),
        extension(
            BODY_LIMIT,
            "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit",
            max_request_bytes=topology.max_request_bytes,
        ),
        *(_narrower_limit(name, size) for size, name in BODY_LIMITS.items()),
        extension("envoy.filters.http.grpc_web", "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"),
        _compressor(),
        # No services of its own: descriptor and services are in the route file, and change together with the routes.
        extension(
            TRANSCODER,
            "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            proto_descriptor_bin="",
            services=[],
        ),
        *exchange_filters(topology),
        _token(topology),
        # Deny whatever a route does not allow.
        extension(RBAC, "envoy.extensions.filters.http.rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}}),
        # Deny whom a route asks to sign in more strongly; most routes ask nobody.
        extension(STEP_UP, "envoy.extensions.filters.http.rbac.v3.RBAC"),
        extension(LOCAL_LIMIT, "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="edge"),
        extension(
            "envoy.filters.http.grpc_stats",
            "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
            stats_for_all_methods=False,
            enable_upstream_stats=False,
        ),
        extension(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            suppress_envoy_headers=True,
        ),
    ]


def _narrower_limit(name: str, size: int) -> Node:
    """Return a limit of the body that is off until a route switches it on."""
    kind = "envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit"
    return {**extension(name, kind, max_request_bytes=size), "disabled": True}


def _compressor() -> Node:
    library = extension("gzip", "envoy.extensions.compression.gzip.compressor.v3.Gzip", compression_level="BEST_SPEED")
    return extension(
        "envoy.filters.http.compressor",
        "envoy.extensions.filters.http.compressor.v3.Compressor",
        compressor_library=library,
        response_direction_config={
            "common_config": {
                "min_content_length": 1024,
                "content_type_matcher": [{"prefix": kind} for kind in _COMPRESSED],
            },
            # Without this a compressed answer loses its entity tag.
            "weaken_etag_on_compress": True,
        },
    )


def _token(topology: Topology) -> Node:
    fetch = {
        "http_uri": {
            "uri": f"http://{topology.jwks_service}{JWKS_PATH}",
            "cluster": http_cluster(topology.jwks_service),
            "timeout": "2s",
        },
        "cache_duration": duration(topology.jwks_cache),
        # Fetched in the background, and kept while the source is away. The edge listens without waiting for it.
        "async_fetch": {"fast_listener": True, "failed_refetch_duration": "1s"},
        "retry_policy": {"num_retries": 3, "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}},
    }
    provider = {
        "issuer": topology.issuer,
        "audiences": [topology.audience],
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "remote_jwks": fetch,
        # The services check the token themselves.
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "payload_in_metadata": CLAIMS,
        "jwt_cache_config": {"jwt_cache_size": 2000, "jwt_max_token_size": 4096},
    }
    return extension(
        JWT,
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={PROVIDER: provider},
        requirement_map={TOKEN: {"provider_name": PROVIDER}, NONE: {}},
        bypass_cors_preflight=True,
    )
