"""What meshgen makes of the toy contract, kept in tests/golden: `python -m tests.unit.meshgen.golden` writes it."""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from services.chassis.contract import compile_protos, load_contract
from services.meshgen import envoy, k8s
from services.meshgen.topology import Topology

if TYPE_CHECKING:
    from services.chassis.contract import Contract

TESTS = Path(__file__).parents[2]
CONTRACTS = TESTS / "integration" / "edge" / "contracts"
GOLDEN = TESTS / "golden"


@cache
def toy_contract() -> Contract:
    """Return the toy contract, with one method of each kind."""
    return load_contract(compile_protos([CONTRACTS]), services=("auth", "data", "toy"))


def laptop() -> Topology:
    """Return a laptop with two workers of the toy service."""
    return Topology.laptop(
        home=PurePath("/home/ann/.tenon"),
        run=PurePath("/run/tenon"),
        workers={"auth": 1, "data": 1, "toy": 2},
        ops_port=9901,
        otlp="http://127.0.0.1:4317",
        root=PurePath("/opt/tenon"),
    )


@cache
def outputs() -> dict[str, str]:
    """Return every golden text by its path in tests/golden."""
    cluster = Topology.cluster(hosts=toy_contract().hosts)
    made = {f"envoy/{path}": text for path, text in envoy.generate(toy_contract(), laptop()).items()}
    return made | {f"k8s/{path}": text for path, text in k8s.generate(toy_contract(), cluster).items()}


if __name__ == "__main__":
    for path, text in outputs().items():
        target = GOLDEN / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
