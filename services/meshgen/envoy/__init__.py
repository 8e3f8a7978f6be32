"""Contract and topology to the configuration of the edge: files that Envoy reads and watches."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from services.meshgen.envoy.bootstrap import CLUSTER_FILE, LISTENER_FILE, bootstrap, static_bootstrap
from services.meshgen.envoy.clusters import clusters
from services.meshgen.envoy.folder import write
from services.meshgen.envoy.listener import ROUTE_FILE, listener
from services.meshgen.envoy.operators import operators_listener
from services.meshgen.envoy.pages import documents
from services.meshgen.envoy.render import resources
from services.meshgen.envoy.routes import route_configuration
from services.meshgen.envoy.secrets import SECRET_FILES, secrets
from services.meshgen.yaml_text import dump

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.contract import Contract
    from services.meshgen.topology import Topology

__all__ = ["BOOTSTRAP_FILE", "generate", "live_routes", "static_twin", "write"]

BOOTSTRAP_FILE = "bootstrap.yaml"
"""The file that Envoy is started with (`envoy -c`); it names all the others."""


def generate(contract: Contract, topology: Topology) -> dict[str, str]:
    """Return the files of an edge, by their path in `topology.folder`.

    A changed contract changes the route file alone, and that one applies to open connections at once.

    Raises:
        ValueError: a service of the contract has no endpoint in the topology. Envoy would refuse all routes for it.
    """
    missing = sorted({s.host for s in contract.services if s.is_public} - set(topology.grpc))
    if missing:
        raise ValueError(f"No endpoint for {', '.join(missing)}. Mend: name its workers in the topology.")
    listeners = [listener(topology)]
    if topology.ops_port:
        listeners.append(operators_listener(topology))
    files = {
        BOOTSTRAP_FILE: dump(bootstrap(topology)),
        LISTENER_FILE: resources(listeners),
        ROUTE_FILE: resources([route_configuration(contract, topology)]),
        CLUSTER_FILE: resources(clusters(topology)),
        **documents(contract, topology),
    }
    for name, secret in secrets(topology).items():
        files[SECRET_FILES[name]] = resources([secret])
    return files


def live_routes(contract: Contract, topology: Topology, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the route file alone, quickly, with the documents as they are: what makes a changed contract live.

    It is JSON, which is YAML too and is written in a fraction of the time.
    """
    listed = [route_configuration(contract, topology, texts=texts)]
    text = json.dumps({"resources": listed})
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {ROUTE_FILE: json.dumps({"version_info": version, "resources": listed})}


def static_twin(contract: Contract, topology: Topology) -> str:
    """Return one file with all that `generate` spreads over many, for `envoy --mode validate`.

    That mode reads no watched file, so that only this twin is judged in full: unknown fields, ranges, services that the
    descriptors lack. The certificates in `topology.certs` must exist.
    """
    listeners = [listener(topology, routes=route_configuration(contract, topology, static=True))]
    if topology.ops_port:
        listeners.append(operators_listener(topology))
    everything = {"listeners": listeners, "clusters": clusters(topology, static=True)}
    if topology.certs:
        everything["secrets"] = list(secrets(topology).values())
    for items in everything.values():
        for item in items:
            item.pop("@type")
    return dump(static_bootstrap(topology, everything))
