"""A depot for each test, kept by the record engine in a database of its own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from services.chassis.contract import PROTO_ROOT, compile_protos, load_contract
from services.records.engine import Engine
from tests.integration.records.library import KEYRING
from tests.integration.records.writes.depot import PACKAGE, SERVICE, Depot

if TYPE_CHECKING:
    from services.chassis.contract import Contract
    from services.chassis.postgres import Pool

CONTRACTS = Path(__file__).parent / "contracts"


@cache
def depot_contract() -> Contract:
    """Compile the depot's contract, once."""
    compiled = compile_protos([PROTO_ROOT, CONTRACTS])
    # Without the contracts of the repository, which would be migrated for each test.
    by_name = {file.name: file for file in compiled.file}
    wanted: list[str] = ["depot/v1/depot.proto"]
    for name in wanted:  # grows while it is walked
        wanted += [each for each in by_name[name].dependency if each not in wanted]
    kept = FileDescriptorSet(file=[file for file in compiled.file if file.name in wanted])
    return load_contract(kept, services=("auth", "data"), custom=None)


@pytest.fixture
async def depot(pool: Pool) -> Depot:
    contract = depot_contract()
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    return Depot(engine, contract, PACKAGE, SERVICE)
