"""Where the edge has auth exchange an API key, or a token that is bound to a key, for a plain token.

Only such calls ask auth, and only where a token is needed at all. A call whose credential auth refuses is refused, and
so is one while auth does not answer; a call with a plain token knows nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy.clusters import http_cluster
from services.meshgen.envoy.render import Node, extension, typed

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

EXT_AUTHZ = "envoy.filters.http.ext_authz"

EXCHANGE_PATH = "/internal/exchange"
"""Where auth exchanges credentials. The path of the call follows it."""

API_KEY_HEADER = "x-api-key"

NOTED = "tenon.exchange"
"""The name under which the edge remembers for one call what kind of credential came with it."""

KIND = "credential"
"""The key of the kind."""

API_KEY = "(?i)key|bearer tnk_"
"""The kinds that an API key is noted by."""

PROVEN = "(?i)dpop "
"""The kind that a token is noted by which is bound to a key (RFC 9449 §7.1)."""

_ASKED_WITH = (
    "authorization",
    "dpop",
    API_KEY_HEADER,
    "traceparent",
    "user-agent",
    "x-envoy-original-method",
    "x-envoy-original-path",
    "x-forwarded-for",
    "x-request-id",
)
"""The headers of a call that auth sees."""


def exchange_filters(topology: Topology) -> list[Node]:
    """Return the filter that notices such credentials, and the one that exchanges them where a route says so."""
    return [_notice(), _exchange(topology)]


def with_exchange() -> dict[str, Node]:
    """Return the filter's configuration of a route that needs a token."""
    return {EXT_AUTHZ: typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", check_settings={})}


def without_exchange() -> dict[str, Node]:
    """Return the filter's configuration where no route says otherwise: what nobody exchanges opens nothing."""
    return {EXT_AUTHZ: typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", disabled=True)}


def _notice() -> Node:
    """Return the filter that notes the kind of credential, and never the credential itself."""

    def note(**value: object) -> Node:
        return {"metadata_namespace": NOTED, "key": KIND, "type": "STRING", **value}

    scheme = {"pattern": {"regex": "(?i)^(bearer tnk_|dpop )?.*$"}, "substitution": "\\1"}
    return extension(
        "envoy.filters.http.header_to_metadata",
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        request_rules=[
            {"header": API_KEY_HEADER, "on_header_present": note(value="key")},
            {"header": "authorization", "on_header_present": note(regex_value_rewrite=scheme)},
        ],
    )


def _exchange(topology: Topology) -> Node:
    cluster = http_cluster(topology.jwks_service)
    service = {
        "server_uri": {"uri": f"http://{topology.jwks_service}", "cluster": cluster, "timeout": "2s"},
        "path_prefix": EXCHANGE_PATH,
        "authorization_response": {
            "allowed_upstream_headers": _exactly("authorization"),
            "allowed_client_headers": _exactly("dpop-nonce", "retry-after", "www-authenticate"),
        },
    }
    return extension(
        EXT_AUTHZ,
        "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        transport_api_version="V3",
        http_service=service,
        allowed_headers=_exactly(*_ASKED_WITH),
        filter_enabled_metadata={
            "filter": NOTED,
            "path": [{"key": KIND}],
            "value": {"string_match": {"safe_regex": {"regex": ".+"}}},
        },
        failure_mode_allow=False,
        status_on_error={"code": "ServiceUnavailable"},
        validate_mutations=True,
        stat_prefix="exchange",
    )


def _exactly(*names: str) -> Node:
    return {"patterns": [{"exact": name, "ignore_case": True} for name in names]}
