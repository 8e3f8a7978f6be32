"""The servicer of contracts, over contracts in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tenon.data.v1 import contract_pb2
from tenon.data.v1.contract_service_pb2 import GetContractRequest, ListContractsRequest, ListContractsResponse

from services.chassis.call import Call, Caller, CallerKind
from services.chassis.contract import Idempotency, Method, Permission, Rule
from services.chassis.errors import InvalidArgument
from services.chassis.keyring import Keyring, RootKey
from services.data.domain import Contract, ContractUnknown, Interface, Migration, Resource
from services.data.servicer import ContractServicer
from services.records.reading.pages import PageTokenInvalid, PageTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

APPLIED = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)

FLIGHTOPS = Contract(
    package="tenon.flightops.v1",
    host="data",
    files=("tenon/flightops/v1/flight.proto",),
    fingerprint="ab" * 32,
    interfaces=(Interface(service="tenon.flightops.v1.FlightopsService", methods=("GetFlight", "ListFlights")),),
    resources=(
        Resource(
            type="flightops.tenon/Flight",
            message="tenon.flightops.v1.Flight",
            patterns=("flights/{flight}",),
            scope="ORGANIZATION",
            table="tenon_flightops_v1.flights",
        ),
    ),
    migration=Migration(fingerprint="cd", apply_time=APPLIED, statements=("CREATE TABLE flights ()",)),
)


class FakeContracts:
    """Contracts in memory."""

    def __init__(self, contracts: Sequence[Contract]) -> None:
        self._contracts = {contract.package: contract for contract in sorted(contracts, key=lambda c: c.package)}

    async def find(self, package: str) -> Contract | None:
        return self._contracts.get(package)

    async def page(self, *, after: str, size: int) -> list[Contract]:
        return [contract for package, contract in self._contracts.items() if package > after][:size]


def _servicer(*contracts: Contract) -> ContractServicer:
    keyring = Keyring((RootKey(id="k", secret=b"\1" * 32),))
    return ContractServicer(FakeContracts(contracts), PageTokens(keyring))


def _empty(package: str) -> Contract:
    return Contract(package=package, host="data", files=(), fingerprint="", interfaces=(), resources=())


def _call(organization: str = "default") -> Call:
    method = Method(
        path="/tenon.data.v1.ContractService/ListContracts",
        name="ListContracts",
        service="tenon.data.v1.ContractService",
        host="data",
        input="tenon.data.v1.ListContractsRequest",
        output="tenon.data.v1.ListContractsResponse",
        client_streaming=False,
        server_streaming=False,
        rule=Rule(access=Permission(name="data.contracts.list")),
        bindings=(),
        idempotency=Idempotency.NO_SIDE_EFFECTS,
        standard=None,
        comment="",
    )
    transport: Any = None
    call = Call(method=method, metadata={}, transport=transport)
    call.caller = Caller(kind=CallerKind.USER, subject="users/1", organization=organization)
    return call


async def _list(servicer: ContractServicer, call: Call, **request: Any) -> ListContractsResponse:
    return await servicer.ListContracts(ListContractsRequest(**request), call)


async def test_a_contract_tells_what_it_keeps_and_how_far_its_tables_are() -> None:
    found = await _servicer(FLIGHTOPS).GetContract(GetContractRequest(name="contracts/tenon.flightops.v1"), _call())
    assert found.name == "contracts/tenon.flightops.v1"
    assert found.host == "data"
    assert list(found.interfaces[0].methods) == ["GetFlight", "ListFlights"]
    assert found.resources[0].scope == contract_pb2.SCOPE_ORGANIZATION
    assert found.resources[0].table == "tenon_flightops_v1.flights"
    assert found.migration.apply_time.ToDatetime(tzinfo=UTC) == APPLIED
    assert list(found.migration.statements) == ["CREATE TABLE flights ()"]


async def test_a_contract_that_keeps_nothing_here_has_no_migration() -> None:
    found = await _servicer(_empty("a.v1")).GetContract(GetContractRequest(name="contracts/a.v1"), _call())
    assert not found.HasField("migration")


@pytest.mark.parametrize("name", ["contracts/shop.v1", "tenon.flightops.v1", "contracts/", "", "airports/JFK"])
async def test_an_unknown_contract_is_not_found(name: str) -> None:
    with pytest.raises(ContractUnknown) as caught:
        await _servicer(FLIGHTOPS).GetContract(GetContractRequest(name=name), _call())
    assert caught.value.metadata == {"name": name}


async def test_pages_have_every_contract_once_and_in_order() -> None:
    packages = [f"shop{number}.v1" for number in range(7)]
    servicer, call = _servicer(*(_empty(package) for package in packages)), _call()
    seen: list[str] = []
    token = ""
    for _ in packages:
        page = await _list(servicer, call, page_size=3, page_token=token)
        seen += [contract.package for contract in page.contracts]
        token = page.next_page_token
        if not token:
            break
    assert seen == packages


async def test_a_full_last_page_is_the_last() -> None:
    page = await _list(_servicer(_empty("a.v1"), _empty("b.v1")), _call(), page_size=2)
    assert len(page.contracts) == 2
    assert page.next_page_token == ""


async def test_a_token_of_another_organization_is_refused() -> None:
    servicer = _servicer(_empty("a.v1"), _empty("b.v1"))
    token = (await _list(servicer, _call(), page_size=1)).next_page_token
    with pytest.raises(PageTokenInvalid):
        await _list(servicer, _call("other"), page_size=1, page_token=token)


@pytest.mark.parametrize("token", ["b.v1", "AAAA", "%00", "x" * 20_000])
async def test_a_made_up_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        await _list(_servicer(_empty("a.v1")), _call(), page_token=token)


async def test_a_negative_page_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        await _list(_servicer(_empty("a.v1")), _call(), page_size=-1)
