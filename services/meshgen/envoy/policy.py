"""What one RPC's rule becomes at its route: token, permission and limit."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from services.chassis.contract import Authenticated, Limit, Method, Per, Permission, Public, StepUp
from services.chassis.step_up import REASON, challenge_of, metadata_of
from services.meshgen.envoy.render import Node, duration, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
STEP_UP = "envoy.filters.http.rbac.step_up"
LOCAL_LIMIT = "envoy.filters.http.local_ratelimit"

CLAIMS = "claims"
"""The key in the dynamic metadata of the token filter under which the token's claims are."""

DOMAIN = "tenon"
"""The domain of every `ErrorInfo` that the edge makes."""

STEP_UP_MESSAGE = "This method needs a stronger or a more recent sign-in."

TOKEN = "token"  # noqa: S105 - the name of a requirement
NONE = "none"

STEP_UP_DENIED = "step_up"
"""The policy that a call breaks whose caller has not signed in strongly enough; the edge's answer is chosen by it."""

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
    if method.rule.step_up is not None:
        configs[STEP_UP] = _step_up_policy(method.path, method.rule.step_up)
    if method.rule.limit is not None:
        public = isinstance(method.rule.access, Public)
        configs[LOCAL_LIMIT] = _limit(method.path, method.rule.limit, signed_in=not public)
    return configs


def step_up_metadata(step_up: StepUp) -> Node:
    """Return what the edge's answer says to who has not signed in strongly enough, as metadata of the route.

    `details` is the trailer of gRPC with the whole status, `metadata` that of the `ErrorInfo`.
    """
    info = any_pb2.Any()
    said = error_details_pb2.ErrorInfo(reason=REASON, domain=DOMAIN, metadata=metadata_of(step_up))
    # Otherwise the order of a map's entries is another one in each process, and the file with it.
    info.Pack(said, deterministic=True)
    status = status_pb2.Status(code=code_pb2.UNAUTHENTICATED, message=STEP_UP_MESSAGE, details=[info])
    details = base64.b64encode(status.SerializeToString(deterministic=True)).decode().rstrip("=")
    told = {"challenge": challenge_of(step_up), "metadata": metadata_of(step_up), "details": details}
    return {"filter_metadata": {STEP_UP: told}}


def _step_up_policy(path: str, step_up: StepUp) -> Node:
    """Deny who carries none of the levels that will do. How long ago they signed in, the service alone can tell."""
    levels = [_claim_is("acr", {"string_match": {"exact": level}}) for level in step_up.levels]
    policy = {
        "permissions": [{"url_path": {"path": {"exact": path}}}],
        "principals": [{"not_id": {"or_ids": {"ids": levels}}}],
    }
    rules = {"rules": {"action": "DENY", "policies": {STEP_UP_DENIED: policy}}}
    return typed("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", rbac=rules)


def _claim_is(claim: str, value: Node) -> Node:
    path = [{"key": CLAIMS}, {"key": claim}]
    return {"sourced_metadata": {"metadata_matcher": {"filter": JWT, "path": path, "value": value}}}


def _token_policy(path: str, name: str, values: list[Node]) -> dict[str, Node]:
    claim = "sub" if name == "authenticated" else "permissions"
    principals = [_claim_is(claim, value) for value in values]
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
