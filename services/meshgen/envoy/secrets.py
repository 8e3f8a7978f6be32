"""The certificates of the edge, by files that rotate, and whom the edge takes for which service."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from services.meshgen.envoy.render import Node, extension, typed

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

EDGE_CERTIFICATE = "edge"
AUTHORITY = "authority"

SECRET_FILES = {EDGE_CERTIFICATE: "sds/edge/secret.yaml", AUTHORITY: "sds/authority/secret.yaml"}
"""The file of each secret. Each has a folder of its own: a watch fires for whatever is moved in its folder."""


def secrets(topology: Topology) -> dict[str, Node]:
    """Return the edge's own certificate and the authority that it trusts, by name; none where others do mTLS."""
    if not topology.certs:
        return {}
    folder = PurePath(topology.certs)
    watched = {"path": topology.certs_watch or str(folder.parent)}
    pair = {
        "certificate_chain": {"filename": str(folder / "cert.pem")},
        "private_key": {"filename": str(folder / "key.pem")},
        # Certificate and key are read anew when the folder is swapped, and taken only if neither changed meanwhile.
        "watched_directory": watched,
    }
    trust = {"trusted_ca": {"filename": str(folder / "ca.pem"), "watched_directory": watched}}
    kind = "envoy.extensions.transport_sockets.tls.v3.Secret"
    return {
        EDGE_CERTIFICATE: typed(kind, name=EDGE_CERTIFICATE, tls_certificate=pair),
        AUTHORITY: typed(kind, name=AUTHORITY, validation_context=trust),
    }


def upstream_tls(topology: Topology, service: str, *, alpn: str, static: bool) -> Node:
    """Return mTLS towards one service: TLS 1.3, and the peer must have exactly that service's identity."""
    san = {"san_type": "URI", "matcher": {"exact": topology.identity(service)}}
    common = {
        # Both bounds: an upstream's default maximum is 1.2, and a minimum above it fails at run time alone.
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": [alpn],
        "tls_certificate_sds_secret_configs": [_reference(topology, EDGE_CERTIFICATE, static=static)],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [san]},
            "validation_context_sds_secret_config": _reference(topology, AUTHORITY, static=static),
        },
    }
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        common_tls_context=common,
        sni=service,
    )


def _reference(topology: Topology, name: str, *, static: bool) -> Node:
    if static:
        return {"name": name}
    return {"name": name, "sds_config": file_source(topology, SECRET_FILES[name])}


def file_source(topology: Topology, path: str) -> Node:
    """Return the source of a resource that lies in one of our files."""
    return {
        "path_config_source": {
            "path": str(PurePath(topology.folder, path)),
            "watched_directory": {"path": topology.watch(path)},
        },
        "resource_api_version": "V3",
    }
