"""Who may call what at the edge, whichever way they ask."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import grpc
import pytest

from tests.integration.edge.web import web_call

if TYPE_CHECKING:
    from tests.integration.edge.rig import Edge

LOOK = "toy.things.look"


def test_a_public_method_answers_without_a_token(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/greeting", params={"name": "ann"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "ann"
    assert edge.call("Greet", name="ann").name == "ann"
    assert web_call(edge, "Greet", name="ann").answer.name == "ann"


def test_zero_values_are_printed_in_camel_case(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/greeting").json()
    assert answer["number"] == 0
    assert answer["text"] == ""


def test_a_public_method_does_not_see_the_token(edge: Edge) -> None:
    seen = edge.rest.get("/toy/v1/greeting", headers=edge.bearer("*")).json()["metadata"]
    assert "authorization" not in seen
    assert "authorization" not in edge.call("Greet", edge.bearer("*")).metadata


def test_a_public_method_answers_even_to_a_bad_token(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/greeting", headers={"authorization": "Bearer nonsense"})
    assert answer.status_code == 200


@pytest.mark.parametrize("granted", [LOOK, "toy.things.*", "toy.*", "*"])
def test_a_method_with_a_permission_answers_whoever_holds_it(edge: Edge, granted: str) -> None:
    answer = edge.rest.get("/toy/v1/things/1", headers=edge.bearer("other.things.look", granted))
    assert answer.status_code == 200, answer.text
    assert edge.call("Look", edge.bearer(granted), name="things/1").name == "things/1"
    assert web_call(edge, "Look", edge.bearer(granted), name="things/1").answer.name == "things/1"


@pytest.mark.parametrize(
    "granted", [(), ("toy.things.keep",), ("toy.thing*",), ("toy",), ("*.things.look",), ("toy.things.look.x",), ("",)]
)
def test_a_method_with_a_permission_denies_whoever_holds_another(edge: Edge, granted: tuple[str, ...]) -> None:
    assert edge.rest.get("/toy/v1/things/1", headers=edge.bearer(*granted)).status_code == 403
    assert edge.refusal("Look", edge.bearer(*granted)) is grpc.StatusCode.PERMISSION_DENIED
    assert web_call(edge, "Look", edge.bearer(*granted)).status == grpc.StatusCode.PERMISSION_DENIED.value[0]


def test_permissions_that_are_no_list_grant_nothing(edge: Edge) -> None:
    assert edge.rest.get("/toy/v1/things/1", headers=edge.bearer(permissions="*")).status_code == 403


def test_whoever_is_signed_in_may_call_what_needs_no_permission(edge: Edge) -> None:
    assert edge.rest.post("/toy/v1/introductions", json={}, headers=edge.bearer()).status_code == 200
    assert edge.rest.post("/toy/v1/introductions", json={}).status_code == 401
    assert edge.refusal("Introduce") is grpc.StatusCode.UNAUTHENTICATED


def test_the_service_gets_the_token_to_check_it_again(edge: Edge) -> None:
    header = edge.bearer(LOOK)
    assert edge.call("Look", header).metadata["authorization"] == header["authorization"]


def test_the_service_knows_the_edge_by_its_certificate(edge: Edge) -> None:
    assert edge.rest.get("/toy/v1/greeting").json()["peer"] == edge.topology.identity("edge")


def test_an_internal_method_is_denied_to_everybody(edge: Edge) -> None:
    assert edge.refusal("Sweep") is grpc.StatusCode.UNAUTHENTICATED
    assert edge.refusal("Sweep", edge.bearer("*")) is grpc.StatusCode.PERMISSION_DENIED
    assert edge.rest.post("/tenon.toy.v1.ToyService/Sweep", json={}, headers=edge.bearer("*")).status_code == 404


@pytest.mark.parametrize("path", ["/tenon.toy.v1.ToyService/Nothing", "/nowhere.v1.Nothing/Call", "/x"])
def test_an_unknown_grpc_method_is_denied(edge: Edge, path: str) -> None:
    for metadata, code in (
        ({}, grpc.StatusCode.UNAUTHENTICATED),
        (edge.bearer("*"), grpc.StatusCode.PERMISSION_DENIED),
    ):
        with edge.channel() as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(path)(b"", metadata=list(metadata.items()), timeout=10)
        assert caught.value.code() is code


@pytest.mark.parametrize(
    "head",
    [
        "POST /toy/v1/things HTTP/1.1\r\ncontent-type: application/json",
        "POST /tenon.toy.v1.ToyService/Keep HTTP/1.1\r\ncontent-type: application/grpc",
        "POST /tenon.toy.v1.ToyService/Keep HTTP/1.1\r\ncontent-type: application/grpc-web+proto",
    ],
)
def test_nobody_is_refused_before_the_body_is_read(edge: Edge, head: str) -> None:
    with socket.create_connection(("127.0.0.1", edge.topology.port), timeout=10) as connection:
        connection.sendall(f"{head}\r\nhost: edge\r\ncontent-length: 1000000\r\n\r\n".encode())
        answer = connection.recv(4096).decode()
    if "application/json" in head:
        assert answer.startswith("HTTP/1.1 401 ")
    else:
        assert "grpc-status: 16" in answer


def test_reflection_and_health_need_no_token(edge: Edge) -> None:
    for version in ("v1", "v1alpha"):
        with edge.channel() as channel:
            path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            answers = channel.stream_stream(path)(iter([b"\x3a\x00"]), timeout=10)
            if version == "v1alpha":
                assert b"tenon.toy.v1.ToyService" in b"".join(answers)
            else:  # The toy service has the older one alone: what counts is that the edge lets it through.
                with pytest.raises(grpc.RpcError) as caught:
                    list(answers)
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    with edge.channel() as channel:
        assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


def test_keys_and_health_of_the_edge_are_pages_for_everybody(edge: Edge) -> None:
    keys = edge.rest.get("/auth/v1/jwks.json")
    assert keys.status_code == 200
    assert {key["kid"] for key in keys.json()["keys"]} >= {"first"}
    assert edge.rest.get("/healthz").json() == {"status": "SERVING"}
    assert edge.rest.post("/auth/v1/jwks.json").status_code == 404
