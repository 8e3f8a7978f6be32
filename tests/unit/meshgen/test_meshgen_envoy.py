"""What the edge's configuration must say, whatever the contract is."""

from __future__ import annotations

import ast
import base64
import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from services.chassis import jwks, tokens
from services.chassis.contract import PROTO_ROOT, Limit, Per, Public, Rule
from services.meshgen import envoy
from services.meshgen.envoy.descriptors import edge_descriptors
from services.meshgen.envoy.filters import CLOCK_SKEW_SECONDS
from services.meshgen.envoy.policy import method_policy
from services.meshgen.envoy.render import duration
from services.meshgen.envoy.replies import REPLIES
from services.meshgen.envoy.routes import JWKS_PATH
from tests.unit.meshgen.golden import GOLDEN, laptop, outputs, toy_contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.meshgen.topology import Topology

JWT = "envoy.filters.http.jwt_authn"
RBAC = "envoy.filters.http.rbac"
LIMIT = "envoy.filters.http.local_ratelimit"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
EXCHANGE = "envoy.filters.http.ext_authz"


def parse(path: str, topology: Topology | None = None) -> dict[str, Any]:
    """Return the first resource of one generated file."""
    files = envoy.generate(toy_contract(), topology or laptop())
    resource: dict[str, Any] = yaml.safe_load(files[path])["resources"][0]
    return resource


def routes() -> dict[str, dict[str, Any]]:
    """Return the routes by name."""
    return {route["name"]: route for route in parse("rds/routes.yaml")["virtual_hosts"][0]["routes"]}


def manager() -> dict[str, Any]:
    """Return the connection manager of the edge."""
    chain = parse("lds/listeners.yaml")["filter_chains"][0]["filters"][0]
    found: dict[str, Any] = chain["typed_config"]
    return found


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


@pytest.mark.parametrize("path", sorted(outputs()))
def test_an_output_is_the_golden_one(path: str) -> None:
    assert outputs()[path] == (GOLDEN / path).read_text(), "write it anew: python -m tests.unit.meshgen.golden"


def test_no_golden_file_is_left_over() -> None:
    kept = {str(p.relative_to(GOLDEN)) for kind in ("envoy", "k8s") for p in (GOLDEN / kind).rglob("*.*")}
    assert kept == set(outputs())


def test_generating_twice_gives_the_same() -> None:
    assert outputs.__wrapped__() == outputs()


def test_every_method_but_the_internal_has_one_exact_route() -> None:
    paths = [route["match"].get("path") for route in routes().values()]
    for method in toy_contract().methods.values():
        assert paths.count(method.path) == (0 if method.is_internal else 1), method.path


def test_internal_methods_are_nowhere_in_the_edge() -> None:
    for text in envoy.generate(toy_contract(), laptop()).values():
        assert "Sweep" not in text
    assert b"Sweep" not in edge_descriptors(toy_contract())


def test_whatever_has_no_route_goes_nowhere_and_is_denied() -> None:
    last = list(routes().values())[-1]
    assert last["match"] == {"prefix": "/"}
    assert last["route"] == {"cluster": "nowhere"}
    assert last["typed_per_filter_config"][JWT]["requirement_name"] == "token"
    assert RBAC not in last["typed_per_filter_config"]
    rbac = next(f for f in manager()["http_filters"] if f["name"] == RBAC)
    assert rbac["typed_config"]["rules"] == {"action": "ALLOW", "policies": {}}


def test_a_token_is_needed_where_a_route_does_not_say_otherwise() -> None:
    host = parse("rds/routes.yaml")["virtual_hosts"][0]
    assert host["typed_per_filter_config"][JWT]["requirement_name"] == "token"
    free = {n for n, r in routes().items() if r["typed_per_filter_config"][JWT]["requirement_name"] == "none"}
    public = {m.path.strip("/") for m in toy_contract().methods.values() if isinstance(m.rule.access, Public)}
    rest = free - public
    assert all(name in {"jwks", "healthz"} or name.startswith(("grpc.", "page/", "http/")) for name in rest), rest
    # What Envoy answers by itself leaves it never; the standards of auth's pages ask for the header.
    forwarded = {n for n in free if "direct_response" not in routes()[n] and not n.startswith("http/")}
    assert all("authorization" in routes()[n].get("request_headers_to_remove", []) for n in forwarded)


def test_calls_without_a_token_have_a_budget_of_their_own() -> None:
    budgets = {name: route["route"].get("priority") for name, route in routes().items() if "route" in route}
    free = {n for n, r in routes().items() if r["typed_per_filter_config"][JWT]["requirement_name"] == "none"}
    forwarded = free & set(budgets)
    assert {name for name, budget in budgets.items() if budget == "HIGH"} == forwarded - {"jwks"}
    services = yaml.safe_load(envoy.generate(toy_contract(), laptop())["cds/clusters.yaml"])["resources"]
    for cluster in (c for c in services if "circuit_breakers" in c):
        limits = {t["priority"]: t["max_requests"] for t in cluster["circuit_breakers"]["thresholds"]}
        assert limits["HIGH"] < limits["DEFAULT"], cluster["name"]


def test_the_transcoder_comes_before_every_policy() -> None:
    order = [f["name"].rpartition(".")[2] for f in manager()["http_filters"]]
    assert order.index("grpc_json_transcoder") < min(map(order.index, ("jwt_authn", "rbac", "local_ratelimit")))
    assert order.index("cors") < order.index("body_size_limit") < order.index("grpc_json_transcoder")
    assert order.index("rbac") < order.index("local_ratelimit")
    assert order[-1] == "router"


def test_the_transcoder_is_never_disabled_where_a_policy_counts() -> None:
    for name, route in routes().items():
        disabled = route["typed_per_filter_config"].get(TRANSCODER, {}).get("disabled", False)
        assert disabled == (name in {"jwks", "healthz"} or name.startswith(("page/", "http/"))), name


def test_descriptor_and_services_are_in_the_route_file_alone() -> None:
    listener = next(f for f in manager()["http_filters"] if f["name"] == TRANSCODER)
    assert listener["typed_config"]["services"] == []
    assert listener["typed_config"]["proto_descriptor_bin"] == ""
    config = parse("rds/routes.yaml")["virtual_hosts"][0]["typed_per_filter_config"][TRANSCODER]
    assert config["services"] == ["tenon.toy.v1.ToyService"]
    assert base64.b64decode(config["proto_descriptor_bin"]) == edge_descriptors(toy_contract())


def test_the_descriptors_stand_alone_and_hold_the_details_of_errors() -> None:
    files = FileDescriptorSet.FromString(edge_descriptors(toy_contract())).file
    pool = DescriptorPool()
    for file in files:
        pool.Add(file)  # Refuses a file whose imports are not there yet.
    assert pool.FindMessageTypeByName("google.rpc.ErrorInfo")
    method = pool.FindMethodByName("tenon.toy.v1.ToyService.Look")
    assert method.GetOptions().Extensions[annotations_pb2.http].get == "/toy/v1/{name=things/*}"
    assert not [f.name for f in files if "validate" in f.name or "options" in f.name]


def test_a_changed_rule_leaves_the_descriptors_alone() -> None:
    contract = toy_contract()
    assert not any(field.options.ByteSize() for field in _fields(contract))
    assert b"permission" not in edge_descriptors(contract)


def _fields(contract: Any) -> Iterator[Any]:
    for file in FileDescriptorSet.FromString(edge_descriptors(contract)).file:
        for message in file.message_type:
            yield from message.field


def test_retries_are_for_methods_that_may_be_repeated() -> None:
    retried = {name for name, route in routes().items() if "retry_policy" in route.get("route", {})}
    assert {name for name in retried if not name.startswith("http/")} == {"tenon.toy.v1.ToyService/Look", "jwks"}
    assert not [n for n in retried if n.startswith("http/") and "POST" in str(routes()[n]["match"]["headers"])]


def test_credentials_are_exchanged_where_a_token_is_needed_and_nowhere_else() -> None:
    assert parse("rds/routes.yaml")["virtual_hosts"][0]["typed_per_filter_config"][EXCHANGE]["disabled"] is True
    exchanged = {name for name, route in routes().items() if EXCHANGE in route["typed_per_filter_config"]}
    methods = [m for m in toy_contract().methods.values() if not m.is_internal]
    assert exchanged == {m.path.strip("/") for m in methods if not isinstance(m.rule.access, Public)}


def test_a_failed_exchange_denies() -> None:
    """Auth statement 49."""
    config = next(f["typed_config"] for f in manager()["http_filters"] if f["name"] == EXCHANGE)
    assert config["failure_mode_allow"] is False
    order = [f["name"] for f in manager()["http_filters"]]
    assert order.index(TRANSCODER) < order.index(EXCHANGE) < order.index(JWT)


@pytest.mark.parametrize(
    ("per", "key"), [(Per.SUBJECT, "sub"), (Per.ORGANIZATION, "org"), (Per.ADDRESS, "remote_address")]
)
def test_a_limit_counts_by_what_the_rule_says(per: Per, key: str) -> None:
    method = toy_contract().methods["/tenon.toy.v1.ToyService/Look"]
    limit = Limit(per=per, requests=10, window=60.0, burst=3)
    config = method_policy(replace(method, rule=replace(method.rule, limit=limit)))[LIMIT]
    assert config["descriptors"][0]["entries"] == [{"key": key}]
    assert config["token_bucket"] == {"max_tokens": 3, "tokens_per_fill": 10, "fill_interval": "60s"}
    assert config["max_dynamic_descriptors"] > 1000


def test_a_limit_per_subject_counts_by_address_where_nobody_signs_in() -> None:
    method = toy_contract().methods["/tenon.toy.v1.ToyService/Greet"]
    limit = Limit(per=Per.SUBJECT, requests=1, window=1.0, burst=1)
    config = method_policy(replace(method, rule=Rule(access=Public(reason="x"), limit=limit)))[LIMIT]
    assert config["descriptors"][0]["entries"] == [{"key": "remote_address"}]


def test_a_service_without_an_endpoint_is_an_error_with_its_name() -> None:
    with pytest.raises(ValueError, match="toy"):
        envoy.generate(toy_contract(), replace(laptop(), grpc={"data": ("unix:/data-0.sock",)}))


@pytest.mark.parametrize(
    ("said", "host", "port"),
    [
        ("http://127.0.0.1:4317", "127.0.0.1", 4317),
        ("collector:4318/", "collector", 4318),
        ("http://collector", "collector", 4317),
    ],
)
def test_the_collector_is_read_as_opentelemetry_writes_it(said: str, host: str, port: int) -> None:
    files = envoy.generate(toy_contract(), replace(laptop(), otlp=said))
    clusters = yaml.safe_load(files["cds/clusters.yaml"])["resources"]
    found = next(c for c in clusters if c["name"] == "otlp")
    assert [v for k, v in walk(found) if k == "socket_address"] == [{"address": host, "port_value": port}]


def test_an_internal_method_has_no_policy_at_the_edge() -> None:
    with pytest.raises(ValueError, match="internal"):
        method_policy(toy_contract().methods["/tenon.toy.v1.ToyService/Sweep"])


def test_no_cluster_is_trusted_without_its_own_identity() -> None:
    clusters = yaml.safe_load(envoy.generate(toy_contract(), laptop())["cds/clusters.yaml"])["resources"]
    for name in ("auth", "data", "toy"):
        cluster = next(c for c in clusters if c["name"] == name)
        names = [value for key, value in walk(cluster["transport_socket"]) if key == "exact"]
        assert names == [f"spiffe://tenon.local/ns/tenon/sa/{name}"]
        versions = {v for k, v in walk(cluster["transport_socket"]) if k.endswith("protocol_version")}
        assert versions == {"TLSv1_3"}
    toy = next(c for c in clusters if c["name"] == "toy")
    assert [v for k, v in walk(toy) if k == "path" and v.endswith(".sock")] == [
        "/run/tenon/toy-0.sock",
        "/run/tenon/toy-1.sock",
    ]


def test_each_file_is_watched_in_a_folder_of_its_own() -> None:
    files = envoy.generate(toy_contract(), laptop())
    watched = [path for path in files if path != envoy.BOOTSTRAP_FILE and not path.startswith("pages/")]
    folders = [Path(path).parent for path in watched]
    assert len(folders) == len(set(folders))


def test_every_error_has_one_reason_that_the_contract_lists() -> None:
    assert len({reply.http for reply in REPLIES}) == len(REPLIES)
    known = {0, *range(1, 17)}
    assert {reply.code for reply in REPLIES} <= known
    assert all(reply.reason.isupper() for reply in REPLIES)


@pytest.mark.parametrize(
    ("seconds", "text"), [(2, "2s"), (0.025, "0.025s"), (60.0, "60s"), (0, "0s"), (1e7, "10000000s")]
)
def test_a_duration_is_written_as_protobuf_has_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_writing_swaps_what_differs_and_nothing_else(tmp_path: Path) -> None:
    files = envoy.generate(toy_contract(), laptop())
    assert set(envoy.write(tmp_path, files)) == set(files)
    assert envoy.write(tmp_path, files) == ()
    before = (tmp_path / "cds/clusters.yaml").stat().st_ino
    changed = {**files, "rds/routes.yaml": files["rds/routes.yaml"] + "\n"}
    assert envoy.write(tmp_path, changed) == ("rds/routes.yaml",)
    assert (tmp_path / "cds/clusters.yaml").stat().st_ino == before
    less = {path: text for path, text in files.items() if not path.startswith("sds/")}
    envoy.write(tmp_path, less)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == set(less)


def test_what_is_referred_to_is_written_first(tmp_path: Path) -> None:
    order = envoy.write(tmp_path, envoy.generate(toy_contract(), laptop()))
    kinds = [path.partition("/")[0] for path in order]
    assert kinds.index("pages") < kinds.index("rds")
    assert kinds.index("cds") < kinds.index("lds") < kinds.index("rds")


def test_no_generated_file_says_a_secret_or_this_machine() -> None:
    for text in outputs().values():
        assert "PRIVATE KEY" not in text
        assert str(Path.cwd()) not in text


def test_reasons_of_the_edge_are_those_of_the_contract() -> None:
    text = (PROTO_ROOT / "tenon" / "errors" / "v1" / "error_reason.proto").read_text()
    assert not [reply.reason for reply in REPLIES if f"ERROR_REASON_{reply.reason} =" not in text]


def test_the_edge_and_the_services_take_the_same_tokens() -> None:
    leeway = inspect.signature(tokens.TokenVerifier).parameters["leeway"].default
    assert (jwks.JWKS_PATH, leeway) == (JWKS_PATH, CLOCK_SKEW_SECONDS)


def test_generators_read_no_environment_and_no_file() -> None:
    folder = Path(envoy.__file__).parent
    for path in folder.glob("*.py"):
        if path.name == "folder.py":
            continue
        names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
        assert not names & {"open", "os", "environ", "Path"}, path.name
