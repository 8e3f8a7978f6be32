"""What the manifests of a cluster must say, judged by the shapes of Kubernetes and of Istio's v1."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.chassis.contract import Permission
from services.chassis.settings import Settings
from services.meshgen import envoy, k8s
from services.meshgen.topology import Topology
from tests.unit.meshgen.golden import toy_contract

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?")
KINDS = {
    "Namespace": "v1",
    "ServiceAccount": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PeerAuthentication": "security.istio.io/v1",
    "RequestAuthentication": "security.istio.io/v1",
    "AuthorizationPolicy": "security.istio.io/v1",
    "Sidecar": "networking.istio.io/v1",
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
}
SPECS = {
    "PeerAuthentication": {"selector", "mtls", "portLevelMtls"},
    "RequestAuthentication": {"selector", "jwtRules"},
    "AuthorizationPolicy": {"selector", "action", "rules"},
    "Sidecar": {"workloadSelector", "ingress"},
}
RULE = {"from", "to", "when"}
SOURCE = {"principals", "requestPrincipals", "namespaces"}
OPERATION = {"ports", "methods", "paths", "hosts"}
CONDITION = {"key", "values", "notValues"}


def topology() -> Topology:
    """Return the cluster of the toy contract."""
    return Topology.cluster(hosts=toy_contract().hosts)


def manifests(kind: str = "") -> list[dict[str, Any]]:
    """Return all objects, or those of one kind."""
    files = k8s.generate(toy_contract(), topology())
    found = [item for text in files.values() for item in yaml.safe_load_all(text)]
    return [item for item in found if not kind or item["kind"] == kind]


def policies(host: str = "toy") -> dict[str, dict[str, Any]]:
    """Return the authorization policies of one service by name."""
    label = "app.kubernetes.io/name"
    return {
        item["metadata"]["name"]: item["spec"]
        for item in manifests("AuthorizationPolicy")
        if item["spec"].get("selector", {}).get("matchLabels", {}).get(label) == host
    }


def istio_matches(pattern: str, value: str) -> bool:
    """Compare as Istio does (pilot/pkg/security/authz/matcher): a star at one end is a wildcard, first at the begin."""
    if pattern == "*":
        return bool(value)
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern


def grants(rule: dict[str, Any], held: list[str]) -> bool:
    """Whether the conditions of a rule hold for a token with these permissions."""

    def finds(patterns: list[str]) -> bool:
        return any(istio_matches(pattern, value) for pattern in patterns for value in held)

    return all(finds(condition["values"]) and not finds(condition.get("notValues", [])) for condition in rule["when"])


def test_every_object_has_its_kind_and_a_name_that_kubernetes_takes() -> None:
    seen = set()
    for item in manifests():
        assert item["apiVersion"] == KINDS[item["kind"]]
        if item["kind"] == "Kustomization":
            continue
        name = item["metadata"]["name"]
        assert NAME.fullmatch(name), name
        assert (item["kind"], name) not in seen, name
        seen.add((item["kind"], name))


def test_istio_objects_have_no_field_that_istio_does_not_know() -> None:
    for kind, fields in SPECS.items():
        for item in manifests(kind):
            assert set(item["spec"]) <= fields
            for rule in item["spec"].get("rules", []):
                assert set(rule) <= RULE
                assert all(set(part["source"]) <= SOURCE for part in rule.get("from", []))
                assert all(set(part["operation"]) <= OPERATION for part in rule["to"])
                assert all(set(part) <= CONDITION for part in rule.get("when", []))


def test_every_file_is_named_by_the_kustomization() -> None:
    files = k8s.generate(toy_contract(), topology())
    listed = yaml.safe_load(files["kustomization.yaml"])["resources"]
    assert set(listed) == {*files, "../../envoy"} - {"kustomization.yaml"}


def test_nothing_is_allowed_that_no_policy_allows() -> None:
    assert [item["spec"] for item in manifests("AuthorizationPolicy") if not item["spec"]] == [{}]
    strict = [i for i in manifests("PeerAuthentication") if "selector" not in i["spec"]]
    assert [item["spec"]["mtls"]["mode"] for item in strict] == ["STRICT"]


def test_every_method_is_in_exactly_one_policy_of_its_service() -> None:
    for method in toy_contract().methods.values():
        naming = {
            name
            for name, spec in policies().items()
            for rule in spec["rules"]
            for part in rule["to"]
            if method.path in part["operation"].get("paths", [])
        }
        assert len(naming) == 1, (method.path, naming)


def test_an_internal_method_is_for_the_named_callers_alone() -> None:
    rules = policies()["toy-internal"]["rules"]
    callers = {rule["to"][0]["operation"]["paths"][0]: rule["from"][0]["source"]["principals"] for rule in rules}
    mesh = "cluster.local/ns/tenon/sa"
    assert callers == {
        "/tenon.toy.v1.ToyService/Sweep": [f"{mesh}/auth"],
        "/tenon.toy.v1.ToyService/Report": [f"{mesh}/auth", f"{mesh}/data", f"{mesh}/toy"],
    }


def test_what_was_revoked_is_told_to_services_and_not_to_the_edge() -> None:
    (rule,) = next(m for m in manifests("AuthorizationPolicy") if m["metadata"]["name"] == "revocations")["spec"][
        "rules"
    ]
    names = [principal.rpartition("/")[2] for principal in rule["from"][0]["source"]["principals"]]
    assert names == ["auth", "data", "toy"]
    assert rule["to"][0]["operation"]["paths"] == ["/internal/revocations"]


def test_a_step_up_is_asked_for_beside_the_permission() -> None:
    for rule in policies()["toy-toy-things-burn"]["rules"]:
        assert {"key": "request.auth.claims[acr]", "values": ["aal2", "aal3"]} in rule["when"]
        assert len(rule["when"]) == 2
    plain, confirming = policies()["toy-authenticated"]["rules"]
    assert "when" not in plain
    assert confirming["when"] == [{"key": "request.auth.claims[acr]", "values": ["aal1", "aal2", "aal3"]}]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (["toy.things.look"], True),
        (["toy.things.*"], True),
        (["toy.*"], True),
        (["*"], True),
        (["other.things.look", "toy.*"], True),
        ([], False),
        (["toy.things.keep"], False),
        (["toy.thing.*"], False),
        (["toy.ticks.*"], False),
        (["other.*"], False),
        (["other.things.*"], False),
        (["toy.things.look.x"], False),
        (["toy"], False),
    ],
)
def test_a_policy_grants_what_the_patterns_grant(held: list[str], expected: bool) -> None:
    rules = policies()["toy-toy-things-look"]["rules"]
    assert any(grants(rule, held) for rule in rules) is expected


def test_a_permission_asks_for_a_token_of_ours_and_a_caller_in_the_mesh() -> None:
    names = {m.rule.access.name for m in toy_contract().methods.values() if isinstance(m.rule.access, Permission)}
    for name in names:
        for rule in policies()[f"toy-{name.replace('.', '-')}"]["rules"]:
            source = rule["from"][0]["source"]
            assert source["requestPrincipals"] == ["https://tenon.example/*"]
            assert "cluster.local/ns/tenon/sa/edge" in source["principals"]
            assert all("*" not in principal for principal in source["principals"])


def test_every_pod_is_confined() -> None:
    deployments = manifests("Deployment")
    assert {item["metadata"]["name"] for item in deployments} == {"edge", "toy"}
    for item in deployments:
        pod = item["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {"startupProbe", "readinessProbe", "livenessProbe", "resources"} <= set(container)
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert item["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_ports_of_services_say_their_protocol_and_exist_in_the_pod() -> None:
    pods = {i["metadata"]["name"]: i["spec"]["template"]["spec"] for i in manifests("Deployment")}
    for service in manifests("Service"):
        ports = {port["name"] for c in pods[service["metadata"]["name"]]["containers"] for port in c["ports"]}
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports
            assert port["appProtocol"] in {"grpc", "http"}


def environment(pod: dict[str, Any]) -> dict[str, str]:
    """Return the variables of a pod's one container that are written in the manifest."""
    return {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"] if "value" in entry}


def test_a_service_is_reached_through_its_sidecar_alone() -> None:
    for item in manifests("Sidecar"):
        name = item["metadata"]["name"]
        assert item["spec"]["workloadSelector"]["labels"] == {"app.kubernetes.io/name": name}
        pod = next(i for i in manifests("Deployment") if i["metadata"]["name"] == name)["spec"]["template"]["spec"]
        environ = environment(pod)
        handed_on = {entry["port"]["name"]: entry["defaultEndpoint"] for entry in item["spec"]["ingress"]}
        assert handed_on == {"grpc": environ["TENON_LISTEN"], "http": environ["TENON_HTTP_LISTEN"]}
        assert environ["TENON_LISTEN"].startswith("127.0.0.1:")
        assert {"TENON_INSECURE", "TENON_CERTS"}.isdisjoint(environ)


def test_a_service_starts_with_the_environment_that_its_manifest_gives() -> None:
    pod = next(i for i in manifests("Deployment") if i["metadata"]["name"] == "toy")["spec"]["template"]["spec"]
    settings = Settings.from_environ(environment(pod))
    assert settings.behind_sidecar
    assert f"spiffe://{settings.trust_domain}/ns/{settings.namespace}/sa/toy" == topology().identity("toy")


def test_every_service_has_a_sidecar() -> None:
    services = {i["metadata"]["name"] for i in manifests("Deployment")} - {"edge"}
    assert {item["metadata"]["name"] for item in manifests("Sidecar")} == services


def test_the_edge_reads_all_of_its_files_from_config_maps() -> None:
    files = envoy.generate(toy_contract(), topology())
    edge = next(i for i in manifests("Deployment") if i["metadata"]["name"] == "edge")
    volume = next(v for v in edge["spec"]["template"]["spec"]["volumes"] if v["name"] == "envoy")
    mounted = {i["path"]: i["key"] for s in volume["projected"]["sources"] for i in s["configMap"]["items"]}
    assert set(mounted) == set(files)
    maps = yaml.safe_load(k8s.kustomize_envoy(sorted(files)))["configMapGenerator"]
    held = {entry.partition("=")[0]: entry.rpartition("=")[2] for made in maps for entry in made["files"]}
    assert held == {key: path for path, key in mounted.items()}


def test_the_committed_folders_have_what_is_generated_and_a_page_by_hand() -> None:
    root = Path(__file__).parents[3]
    assert (root / "envoy" / "README.md").is_file()
    for path in [*(root / "envoy").rglob("*.yaml"), *(root / "k8s" / "base").rglob("*.yaml")]:
        assert "by `make gen`" in path.read_text().splitlines()[0], path
