"""The route file: one exact path per RPC, with its policy, its time and its retries, and the transcoder of them all."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING

from services.chassis.contract import Idempotency, Public
from services.meshgen.envoy.clusters import NOWHERE, PUBLIC_BUDGET, http_cluster
from services.meshgen.envoy.descriptors import edge_descriptors
from services.meshgen.envoy.exchange import with_exchange, without_exchange
from services.meshgen.envoy.http_pages import http_page_routes
from services.meshgen.envoy.pages import LARGEST, page_routes
from services.meshgen.envoy.policy import JWT, TOKEN, method_policy, public_policy, requirement, step_up_metadata
from services.meshgen.envoy.render import FILTER_CONFIG, Node, duration, typed
from services.meshgen.envoy.uploads import is_upload, upload_matches, without_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.contract import Contract, Method
    from services.meshgen.topology import Topology

TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
CORS = "envoy.filters.http.cors"

ROUTES = "edge-routes"
"""The name of the route configuration."""

REFLECTION = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
"""Reflection of all public services. Its contract carries no rule: public, by the design."""

HEALTH = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List", "/grpc.health.v1.Health/Watch")
"""Health of the services. Its contract carries no rule: public, by the design."""

REFLECTION_SECONDS = 300.0
"""How long one stream of reflection may live: a shell that explores, not a client that forgot it."""

HEALTH_SECONDS = 3600.0
"""How long one may watch health before one has to ask anew."""

JWKS_PATH = "/auth/v1/jwks.json"
"""Where the keys of the tokens are published."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The largest answer that is turned into JSON: many times a page of 1,000 records."""

STREAM_GRACE_SECONDS = 1.0
"""How much later than its rule says a stream is cut by the edge: before that, its service ends it with a status."""

QUIET_SECONDS = 60.0
"""How long a stream without a time of its own may be silent: a Watch says four times as often that it is alive."""

EVENT_STREAM = "text/event-stream"
"""The media type of server-sent events (HTML, §9.2)."""

_IDEMPOTENT = {Idempotency.NO_SIDE_EFFECTS, Idempotency.IDEMPOTENT}


def route_configuration(
    contract: Contract, topology: Topology, *, static: bool = False, texts: Mapping[str, str] | None = None
) -> Node:
    """Return the `RouteConfiguration` of the edge. Whatever no route names is denied.

    `static` gives what `--mode validate` can check: pages without their files. `texts` are the documents that are
    served, those of the contract where they are left out.
    """
    methods = [m for _, m in sorted(contract.methods.items()) if not m.is_internal]
    routes = [method_route(method) for method in methods]
    for method, route in zip(methods, routes, strict=True):
        if is_upload(contract, method):
            route["typed_per_filter_config"] |= without_limit()
    routes += [_stream_route(path, topology.reflection_service, REFLECTION_SECONDS) for path in REFLECTION]
    routes += [_stream_route(path, topology.reflection_service, HEALTH_SECONDS) for path in HEALTH]
    routes += [_jwks_route(topology), _healthz_route(), *http_page_routes(topology)]
    routes += [*page_routes(contract, topology, static=static, texts=texts)]
    if any(method.server_streaming for method in methods):
        routes.append(_events_route(contract))
    for name, match in upload_matches(contract):
        routes.append({**_catch_all(without_limit()), "name": name, "match": match})
    routes.append(_catch_all())
    host = {
        "name": "api",
        "domains": ["*"],
        "typed_per_filter_config": _host_filters(contract, topology),
        "routes": routes,
    }
    return typed(
        "envoy.config.route.v3.RouteConfiguration",
        name=ROUTES,
        validate_clusters=True,
        max_direct_response_body_size_bytes=LARGEST,
        virtual_hosts=[host],
    )


def transcoder(descriptors: bytes, services: list[str], *, events: bool = False) -> Node:
    """Return the transcoder for these services; `events` has it write streams as server-sent events."""
    printing = {"always_print_primitive_fields": True} | ({"stream_sse_style_delimited": True} if events else {})
    return typed(
        "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor_bin=base64.b64encode(descriptors).decode(),
        services=services,
        print_options=printing,
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        auto_mapping=False,
        convert_grpc_status=True,
        query_param_unescape_plus=True,
        # Identifiers may hold a colon (URNs): an unknown custom verb is then a part of the identifier.
        match_unregistered_custom_verb=False,
        max_request_body_size=MAX_MESSAGE_BYTES,
        max_response_body_size=MAX_MESSAGE_BYTES,
    )


def method_route(method: Method) -> Node:
    """Return the route of one RPC: its path is the one key of every policy."""
    streaming = method.client_streaming or method.server_streaming
    route: Node = {
        "name": method.path.strip("/"),
        "match": {"path": method.path},
        "route": {"cluster": method.host, **_times(method.rule.timeout, streaming=streaming)},
    }
    if method.idempotency in _IDEMPOTENT and not streaming:
        route["route"]["retry_policy"] = _retries()
    if isinstance(method.rule.access, Public):
        route["route"]["priority"] = PUBLIC_BUDGET
        route["request_headers_to_remove"] = ["authorization"]
    route["typed_per_filter_config"] = method_policy(method)
    if not isinstance(method.rule.access, Public):
        route["typed_per_filter_config"] |= with_exchange()
    if method.rule.step_up is not None:
        route["metadata"] = step_up_metadata(method.rule.step_up)
    return route


def _times(seconds: float, *, streaming: bool) -> Node:
    """Return the time that a call may take.

    Both bounds of `max_stream_duration` are needed: with them the call is cut, and the service is told its deadline
    even where the client has sent none. The first without the second cuts nothing at all.
    """
    if seconds == math.inf:
        return {"timeout": "0s", "idle_timeout": duration(QUIET_SECONDS)}
    if streaming:
        # Cut in the middle, a stream ends in a reset without a status: the service is given the time to end it itself.
        seconds += STREAM_GRACE_SECONDS
    whole = duration(seconds)
    bounds: Node = {"max_stream_duration": {"max_stream_duration": whole, "grpc_timeout_header_max": whole}}
    if streaming:
        return {"timeout": "0s", "idle_timeout": whole, **bounds}
    return {"timeout": whole, **bounds}


def _retries() -> Node:
    """Return the retries of a method that may be repeated: enough to outlast the restart of a killed worker.

    A worker that stops at once answers what it was at with CANCELLED. A client that cancels is gone and sees no retry.
    """
    return {
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,reset",
        "num_retries": 6,
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "1s"},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
            }
        ],
        "host_selection_retry_max_attempts": 3,
    }


def _stream_route(path: str, cluster: str, seconds: float) -> Node:
    return {
        "name": path.strip("/"),
        "match": {"path": path},
        "route": {"cluster": cluster, "priority": PUBLIC_BUDGET, **_times(seconds, streaming=True)},
        "request_headers_to_remove": ["authorization"],
        "typed_per_filter_config": public_policy(),
    }


def _jwks_route(topology: Topology) -> Node:
    return {
        "name": "jwks",
        "match": {"path": JWKS_PATH, "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "route": {
            "cluster": http_cluster(topology.jwks_service),
            "timeout": "5s",
            "retry_policy": {**_retries(), "retry_on": "connect-failure,reset,5xx"},
        },
        "request_headers_to_remove": ["authorization"],
        "typed_per_filter_config": {TRANSCODER: typed(FILTER_CONFIG, disabled=True), **public_policy()},
    }


def _healthz_route() -> Node:
    return {
        "name": "healthz",
        "match": {"path": "/healthz"},
        "direct_response": {"status": 200, "body": {"inline_string": '{"status":"SERVING"}\n'}},
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
        "typed_per_filter_config": {TRANSCODER: typed(FILTER_CONFIG, disabled=True), **public_policy()},
    }


def _events_route(contract: Contract) -> Node:
    """Return the first route of whoever wants events: it is the catch-all with another transcoder.

    The transcoder is chosen on this route. Once it has found the RPC, the call is on the RPC's route, under its policy.
    """
    route = _catch_all()
    route["name"] = "events"
    route["match"]["headers"] = [{"name": "accept", "string_match": {"contains": EVENT_STREAM, "ignore_case": True}}]
    route["typed_per_filter_config"][TRANSCODER] = _transcoder_of(contract, events=True)
    return route


def _catch_all(filters: dict[str, Node] | None = None) -> Node:
    # A route and no direct response: the CORS filter skips the latter, and every REST path is this one at first.
    return {
        "name": "nothing",
        "match": {"prefix": "/"},
        "route": {"cluster": NOWHERE},
        "typed_per_filter_config": {JWT: requirement(TOKEN), **(filters or {})},
    }


def _host_filters(contract: Contract, topology: Topology) -> dict[str, Node]:
    """Return what holds for every route that does not say otherwise: a token is needed, and the contract is this."""
    configs = {TRANSCODER: _transcoder_of(contract), JWT: requirement(TOKEN), **without_exchange()}
    if topology.cors_origins:
        configs[CORS] = _cors(topology.cors_origins)
    return configs


def _transcoder_of(contract: Contract, *, events: bool = False) -> Node:
    services = sorted(service.full_name for service in contract.services if service.is_public)
    return transcoder(edge_descriptors(contract), services, events=events)


def _cors(origins: tuple[str, ...]) -> Node:
    return typed(
        "envoy.extensions.filters.http.cors.v3.CorsPolicy",
        allow_origin_string_match=[_origin(origin) for origin in origins],
        allow_methods="GET, POST, PUT, PATCH, DELETE, OPTIONS",
        allow_headers="authorization, content-type, dpop, grpc-timeout, if-match, if-none-match, x-grpc-web, "
        "x-user-agent",
        expose_headers="dpop-nonce, etag, grpc-message, grpc-status, grpc-status-details-bin, location, retry-after, "
        "www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id",
        max_age="600",
        # Callers sign in by a header and never by a cookie.
        allow_credentials=False,
    )


def _origin(origin: str) -> Node:
    if "*" not in origin:
        return {"exact": origin}
    return {"safe_regex": {"regex": re.escape(origin).replace(r"\*", "[^/]*")}}
