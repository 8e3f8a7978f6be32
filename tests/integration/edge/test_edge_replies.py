"""How errors look: those of the edge and those of a service, for REST, gRPC, gRPC-Web and browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.integration.edge.web import web_call

if TYPE_CHECKING:
    from tests.integration.edge.rig import Edge

ORIGIN = "https://app.example"


def rest_errors(edge: Edge) -> dict[int, Any]:
    """Return an answer of the edge for each status that a client can provoke."""
    big = b'{"text": "' + b"x" * (17 * 1024 * 1024) + b'"}'
    return {
        400: edge.rest.post("/toy/v1/things", content=b"{", headers=edge.bearer("*")),
        401: edge.rest.get("/toy/v1/things/1"),
        403: edge.rest.get("/toy/v1/things/1", headers=edge.bearer()),
        404: edge.rest.get("/nowhere"),
        413: edge.rest.post("/toy/v1/things", content=big, headers=edge.bearer("*")),
        431: edge.rest.get("/toy/v1/greeting", headers={f"a-{i}": "b" for i in range(70)}),
        504: _late(edge),
    }


def _late(edge: Edge) -> Any:
    """Return the edge's own answer to a call that takes too long: the toy's may come first, and says nothing more."""
    answers = (edge.rest.post("/toy/v1/naps", json={"number": 5}, headers=edge.bearer("*")) for _ in range(10))
    return next(answer for answer in answers if answer.json()["details"])


CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 431: 3, 504: 4}


def test_every_error_of_the_edge_is_a_status_in_json(edge: Edge) -> None:
    for status, answer in rest_errors(edge).items():
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json", status
        body = answer.json()
        assert body["code"] == CODES[status]
        assert body["message"]
        kinds = [detail["@type"] for detail in body["details"]]
        assert kinds.count("type.googleapis.com/google.rpc.ErrorInfo") == 1
        info = body["details"][0]
        assert info["domain"] == "tenon"
        assert info["reason"].isupper()


def test_an_error_names_its_request(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/things/1")
    assert answer.json()["details"][1]["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "named"),
    [(b'{"number": "x"}', "number"), (b"[1]", ""), (b'{"text": "' + b"\xff" + b'"}', ""), (b"{} x", "")],
)
def test_bad_json_is_a_typed_400_that_says_where(edge: Edge, body: bytes, named: str) -> None:
    answer = edge.rest.post("/toy/v1/things", content=body, headers=edge.bearer("*"))
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert named in answer.json()["message"]


def test_deep_json_is_a_typed_400(edge: Edge) -> None:
    body = b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    assert edge.rest.post("/toy/v1/things", content=body, headers=edge.bearer("*")).json()["code"] == 3


@pytest.mark.parametrize("query", ["unknown=1", "number=x", "number=99999999999", "access_token=x"])
def test_a_bad_query_is_a_typed_400_that_names_it(edge: Edge, query: str) -> None:
    answer = edge.rest.get(f"/toy/v1/greeting?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert query.split("=", maxsplit=1)[0] in answer.json()["message"]


def test_a_body_of_20_mb_is_a_typed_413_however_it_comes(edge: Edge) -> None:
    chunk = b"x" * (1024 * 1024)

    def chunks() -> Any:
        yield b'{"text": "'
        for _ in range(20):
            yield chunk

    for content in (b'{"text": "' + chunk * 20 + b'"}', chunks()):
        answer = edge.rest.post("/toy/v1/things", content=content, headers=edge.bearer("*"))
        assert answer.status_code == 413
        assert answer.json()["details"][0]["reason"] == "INVALID_ARGUMENT"


def test_a_body_within_the_bound_passes(edge: Edge) -> None:
    answer = edge.rest.post("/toy/v1/things", json={"text": "x" * 3_000_000}, headers=edge.bearer("*"))
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.json()["text"]) == 3_000_000


def test_a_long_answer_passes(edge: Edge) -> None:
    answer = edge.rest.post("/toy/v1/things", json={"text": "long", "number": 3_500_000}, headers=edge.bearer("*"))
    assert answer.status_code == 200, answer.text[:300]
    assert len(answer.json()["text"]) == 3_500_000


def test_errors_of_the_edge_are_rich_statuses_for_grpc(edge: Edge) -> None:
    for metadata, code, reason in (
        ({}, grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        (edge.bearer(), grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            edge.call("Look", metadata)
        assert caught.value.code() is code
        status = rpc_status.from_call(cast("Any", caught.value))
        info = error_details_pb2.ErrorInfo()
        assert len(status.details) == 1
        assert status.details[0].Unpack(info)
        assert (info.reason, info.domain) == (reason, "tenon")


def test_errors_of_the_edge_have_a_grpc_status_for_grpc_web(edge: Edge) -> None:
    assert web_call(edge, "Look").status == grpc.StatusCode.UNAUTHENTICATED.value[0]
    assert web_call(edge, "Look", edge.bearer()).status == grpc.StatusCode.PERMISSION_DENIED.value[0]
    assert web_call(edge, "Look", edge.bearer()).http == 200


def test_details_of_a_service_come_out_as_json(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/failures")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"] == 9
    assert answer.json()["details"][0]["reason"] == "TOY_BROKEN"
    with pytest.raises(grpc.RpcError) as caught:
        edge.call("Fail")
    assert rpc_status.from_call(cast("Any", caught.value)).details[0].type_url.endswith("google.rpc.ErrorInfo")


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:5173"])
@pytest.mark.parametrize("path", ["/toy/v1/things/1", "/toy/v1/greeting", "/tenon.toy.v1.ToyService/Look"])
def test_a_preflight_is_answered_on_every_path(edge: Edge, path: str, origin: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    answer = edge.rest.options(path, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_a_foreign_origin_gets_no_leave(edge: Edge) -> None:
    for origin in ("https://evil.example", "http://localhost.evil.example", "http://localhost:1/x", "null"):
        headers = {"origin": origin, "access-control-request-method": "GET"}
        answer = edge.rest.options("/toy/v1/things/1", headers=headers)
        assert "access-control-allow-origin" not in answer.headers, origin


def test_a_browser_may_read_errors(edge: Edge) -> None:
    origin = {"origin": ORIGIN}
    for answer in (
        edge.rest.get("/toy/v1/greeting", headers=origin),
        edge.rest.get("/toy/v1/things/1", headers=origin),
        edge.rest.get("/toy/v1/things/1", headers={**origin, **edge.bearer()}),
        edge.rest.get("/nowhere", headers=origin),
    ):
        assert answer.headers["access-control-allow-origin"] == ORIGIN, answer.status_code


def test_an_answer_in_json_is_compressed_for_whoever_takes_it(edge: Edge) -> None:
    body = {"text": "long", "number": 10_000}
    headers = {**edge.bearer("*"), "accept-encoding": "gzip"}
    answer = edge.rest.post("/toy/v1/things", json=body, headers=headers)
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["text"]) == 10_000


def test_the_log_has_no_query_and_no_token(edge: Edge) -> None:
    header = edge.bearer("*")
    edge.rest.get("/toy/v1/things/1?text=visible-nowhere", headers=header)
    edge.rest.get("/toy/v1/things/2", headers=header)
    written = edge.log.read_text()
    assert "visible-nowhere" not in written
    assert header["authorization"].split(".")[1] not in written
