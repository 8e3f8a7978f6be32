"""Contract and topology to the manifests of a cluster under Istio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy import BOOTSTRAP_FILE
from services.meshgen.envoy import generate as generate_envoy
from services.meshgen.k8s.manifest import Manifest, manifest
from services.meshgen.k8s.policies import mesh_manifests, service_policies
from services.meshgen.k8s.workloads import BOOTSTRAP_MAP, RESOURCE_MAP, edge_manifests, resource_key, service_manifests
from services.meshgen.yaml_text import dump

if TYPE_CHECKING:
    from services.chassis.contract import Contract
    from services.meshgen.topology import Topology

__all__ = ["ENVOY_KUSTOMIZATION", "generate", "kustomize_envoy"]

ENVOY_KUSTOMIZATION = "kustomization.yaml"
"""The file beside Envoy's own that makes config maps of them."""


def generate(contract: Contract, topology: Topology) -> dict[str, str]:
    """Return the files of `k8s/base`, by their path in it. The topology is one of `Topology.cluster`."""
    hosts = contract.hosts
    files = {
        "namespace.yaml": dump(_namespace(topology)),
        "mesh.yaml": dump(*mesh_manifests(topology)),
        "edge.yaml": dump(*edge_manifests(topology, sorted(generate_envoy(contract, topology)))),
    }
    for host in hosts:
        files[f"{host}.yaml"] = dump(*service_manifests(topology, host))
        files[f"{host}-policies.yaml"] = dump(*service_policies(contract, topology, host))
    files["kustomization.yaml"] = dump(_kustomization(topology, sorted(files)))
    return files


def kustomize_envoy(paths: list[str]) -> str:
    """Return the kustomization of Envoy's folder.

    The bootstrap's name changes with what it holds, and restarts the edge. That of the rest stays: the running edge
    takes it up without dropping a call.
    """
    resources = [f"{resource_key(path)}={path}" for path in sorted(paths) if path != BOOTSTRAP_FILE]
    generators = [
        {"name": BOOTSTRAP_MAP, "files": [BOOTSTRAP_FILE]},
        {"name": RESOURCE_MAP, "files": resources, "options": {"disableNameSuffixHash": True}},
    ]
    return dump(_kustomize(configMapGenerator=generators))


def _namespace(topology: Topology) -> Manifest:
    namespace = manifest("v1", "Namespace", topology.namespace)
    namespace["metadata"]["labels"] = {"istio-injection": "enabled"}
    return namespace


def _kustomization(topology: Topology, files: list[str]) -> Manifest:
    # The folder of Envoy's files is a base of its own, since kustomize reads no single files from outside.
    return _kustomize(namespace=topology.namespace, resources=["../../envoy", *files])


def _kustomize(**parts: object) -> Manifest:
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **parts}
