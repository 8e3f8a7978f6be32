"""The processes in a cluster: deployments, services, identities, budgets and scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.meshgen.envoy import BOOTSTRAP_FILE
from services.meshgen.k8s.manifest import NAME_LABEL, PART_LABEL, Manifest, manifest, selector
from services.meshgen.topology import EDGE_PORT, GRPC_PORT, HTTP_PORT

if TYPE_CHECKING:
    from services.meshgen.topology import Topology

EDGE = "edge"
IMAGE = "tenon"
"""The one image of all processes; overlays say which version of it, and from where."""

BOOTSTRAP_MAP = "edge-bootstrap"
"""The config map whose change restarts the edge."""

RESOURCE_MAP = "edge-resources"
"""The config map whose change the running edge takes up by itself."""


def service_manifests(topology: Topology, name: str) -> list[Manifest]:
    """Return all that one service needs to run."""
    ports = [
        {"name": "grpc", "port": GRPC_PORT, "targetPort": "grpc", "appProtocol": "grpc"},
        {"name": "http", "port": HTTP_PORT, "targetPort": "http", "appProtocol": "http"},
    ]
    deployment = _deployment(name, "service", _service_pod(topology, name))
    return [*_identity(name), deployment, _sidecar(name), *_surroundings(name, ports)]


def edge_manifests(topology: Topology, files: list[str]) -> list[Manifest]:
    """Return all that the edge needs to run. `files` are those of Envoy, below its folder."""
    ports = [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"}]
    return [*_identity(EDGE), _deployment(EDGE, EDGE, _edge_pod(topology, files)), *_surroundings(EDGE, ports)]


def resource_key(path: str) -> str:
    """Return the key of a file in a config map, where keys have no slash."""
    return path.replace("/", ".")


def _identity(name: str) -> list[Manifest]:
    # Tokens of the cluster's own API are of no use to us, and of much use to a thief.
    return [manifest("v1", "ServiceAccount", name, name, automountServiceAccountToken=False)]


def _sidecar(name: str) -> Manifest:
    """Return what the sidecar takes in and hands on: gRPC to the pod's loopback, where nobody else gets."""
    ingress = [
        {
            "port": {"number": GRPC_PORT, "protocol": "GRPC", "name": "grpc"},
            "defaultEndpoint": f"127.0.0.1:{GRPC_PORT}",
        },
        {"port": {"number": HTTP_PORT, "protocol": "HTTP", "name": "http"}, "defaultEndpoint": f"0.0.0.0:{HTTP_PORT}"},
    ]
    spec = {"workloadSelector": {"labels": {NAME_LABEL: name}}, "ingress": ingress}
    return manifest("networking.istio.io/v1", "Sidecar", name, name, spec=spec)


def _surroundings(name: str, ports: list[Manifest]) -> list[Manifest]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    usage = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    scaling = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 10, "metrics": [usage]}
    budget = {"maxUnavailable": 1, "selector": selector(name)}
    return [
        manifest("v1", "Service", name, name, spec={"selector": {NAME_LABEL: name}, "ports": ports}),
        manifest("policy/v1", "PodDisruptionBudget", name, name, spec=budget),
        manifest("autoscaling/v2", "HorizontalPodAutoscaler", name, name, spec=scaling),
    ]


def _deployment(name: str, part: str, pod: Manifest) -> Manifest:
    labels = {NAME_LABEL: name, PART_LABEL: part}
    template = {"metadata": {"labels": labels, **pod.pop("metadata")}, "spec": pod}
    # Replicas are the autoscaler's.
    spec = {
        "selector": selector(name),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": template,
    }
    return manifest("apps/v1", "Deployment", name, name, spec=spec)


def _service_pod(topology: Topology, name: str) -> Manifest:
    # Not gRPC's own probe: it goes to the pod's address, where nobody answers but the sidecar.
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    container = {
        "name": name,
        "image": IMAGE,
        "command": ["python", "-m", f"services.{name}"],
        "env": _environment(topology, name),
        "ports": [{"name": "grpc", "containerPort": GRPC_PORT}, {"name": "http", "containerPort": HTTP_PORT}],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 60},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": _container_security(),
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "root-key", "mountPath": "/etc/tenon/root-key", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "root-key", "secret": {"secretName": "tenon-root-key", "defaultMode": 0o400}},
    ]
    return _pod(name, container, volumes, metrics=HTTP_PORT, path="/metrics")


def _environment(topology: Topology, name: str) -> list[Manifest]:
    jwks = topology.http[topology.jwks_service][0]
    peers = ",".join(f"{peer}={';'.join(endpoints)}" for peer, endpoints in sorted(topology.grpc.items()))
    plain = {
        "TENON_CONTRACT": "/app/gen/contract.binpb",
        # The sidecar says who calls, so that nothing may reach this port but through it.
        "TENON_MESH": "sidecar",
        "TENON_LISTEN": f"127.0.0.1:{GRPC_PORT}",
        "TENON_HTTP_LISTEN": f"0.0.0.0:{HTTP_PORT}",
        "TENON_TRUST_DOMAIN": topology.trust_domain,
        "TENON_NAMESPACE": topology.namespace,
        "TENON_ISSUER": topology.issuer,
        "TENON_AUDIENCE": topology.audience,
        "TENON_JWKS": f"http://{jwks}",
        "TENON_ROOT_KEY": "/etc/tenon/root-key/root.key",
        "TENON_PEERS": peers,
    }
    secret = {
        "TENON_DATABASE_URL": (f"{name}-database", "url"),
        "TENON_REDIS_URL": ("tenon-redis", "url"),
    }
    values: list[Manifest] = [{"name": key, "value": value} for key, value in plain.items()]
    values += [
        {"name": key, "valueFrom": {"secretKeyRef": {"name": source, "key": part}}}
        for key, (source, part) in secret.items()
    ]
    return values


def _edge_pod(topology: Topology, files: list[str]) -> Manifest:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    options = [
        "--reject-unknown-dynamic-fields",
        "--disable-hot-restart",
        "--concurrency",
        "2",
        "--log-level",
        "warning",
    ]
    container = {
        "name": EDGE,
        "image": IMAGE,
        "command": ["envoy", "-c", f"{topology.folder}/{BOOTSTRAP_FILE}", *options],
        "ports": [
            {"name": "http", "containerPort": EDGE_PORT},
            {"name": "metrics", "containerPort": topology.ops_port},
        ],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 30},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 6},
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
        "resources": {"requests": {"cpu": "500m", "memory": "128Mi"}, "limits": {"memory": "1536Mi"}},
        "securityContext": _container_security(),
        "volumeMounts": [
            {"name": "envoy", "mountPath": topology.folder, "readOnly": True},
            {"name": "run", "mountPath": topology.admin.rpartition("/")[0]},
        ],
    }
    resources = [{"key": resource_key(path), "path": path} for path in files if path != BOOTSTRAP_FILE]
    sources = [
        {"configMap": {"name": BOOTSTRAP_MAP, "items": [{"key": BOOTSTRAP_FILE, "path": BOOTSTRAP_FILE}]}},
        {"configMap": {"name": RESOURCE_MAP, "items": resources}},
    ]
    volumes = [{"name": "envoy", "projected": {"sources": sources}}, {"name": "run", "emptyDir": {}}]
    return _pod(EDGE, container, volumes, metrics=topology.ops_port, path="/edge/metrics")


def _pod(name: str, container: Manifest, volumes: list[Manifest], *, metrics: int, path: str) -> Manifest:
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(metrics),
        "prometheus.io/path": path,
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector(name),
    }
    user = 65532
    return {
        "metadata": {"annotations": annotations},
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 45,
        "topologySpreadConstraints": [spread],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }


def _container_security() -> Manifest:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
