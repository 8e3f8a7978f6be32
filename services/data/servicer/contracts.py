"""Serves `tenon.data.v1.ContractService`: messages on the outside, the domain within."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenon.data.v1 import contract_pb2, contract_service_pb2

from services.data.domain import find_contract
from services.records.reading.pages import fingerprint, page_size

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.data.domain import Contract, Contracts, Interface, Migration, Resource
    from services.records.reading.pages import PageTokens


class ContractServicer:
    """Tells which contracts run here."""

    def __init__(self, contracts: Contracts, tokens: PageTokens) -> None:
        """Take the contracts in force and what seals page tokens."""
        self._contracts = contracts
        self._tokens = tokens

    async def GetContract(self, request: contract_service_pb2.GetContractRequest, _: Call) -> contract_pb2.Contract:
        """Return one contract; raises ContractUnknown."""
        return _encode(await find_contract(self._contracts, request.name))

    async def ListContracts(
        self, request: contract_service_pb2.ListContractsRequest, call: Call
    ) -> contract_service_pb2.ListContractsResponse:
        """Return a page of contracts; raises PageTokenInvalid and InvalidArgument."""
        size = page_size(request.page_size)
        bound_to = fingerprint(call.method.path, call.caller.organization, request)
        after = str(self._tokens.open(request.page_token, bound_to)[0]) if request.page_token else ""
        # One more than the page has says whether there is another.
        found = await self._contracts.page(after=after, size=size + 1)
        page, more = found[:size], len(found) > size
        return contract_service_pb2.ListContractsResponse(
            contracts=[_encode(contract) for contract in page],
            next_page_token=self._tokens.seal((page[-1].package,), bound_to) if more else "",
        )


def _encode(contract: Contract) -> contract_pb2.Contract:
    return contract_pb2.Contract(
        name=contract.name,
        package=contract.package,
        host=contract.host,
        files=contract.files,
        fingerprint=contract.fingerprint,
        interfaces=[_encode_interface(interface) for interface in contract.interfaces],
        resources=[_encode_resource(resource) for resource in contract.resources],
        migration=None if contract.migration is None else _encode_migration(contract.migration),
    )


def _encode_interface(interface: Interface) -> contract_pb2.Interface:
    return contract_pb2.Interface(service=interface.service, methods=interface.methods)


def _encode_resource(resource: Resource) -> contract_pb2.Resource:
    return contract_pb2.Resource(
        type=resource.type,
        message=resource.message,
        patterns=resource.patterns,
        scope=contract_pb2.Scope.Value(f"SCOPE_{resource.scope}"),
        table=resource.table,
    )


def _encode_migration(migration: Migration) -> contract_pb2.Migration:
    encoded = contract_pb2.Migration(fingerprint=migration.fingerprint, statements=migration.statements)
    encoded.apply_time.FromDatetime(migration.apply_time)
    return encoded
