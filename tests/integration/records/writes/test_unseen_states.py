"""A state that its caller may not read is not told by the refusal of a move."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import compile_protos, load_contract
from services.records.engine import Engine
from services.records.failures import StateForbids
from tests.integration.records.library import KEYRING, Library, user

if TYPE_CHECKING:
    from pathlib import Path

    from services.chassis.postgres import Pool

FILE = """
syntax = "proto3";
package test.lane.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/resource.proto";
import "tenon/options/v1/options.proto";
service LaneService {
  rpc CreateParcel(CreateParcelRequest) returns (Parcel) {
    option (tenon.options.v1.rule) = {permission: "lane.parcels.create"};
    option (google.api.http) = {post: "/lane/v1/parcels" body: "parcel"};
  }
  rpc SendParcel(SendParcelRequest) returns (Parcel) {
    option (tenon.options.v1.rule) = {permission: "lane.parcels.send"};
    option (tenon.options.v1.transition) = {field: "state" from: "STATE_NEW" to: "STATE_SENT"};
    option (google.api.http) = {post: "/lane/v1/{name=parcels/*}:send" body: "*"};
  }
}
message CreateParcelRequest { Parcel parcel = 1; string parcel_id = 2; }
message SendParcelRequest { string name = 1; }
message Parcel {
  option (google.api.resource) = {
    type: "lane.test/Parcel" pattern: "parcels/{parcel}" singular: "parcel" plural: "parcels"
  };
  option (tenon.options.v1.record) = {};
  enum State { STATE_UNSPECIFIED = 0; STATE_NEW = 1; STATE_SENT = 2; }
  string name = 1 [(google.api.field_behavior) = IDENTIFIER];
  State state = 2 [
    (google.api.field_behavior) = OUTPUT_ONLY,
    (tenon.options.v1.field).read_permission = "lane.parcels.track"
  ];
}
"""
SENDER = replace(user(), permissions=frozenset({"lane.parcels.send"}))


@pytest.fixture
async def lane(tmp_path: Path, pool: Pool) -> Library:
    (tmp_path / "lane.proto").write_text(FILE)
    contract = load_contract(compile_protos([tmp_path]), services=("auth", "data"))
    engine = Engine(contract, host="data", pool=pool, keyring=KEYRING)
    await engine.migrate()
    return Library(engine, contract, "test.lane.v1", "/test.lane.v1.LaneService/")


async def test_a_refused_move_tells_the_state_to_those_alone_who_may_read_it(lane: Library) -> None:
    made = await lane.do("CreateParcel", parcel_id="p", parcel={})
    assert (await lane.do("SendParcel", SENDER, name=made.name)).state == 0
    for caller, state in ((SENDER, "another"), (user(), "STATE_SENT")):
        with pytest.raises(StateForbids) as refused:
            await lane.do("SendParcel", caller, name=made.name)
        assert refused.value.metadata["state"] == state
        assert f"is {state}," in refused.value.message
