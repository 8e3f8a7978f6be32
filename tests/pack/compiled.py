"""The contracts that the pack runs over, compiled once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract, own_files, service_folders

CONTRACTS = Path(__file__).parent / "contracts"
"""The odd contracts, written for the pack."""

PACKAGES = ("odd.kinds.v1", "odd.nests.v1", "odd.depths.v1", "tenon.flightops.v1", "tenon.commerce.v1")
"""What the statements are shown for."""


@cache
def contract() -> Contract:
    """Return the contract of the repository with the odd ones beside it."""
    descriptors = compile_protos([PROTO_ROOT, CONTRACTS])
    return load_contract(descriptors, services=service_folders(), own=own_files(), custom=None)
