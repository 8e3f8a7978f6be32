"""API keys, and tokens that are bound to a key, are exchanged by auth on their way; nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.integration.edge.backend import Asked, Said
from tests.integration.edge.web import web_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.edge.rig import Edge

KEY = "tnk_000000000001_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_000000"
CHALLENGE = 'Bearer realm="tenon", error="invalid_token"'
CREDENTIALS = {
    "x-api-key": {"x-api-key": KEY},
    "Bearer": {"authorization": f"Bearer {KEY}"},
    "bearer": {"authorization": f"bearer {KEY}"},
    "DPoP": {"authorization": "DPoP x.y.z", "dpop": "proof"},
}


@pytest.fixture(autouse=True)
def auth(edge: Edge) -> Iterator[None]:
    """Have auth take whatever it is shown, for a token that may look at things."""
    del edge.jwks.asked[:]

    def exchange(asked: Asked) -> Said:
        del asked
        token = edge.issuer.token("toy.things.look")
        drop = {"x-envoy-auth-headers-to-remove": "x-api-key,dpop"}
        return Said(headers={"authorization": f"Bearer {token}", **drop})

    edge.jwks.answer = exchange
    yield
    edge.jwks.answer = lambda asked: Said(status=404)


def refuse(edge: Edge, status: int = 401) -> None:
    """Have auth refuse whatever it is shown."""
    edge.jwks.answer = lambda asked: Said(status=status, headers={"www-authenticate": CHALLENGE}, body=b"Why.")


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_credential_works_alike_over_rest_grpc_and_grpc_web(edge: Edge, kind: str) -> None:
    headers = CREDENTIALS[kind]
    by_rest = edge.rest.get("/toy/v1/things/1", headers=headers)
    assert by_rest.status_code == 200
    by_grpc = edge.call("Look", headers, name="1")
    by_web = web_call(edge, "Look", headers, name="1")
    assert by_web.status == 0
    for seen in (by_rest.json()["metadata"], dict(by_grpc.metadata), dict(by_web.answer.metadata)):
        assert seen["authorization"].startswith("Bearer ey")
        assert not {"x-api-key", "dpop"} & set(seen)
        assert KEY not in str(seen)
    assert len(edge.jwks.asked) == 3


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_what_it_opens_is_what_the_token_grants(edge: Edge, kind: str) -> None:
    assert edge.refusal("Keep", CREDENTIALS[kind]) is grpc.StatusCode.PERMISSION_DENIED


def test_auth_is_told_the_call_as_the_client_made_it_and_no_more(edge: Edge) -> None:
    edge.rest.get("/toy/v1/things/1?number=2", headers={**CREDENTIALS["DPoP"], "cookie": "a=b", "x-other": "c"})
    edge.call("Look", CREDENTIALS["x-api-key"])
    by_rest, by_grpc = edge.jwks.asked
    assert by_rest.path == by_grpc.path == "/internal/exchange/tenon.toy.v1.ToyService/Look"
    assert by_rest.headers["x-envoy-original-path"] == "/toy/v1/things/1?number=2"
    assert by_rest.headers["x-envoy-original-method"] == "GET"
    assert by_rest.headers["dpop"] == "proof"
    assert not {"cookie", "x-other"} & set(by_rest.headers)
    assert by_grpc.headers["x-api-key"] == KEY
    assert "x-envoy-original-path" not in by_grpc.headers
    assert by_grpc.headers["x-forwarded-for"]
    assert not by_rest.body


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("x-api-key", "API_KEY_INVALID"),
        ("Bearer", "API_KEY_INVALID"),
        ("bearer", "API_KEY_INVALID"),
        ("DPoP", "DPOP_PROOF_INVALID"),
    ],
)
def test_a_refused_credential_is_told_in_the_form_of_all_errors(edge: Edge, kind: str, reason: str) -> None:
    """Auth statement 45: a key that is not good opens nothing, whatever protocol brings it."""
    refuse(edge)
    before = len(edge.toy.calls)
    by_rest = edge.rest.get("/toy/v1/things/1", headers=CREDENTIALS[kind])
    assert (by_rest.status_code, by_rest.json()["code"]) == (401, 16)
    assert by_rest.json()["details"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "auth.tenon",
    }
    assert by_rest.headers["www-authenticate"] == CHALLENGE
    assert "Why." not in by_rest.text
    with pytest.raises(grpc.RpcError) as caught:
        edge.call("Look", CREDENTIALS[kind])
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(caught.value) == reason
    assert web_call(edge, "Look", CREDENTIALS[kind]).status == 16
    assert len(edge.toy.calls) == before


def reason_of(error: Any) -> str:
    """Return the reason of a gRPC error."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    return str(info.reason)


def test_the_usual_refusals_are_what_they_were(edge: Edge) -> None:
    answer = edge.rest.get("/toy/v1/things/1")
    assert answer.json()["details"][0]["reason"] == "UNAUTHENTICATED"
    assert edge.rest.get("/toy/v1/things/1", headers={"authorization": "Bearer x"}).status_code == 401
    assert not edge.jwks.asked


@pytest.mark.parametrize("status", [500, 503])
def test_while_auth_fails_only_calls_with_such_credentials_fail(edge: Edge, status: int) -> None:
    """Auth statement 49."""
    refuse(edge, status)
    for headers in CREDENTIALS.values():
        answer = edge.rest.get("/toy/v1/things/1", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        assert edge.refusal("Look", headers) is grpc.StatusCode.UNAVAILABLE
    assert edge.rest.get("/toy/v1/things/1", headers=edge.bearer("toy.things.look")).status_code == 200
    assert edge.rest.get("/toy/v1/greeting").status_code == 200


def test_whoever_has_sent_too_many_bad_keys_is_told_when_to_come_back(edge: Edge) -> None:
    edge.jwks.answer = lambda asked: Said(status=429, headers={"retry-after": "3"}, body=b"Too many.")
    answer = edge.rest.get("/toy/v1/things/1", headers={"x-api-key": KEY})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json()["details"][0]["reason"] == "RESOURCE_EXHAUSTED"
    assert edge.refusal("Look", {"x-api-key": KEY}) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_plain_token_and_a_public_call_ask_nobody(edge: Edge) -> None:
    assert edge.rest.get("/toy/v1/things/1", headers=edge.bearer("toy.things.look")).status_code == 200
    assert edge.rest.get("/toy/v1/greeting", headers=CREDENTIALS["x-api-key"]).status_code == 200
    assert edge.rest.get("/healthz", headers=CREDENTIALS["x-api-key"]).status_code == 200
    assert edge.rest.get("/docs/", headers=CREDENTIALS["Bearer"]).status_code == 200
    assert edge.rest.get("/nowhere", headers=CREDENTIALS["Bearer"]).status_code == 404
    assert not edge.jwks.asked


def test_an_answer_without_a_token_opens_nothing(edge: Edge) -> None:
    edge.jwks.answer = lambda asked: Said()
    for headers in CREDENTIALS.values():
        assert edge.rest.get("/toy/v1/things/1", headers=headers).status_code == 401


def test_a_token_of_somebody_else_in_the_answer_opens_nothing(edge: Edge) -> None:
    edge.jwks.answer = lambda asked: Said(headers={"authorization": f"Bearer {edge.issuer.unsigned('*')}"})
    assert edge.rest.get("/toy/v1/things/1", headers=CREDENTIALS["x-api-key"]).status_code == 401


def test_a_token_beside_a_key_does_not_keep_the_key_from_being_looked_at(edge: Edge) -> None:
    refuse(edge)
    headers = {**CREDENTIALS["x-api-key"], **edge.bearer("*")}
    assert edge.rest.get("/toy/v1/things/1", headers=headers).status_code == 401


def test_no_credential_is_written_to_the_log(edge: Edge) -> None:
    edge.rest.get("/toy/v1/things/1", headers=CREDENTIALS["x-api-key"])
    edge.rest.get("/toy/v1/things/1", headers=CREDENTIALS["Bearer"])
    assert KEY not in edge.log.read_text()
