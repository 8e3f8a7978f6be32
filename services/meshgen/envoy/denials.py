"""Where the edge tells auth of the calls that it has denied itself, so that they are in the audit trail.

It tells beside the calls, in batches: while auth does not answer no call waits, and what cannot be kept is lost to the
trail, though not to the edge's own log. It tells what is named here and nothing else: no header that may hold a secret,
no query string and no body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy.clusters import http_cluster
from services.meshgen.envoy.exchange import KIND, NOTED
from services.meshgen.envoy.policy import CLAIMS, JWT
from services.meshgen.envoy.render import Node, extension

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

DENIALS_PATH = "/internal/denials"
"""Where auth takes them, as the export of OpenTelemetry's log records (OTLP/HTTP in protobuf)."""

LONGEST_AGENT = 200
"""Characters of a `User-Agent` that are told."""

FLUSH_SECONDS = 1.0
"""For so long a batch gathers."""

FLUSH_BYTES = 64 * 1024
"""A batch of this size is sent at once."""

_OWN = ("jwt_authn_access_denied", "rbac_access_denied", "local_rate_limited", "ext_authz_denied")
"""How the details of an answer begin that the edge gave in place of a service."""


def denial_log(topology: Topology) -> Node:
    """Return the log of denied calls."""
    claim = f"%DYNAMIC_METADATA({JWT}:{CLAIMS}:{{}})%"
    told = {
        "method": "%ROUTE_NAME%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "agent": f"%REQ(USER-AGENT):{LONGEST_AGENT}%",
        # The kind of a credential that was to be exchanged, and never the credential itself.
        "credential": f"%DYNAMIC_METADATA({NOTED}:{KIND})%",
        "actor": claim.format("sub"),
        "organization": claim.format("org"),
        "session": claim.format("sid"),
        "client": claim.format("client_id"),
        "level": claim.format("acr"),
    }
    service = topology.jwks_service
    return {
        "filter": {"extension_filter": _denied()},
        **extension(
            "envoy.access_loggers.open_telemetry",
            "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            http_service={
                "http_uri": {
                    "uri": f"http://{service}{DENIALS_PATH}",
                    "cluster": http_cluster(service),
                    "timeout": "5s",
                }
            },
            attributes={"values": [{"key": key, "value": {"string_value": value}} for key, value in told.items()]},
            buffer_flush_interval=f"{FLUSH_SECONDS:g}s",
            buffer_size_bytes=FLUSH_BYTES,
            disable_builtin_labels=True,
            log_name="denials",
            stat_prefix="denials.",
        ),
    }


def _denied() -> Node:
    """Return the filter: the edge's own refusals to serve an RPC. Its status says less, since gRPC's is always 200."""
    begins = " || ".join(f"response.code_details.startsWith('{begin}')" for begin in _OWN)
    # The route of an RPC is called by its path; on others nothing is granted, so that nothing is denied.
    return extension(
        "envoy.access_loggers.extension_filters.cel",
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        expression=f"xds.route_name.contains('/') && ({begins})",
    )
