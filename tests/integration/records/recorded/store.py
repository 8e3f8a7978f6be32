"""A store of items under several versions of its contract, on one database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from services.chassis.call import Call
from services.chassis.contract import compile_protos, load_contract
from services.records.engine import Engine
from tests.integration.records.library import KEYRING, NoTransport, user

if TYPE_CHECKING:
    from services.chassis.postgres import Pool

HERE = Path(__file__).parent
PACKAGE = "test.store.v1"


class Store:
    """The store under one version."""

    def __init__(self, pool: Pool, version: str) -> None:
        contract = load_contract(compile_protos([HERE / version]), services=("auth", "data"))
        self.engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)

    async def call(self, rpc: str, /, organization: str = "acme", **fields: Any) -> Any:
        """Call an RPC of the store as a user of an organization."""
        contract = self.engine.contract
        method = contract.methods[f"/{PACKAGE}.StoreService/{rpc}"]
        request, response = (
            GetMessageClass(contract.pool.FindMessageTypeByName(name)) for name in (method.input, method.output)
        )
        call = Call(method=method, metadata={}, transport=NoTransport())
        call.caller = user(organization=organization)
        return response.FromString(await self.engine.function(method.path)(request(**fields), call))

    async def find(self, text: str, organization: str = "acme") -> list[str]:
        """Return the ids of the items that a filter finds."""
        found = await self.call("ListItems", organization=organization, parent="shelves/top", filter=text)
        return [item.name.rpartition("/")[2] for item in found.items]
