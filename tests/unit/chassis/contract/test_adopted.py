"""The one service that others define and data serves: it has rules and paths as if they stood in its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.chassis.contract import (
    Authenticated,
    Contract,
    ContractError,
    Idempotency,
    compile_protos,
    load_contract,
    serialize_contract,
)
from services.chassis.contract.adopted import ADOPTED, OPERATIONS

if TYPE_CHECKING:
    from pathlib import Path

JOBS = """
syntax = "proto3";
package jobs.v1;
import "google/api/annotations.proto";
import "google/longrunning/operations.proto";
import "tenon/options/v1/options.proto";
service JobService {
  rpc RunJob(RunJobRequest) returns (google.longrunning.Operation) {
    option (google.api.http) = {post: "/jobs/v1/jobs:run" body: "*"};
    option (google.longrunning.operation_info) = {response_type: "Job" metadata_type: "Job"};
    option (tenon.options.v1.rule) = {permission: "jobs.jobs.run"};
  }
}
message RunJobRequest {}
message Job {}
"""


@pytest.fixture
def jobs(tmp_path: Path) -> Contract:
    (tmp_path / "jobs.proto").write_text(JOBS)
    return load_contract(compile_protos([tmp_path]), services=("auth",), custom={"jobs.v1.JobService.RunJob"})


def test_a_contract_imports_operations_by_their_usual_name_and_data_serves_them(jobs: Contract) -> None:
    service = next(service for service in jobs.services if service.full_name == OPERATIONS)
    assert (service.host, service.segment, service.version) == ("data", "data", "v1")
    assert service.comment.startswith("Manages long-running operations")
    assert {method.name for method in service.methods} == set(ADOPTED[OPERATIONS])
    for method in service.methods:
        assert isinstance(method.rule.access, Authenticated)
        assert method.bindings[0].template.startswith("/data/v1/")
        assert method.idempotency is not Idempotency.UNKNOWN


def test_what_was_adopted_is_in_the_written_contract(jobs: Contract) -> None:
    written = type(jobs.descriptors).FromString(serialize_contract(jobs))
    again = load_contract(written, services=("auth",), custom=None)
    assert again.methods == jobs.methods


IMPORT = """
syntax = "proto3";
package tenon.shop.v1;
import "google/api/annotations.proto";
import "google/api/resource.proto";
import "google/longrunning/operations.proto";
import "tenon/options/v1/options.proto";
import "tenon/records/v1/transfer.proto";
service ShopService {
  rpc ImportProducts(ImportProductsRequest) returns (google.longrunning.Operation) {
    option (google.api.http) = {post: "/shop/v1/products:import" body: "*"};
    option (tenon.options.v1.rule) = {permission: "shop.products.import"};
  }
}
message Product {
  option (google.api.resource) = {type: "shop.tenon/Product" pattern: "products/{product}" plural: "products"};
  option (tenon.options.v1.record) = {};
  string name = 1;
}
message ImportProductsRequest {
  string source = 1;
  tenon.records.v1.Format format = 2;
}
"""


def test_an_import_of_a_record_that_a_service_of_its_own_keeps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.proto").write_text(IMPORT)
    compiled = compile_protos([tmp_path])
    assert load_contract(compiled, services=("data",)).methods["/tenon.shop.v1.ShopService/ImportProducts"].standard
    with pytest.raises(ContractError, match="served by data alone"):
        load_contract(compiled, services=("data", "shop"))


def test_who_does_not_import_it_does_not_have_it(tmp_path: Path) -> None:
    (tmp_path / "plain.proto").write_text('syntax = "proto3";\npackage plain.v1;\nmessage Plain {}\n')
    assert load_contract(compile_protos([tmp_path]), services=("auth",)).services == ()
