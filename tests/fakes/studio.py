"""A made-up contract with all that GraphQL is derived from: references, parents, maps, permissions on fields."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract, service_folders

FOLDER = Path(__file__).parents[1] / "golden" / "contracts" / "studio"


@cache
def studio_contract() -> Contract:
    """Compile the studio's contract, once; the repository's own were judged elsewhere."""
    return load_contract(compile_protos([PROTO_ROOT, FOLDER]), services=service_folders(), custom=None)


@cache
def only_studio() -> Contract:
    """Compile the studio's contract without the repository's, whose schemas change."""
    return load_contract(compile_protos([FOLDER]), services=service_folders(), custom=None)
