"""Data's wiring on a real Postgres: what it serves, and what it tells of its contracts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.audit import AuditTrail
from services.chassis.contract import REPOSITORY, Contract, ContractError, read_contract
from services.chassis.keyring import Keyring, RootKey
from services.data.__main__ import ContractHost
from services.data.storage import CompiledContracts
from services.records.engine import Engine
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

KEYRING = Keyring((RootKey(id="k", secret=b"\1" * 32),))
FLIGHTOPS = "tenon.flightops.v1"


@pytest.fixture
def contract() -> Contract:
    return read_contract(REPOSITORY / "gen" / "contract.binpb")


@pytest.fixture
def engine(contract: Contract, pool: Pool) -> Engine:
    return Engine(contract, host="data", pool=pool, keyring=KEYRING)


def _host(pool: Pool) -> ContractHost:
    telemetry = fake_telemetry()
    audit = AuditTrail(None)
    frame: Any = SimpleNamespace(
        name="data", environ={}, keyring=KEYRING, telemetry=telemetry, clients=None, audit=audit
    )
    return ContractHost(frame, pool)


async def test_a_contract_has_no_migration_before_the_first(contract: Contract, engine: Engine, pool: Pool) -> None:
    found = await CompiledContracts(contract, engine.tables, pool).find(FLIGHTOPS)
    assert found is not None
    assert found.migration is None


async def test_a_contract_tells_the_statements_that_made_its_tables(
    contract: Contract, engine: Engine, pool: Pool
) -> None:
    await engine.migrate()
    found = await CompiledContracts(contract, engine.tables, pool).find(FLIGHTOPS)
    assert found is not None
    assert found.migration is not None
    made = "\n".join(found.migration.statements)
    for resource in found.resources:
        assert f"CREATE TABLE {resource.table} " in made
    assert {resource.scope for resource in found.resources} == {"GLOBAL", "ORGANIZATION"}


async def test_contracts_of_other_processes_are_listed_without_tables(
    contract: Contract, engine: Engine, pool: Pool
) -> None:
    await engine.migrate()
    page = await CompiledContracts(contract, engine.tables, pool).page(after="", size=100)
    assert [each.package for each in page] == sorted({service.package for service in contract.services})
    auth = next(each for each in page if each.package == "tenon.auth.v1")
    assert auth.host == "auth"
    assert auth.migration is None
    assert all(resource.table == "" for resource in auth.resources)


async def test_internal_methods_are_not_told(contract: Contract, engine: Engine, pool: Pool) -> None:
    auth = await CompiledContracts(contract, engine.tables, pool).find("tenon.auth.v1")
    assert auth is not None
    assert "MintToken" not in {method for interface in auth.interfaces for method in interface.methods}


async def test_every_hosted_rpc_is_served(contract: Contract, pool: Pool) -> None:
    handlers = _host(pool).serve_contract(contract).handlers
    hosted = {method.path for service in contract.hosted_by("data") for method in service.methods}
    assert handlers.keys() == hosted


async def test_a_hosted_method_that_nothing_derives_stops_the_start(contract: Contract, pool: Pool) -> None:
    services = tuple(
        replace(
            service,
            methods=(*service.methods, replace(service.methods[0], name="Cancel", path="/x/Cancel", standard=None)),
        )
        if service.package == FLIGHTOPS
        else service
        for service in contract.services
    )
    changed = Contract(
        descriptors=contract.descriptors, services=services, records=contract.records, pool=contract.pool
    )
    with pytest.raises(ContractError, match=r"FlightopsService\.Cancel: nothing serves it.*Mend: "):
        _host(pool).serve_contract(changed)
