"""A shop whose contract changes: one engine after the other on the same database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message_factory import GetMessageClass

from services.chassis.call import Call
from services.chassis.contract import compile_protos, load_contract
from services.records.engine import Engine
from tests.integration.records.library import KEYRING, NoTransport, user

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.postgres import Pool
    from services.records.migrating.applied import Judge

FILE = """
syntax = "proto3";
package test.shop.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "google/protobuf/field_mask.proto";
import "tenon/options/v1/options.proto";
service ShopService {
  rpc GetItem(GetItemRequest) returns (Item) {
    option (tenon.options.v1.rule) = {permission: "shop.items.get"};
    option (google.api.http) = {get: "/shop/v1/{name=items/*}"};
  }
  rpc CreateItem(CreateItemRequest) returns (Item) {
    option (tenon.options.v1.rule) = {permission: "shop.items.create"};
    option (google.api.http) = {post: "/shop/v1/items" body: "item"};
  }
  rpc UpdateItem(UpdateItemRequest) returns (Item) {
    option (tenon.options.v1.rule) = {permission: "shop.items.update"};
    option (google.api.http) = {patch: "/shop/v1/{item.name=items/*}" body: "item"};
  }
  rpc ListLISTED(ListItemsRequest) returns (ListItemsResponse) {
    option (tenon.options.v1.rule) = {permission: "shop.items.list"};
    option (google.api.http) = {get: "/shop/v1/items"};
  }
}
message UpdateItemRequest { Item item = 1; google.protobuf.FieldMask update_mask = 2; }
message ListItemsRequest { int32 page_size = 1; string page_token = 2; string filter = 3; }
message ListItemsResponse { repeated Item PLURAL = 1; string next_page_token = 2; }
message GetItemRequest { string name = 1; }
message CreateItemRequest { Item item = 1; string item_id = 2; }
message Item {
  option (google.api.resource) = {
    type: "shop.test/Item" pattern: "items/{item}" singular: "item" plural: "PLURAL"
  };
  option (tenon.options.v1.record) = {SCOPE UNIQUE};
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  FIELDS
}
"""


def _keys(option: str, fields: str) -> str:
    return f" {option}: {{fields: [{fields}]}}" if fields else ""


class Shop:
    """Starts the engine with one version of a contract after the other, on the same database."""

    def __init__(self, folder: Path, pool: Pool) -> None:
        self.folder = folder
        self.pool = pool

    def engine(
        self, fields: str, *, scope: str = "", unique: str = "", index: str = "", plural: str = "items"
    ) -> Engine:
        (self.folder / "shop.proto").write_text(
            FILE.replace("FIELDS", fields)
            .replace("SCOPE", f"scope: {scope}" if scope else "")
            .replace("UNIQUE", _keys("unique", unique) + _keys("index", index))
            .replace("PLURAL", plural)
            .replace("LISTED", "ItemList" if plural == "item_list" else "Items")
            .replace("ListItemsRe", "ListItemListRe" if plural == "item_list" else "ListItemsRe")
        )
        contract = load_contract(compile_protos([self.folder]), services=("auth", "data"))
        return Engine(contract, host="data", pool=self.pool, keyring=KEYRING)

    async def start(self, fields: str, *, judge: Judge | None = None, **record: str) -> Engine:
        engine = self.engine(fields, **record)
        await engine.migrate(judge=judge, by="the shop's owner")
        return engine

    async def create(self, engine: Engine, item_id: str, **fields: Any) -> Any:
        return await self._do(engine, "CreateItem", item_id=item_id, item=fields)

    async def get(self, engine: Engine, item_id: str) -> Any:
        return await self._do(engine, "GetItem", name=f"items/{item_id}")

    async def update(self, engine: Engine, item_id: str, **fields: Any) -> Any:
        return await self._do(engine, "UpdateItem", item={"name": f"items/{item_id}", **fields})

    async def find(self, engine: Engine, text: str) -> list[str]:
        return [item.name for item in (await self._do(engine, "ListItems", filter=text)).items]

    async def _do(self, engine: Engine, rpc: str, /, **fields: Any) -> Any:
        method = engine.contract.methods[f"/test.shop.v1.ShopService/{rpc}"]
        request, response = (
            GetMessageClass(engine.contract.pool.FindMessageTypeByName(each)) for each in (method.input, method.output)
        )
        call = Call(method=method, metadata={}, transport=NoTransport())
        call.caller = user()
        return response.FromString(await engine.function(method.path)(request(**fields), call))

    async def columns(self) -> dict[str, str]:
        rows = await self.pool.fetch(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'test_shop_v1' "
            "AND table_name = 'items'"
        )
        return {row["column_name"]: row["data_type"] for row in rows}
