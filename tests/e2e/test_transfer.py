"""Files go in, become records, and come out again, through the edge as a REST client has it."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from tenon.data.v1 import file_service_pb2, file_service_pb2_grpc
from tenon.flightops.v1 import flightops_service_pb2
from tenon.records.v1 import transfer_pb2

from tests.e2e.conftest import sign_in_new_user

if TYPE_CHECKING:
    import httpx

    from tests.e2e.stack import Stack

FIELDS = (
    "flight_id,date,airline,number,origin,destination_code,outcome,scheduled_departure_time,scheduled_departure_minute"
)
LARGE = 17 * 1024 * 1024
"""More than the edge lets any other request bring."""


def row(number: int, origin: str = "airports/JFK") -> str:
    rest = "LAX,FLIGHT_OUTCOME_ARRIVED,2013-01-01T10:15:00Z,315"
    return f"2013-01-01-UA-{number}-JFK,2013-01-01,airlines/UA,{number},{origin},{rest}"


def upload(client: httpx.Client, content: bytes) -> str:
    answer = client.post("/data/v1/files:upload", content=content, headers={"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    file = answer.json()
    assert (file["contentType"], int(file["sizeBytes"])) == ("text/csv", len(content))
    name: str = file["name"]
    return name


def finish(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Wait for the operation that an answer has begun, and return what came of it."""
    assert answer.status_code == 200, answer.text
    done = client.post(f"/data/v1/{answer.json()['name']}:wait", json={"timeout": "15s"})
    assert done.status_code == 200, done.text
    operation = done.json()
    assert operation["done"], operation
    assert operation["metadata"]["@type"] == "type.googleapis.com/tenon.records.v1.OperationProgress"
    found: dict[str, Any] = operation["response"]
    return found


def test_a_file_is_uploaded_imported_exported_and_downloaded(stack: Stack) -> None:
    content = "\n".join([FIELDS, row(1), row(2, "airports/NONE"), row(3)]).encode()
    with stack.client(stack.token()) as client:
        source = upload(client, content)
        assert client.get(f"/data/v1/{source}:download").content == content
        began = client.post("/flightops/v1/flights:import", json={"source": source, "format": "FORMAT_CSV"})
        report = finish(client, began)
        assert (report["rowsRead"], report["rowsCreated"], report["rowsRejected"]) == ("3", "2", "1")
        rejected = client.get(f"/data/v1/{report['rejectedFile']}:download")
        assert rejected.headers["content-type"] == "application/jsonl"
        said = json.loads(rejected.text)
        assert (said["row"], said["errors"][0]["reason"]) == (2, "REFERENCE_NOT_FOUND")
        asked = {"format": "FORMAT_CSV", "filter": "number < 3", "readMask": "name,number"}
        taken = finish(client, client.post("/flightops/v1/flights:export", json=asked))
        table = client.get(f"/data/v1/{taken['file']}:download")
        assert table.headers["content-type"].startswith("text/csv")
        assert ["flights/2013-01-01-UA-1-JFK", "1"] in list(csv.reader(io.StringIO(table.text)))
        assert client.delete(f"/data/v1/{source}").status_code == 200
        assert client.get(f"/data/v1/{source}").status_code == 404


def test_an_upload_may_be_larger_than_any_other_request(stack: Stack) -> None:
    with stack.client(stack.token()) as client:
        name = upload(client, b"x" * LARGE)
        with client.stream("GET", f"/data/v1/{name}:download") as download:
            assert sum(map(len, download.iter_bytes())) == LARGE
        assert client.post("/auth/v1/users", content=b"x" * LARGE).status_code == 413


def test_nobody_uploads_without_a_token_or_the_permission(stack: Stack, powerless: str) -> None:
    for token, status in ((None, 401), (powerless, 403)):
        with stack.client(token) as client:
            assert client.post("/data/v1/files:upload", content=b"x").status_code == status


def test_files_and_operations_are_their_owners_alone(stack: Stack) -> None:
    other = sign_in_new_user(stack, "files@example.com", permissions=("data.files.*",))
    with stack.client(stack.token()) as mine, stack.client(other) as theirs:
        name = upload(mine, b"x")
        began = mine.post("/flightops/v1/flights:export", json={"format": "FORMAT_JSONL"}).json()["name"]
        for path in (f"/data/v1/{name}", f"/data/v1/{name}:download", f"/data/v1/{began}"):
            assert mine.get(path).status_code == 200
            assert theirs.get(path).status_code == 404
        assert theirs.post(f"/data/v1/{began}:cancel", json={}).status_code == 404
        assert theirs.get("/data/v1/operations").json()["operations"] == []
        assert began in [one["name"] for one in mine.get("/data/v1/operations").json()["operations"]]


def test_grpc_clients_use_the_stubs_that_everybody_has(stack: Stack) -> None:
    metadata = (("authorization", f"Bearer {stack.token()}"),)
    pieces = [b"name,number\n", b"flights/none,1\n"]
    requests = [file_service_pb2.UploadFileRequest() for _ in pieces]
    for request, piece in zip(requests, pieces, strict=True):
        request.content.data = piece
    with stack.channel() as channel:
        files = file_service_pb2_grpc.FileServiceStub(channel)
        file = files.UploadFile(iter(requests), metadata=metadata, timeout=20)
        assert file.size_bytes == sum(map(len, pieces))
        method: Any = channel.unary_unary(
            "/tenon.flightops.v1.FlightopsService/ImportFlights",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=operations_pb2.Operation.FromString,
        )
        asked = flightops_service_pb2.ImportFlightsRequest(source=file.name, format=transfer_pb2.FORMAT_CSV)
        operation = method(asked, metadata=metadata, timeout=20)
        waiting = operations_pb2.WaitOperationRequest(name=operation.name)
        done = operations_pb2_grpc.OperationsStub(channel).WaitOperation(waiting, metadata=metadata, timeout=20)
        report = transfer_pb2.ImportReport()
        assert done.response.Unpack(report)
        assert (report.rows_read, report.rows_rejected) == (1, 1)
        asked.source = "files/none"
        with pytest.raises(grpc.RpcError) as refused:
            method(asked, metadata=metadata, timeout=20)
        error: Any = refused.value
        assert error.code() is grpc.StatusCode.NOT_FOUND
