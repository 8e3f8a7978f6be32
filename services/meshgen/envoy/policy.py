"""What one RPC's rule becomes at its route: token, permission and limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract import Authenticated, Limit, Method, Per, Permission, Public
from services.meshgen.envoy.render import Node, duration, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
LOCAL_LIMIT = "envoy.filters.http.local_ratelimit"

CLAIMS = "claims"
"""The key in the dynamic metadata of the token filter under which the token's claims are."""

TOKEN = "token"  # noqa: S105 - the name of a requirement
NONE = "none"

MAX_CALLERS = 100_000
"""How many callers have a bucket of their own: with too few, one more caller would reset another's limit."""


def requirement(name: str) -> Node:
    """Return the token filter's choice for a route: `token` or `none`."""
    return typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=name)


def no_permission_needed() -> Node:
    """Return the permission filter's choice for a public route.

    An empty message, not `FilterConfig.disabled`: that one is read on the route before transcoding and would leave the
    filter on.
    """
    return typed("envoy.extensions.filters.http.rbac.v3.RBACPerRoute")


def public_policy() -> dict[str, Node]:
    """Return the filters' configuration of a route that anyone may call."""
    return {JWT: requirement(NONE), RBAC: no_permission_needed()}


def method_policy(method: Method) -> dict[str, Node]:
    """Return the filters' configuration of the route of one RPC that is not internal."""
    match method.rule.access:
        case Public():
            configs = public_policy()
        case Authenticated():
            configs = _token_policy(method.path, "authenticated", [{"string_match": {"safe_regex": {"regex": ".+"}}}])
        case Permission() as permission:
            held = [{"list_match": {"one_of": {"string_match": {"exact": p}}}} for p in permission.patterns]
            configs = _token_policy(method.path, permission.name, held)
        case _:
            raise ValueError(f"{method.path} is internal: the edge has no route to it. Leave it out.")
    if method.rule.limit is not None:
        public = isinstance(method.rule.access, Public)
        configs[LOCAL_LIMIT] = _limit(method.path, method.rule.limit, signed_in=not public)
    return configs


def _token_policy(path: str, name: str, values: list[Node]) -> dict[str, Node]:
    claim = "sub" if name == "authenticated" else "permissions"
    principals = [
        {
            "sourced_metadata": {
                "metadata_matcher": {"filter": JWT, "path": [{"key": CLAIMS}, {"key": claim}], "value": value}
            }
        }
        for value in values
    ]
    policy = {"permissions": [{"url_path": {"path": {"exact": path}}}], "principals": principals}
    rules = {"rules": {"action": "ALLOW", "policies": {name: policy}}}
    return {
        JWT: requirement(TOKEN),
        RBAC: typed("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", rbac=rules),
    }


def address_limit(name: str, limit: Limit) -> Node:
    """Return the bucket of each address, for what is served without a contract and without a token."""
    return _limit(name, limit, signed_in=False)


_CLAIM_OF: Mapping[Per, str] = {Per.SUBJECT: "sub", Per.ORGANIZATION: "org"}


def _limit(path: str, limit: Limit, *, signed_in: bool) -> Node:
    """Return the bucket of each caller. Where nobody signs in, callers are told apart by their address."""
    claim = _CLAIM_OF.get(limit.per) if signed_in else None
    action: Node
    if claim is None:
        key, action = "remote_address", {"remote_address": {}}
    else:
        key = claim
        metadata_key = {"key": JWT, "path": [{"key": CLAIMS}, {"key": claim}]}
        action = {"metadata": {"descriptor_key": claim, "metadata_key": metadata_key, "source": "DYNAMIC"}}
    bucket = {
        "max_tokens": limit.burst,
        "tokens_per_fill": limit.requests,
        "fill_interval": duration(max(limit.window, 0.05)),
    }
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix=path.strip("/").replace("/", "."),
        token_bucket=bucket,
        filter_enabled=always,
        filter_enforced=always,
        rate_limits=[{"actions": [action]}],
        descriptors=[{"entries": [{"key": key}], "token_bucket": bucket}],
        max_dynamic_descriptors=MAX_CALLERS,
        always_consume_default_token_bucket=False,
        rate_limited_as_resource_exhausted=True,
        enable_x_ratelimit_headers="DRAFT_VERSION_03",
        enable_retry_after_header=True,
    )
