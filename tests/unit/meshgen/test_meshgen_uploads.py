"""What files and operations ask of the edge."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from services.meshgen.envoy.descriptors import edge_descriptors
from services.meshgen.envoy.routes import route_configuration
from services.meshgen.envoy.uploads import BODY_LIMIT, is_upload, upload_matches
from services.meshgen.topology import Topology
from tests.contract.walk import own_contract

UPLOAD = "/tenon.data.v1.FileService/UploadFile"


def routes() -> list[dict[str, Any]]:
    contract = own_contract()
    found: Any = route_configuration(contract, Topology.cluster(hosts=contract.hosts))
    listed: list[dict[str, Any]] = found["virtual_hosts"][0]["routes"]
    return listed


def test_an_upload_alone_may_be_larger_than_other_requests() -> None:
    unbounded = {route["name"] for route in routes() if BODY_LIMIT in route.get("typed_per_filter_config", {})}
    assert unbounded == {UPLOAD.strip("/"), f"upload {UPLOAD.strip('/')} 0"}


def test_an_upload_is_told_by_its_rest_path_before_that_becomes_the_rpcs() -> None:
    ((_, match),) = upload_matches(own_contract())
    expression = match["safe_regex"]["regex"]
    assert re.fullmatch(expression, "/data/v1/files:upload")
    assert not re.fullmatch(expression, "/data/v1/files")
    names = [route["name"] for route in routes()]
    assert names.index(f"upload {UPLOAD.strip('/')} 0") < names.index("nothing")


def test_other_methods_are_no_uploads() -> None:
    contract = own_contract()
    assert [path for path, method in contract.methods.items() if is_upload(contract, method)] == [UPLOAD]


def test_the_edge_knows_what_operations_carry() -> None:
    files = FileDescriptorSet.FromString(edge_descriptors(own_contract())).file
    messages = {f"{file.package}.{message.name}" for file in files for message in file.message_type}
    assert {"tenon.records.v1.ImportReport", "tenon.records.v1.OperationProgress"} <= messages
