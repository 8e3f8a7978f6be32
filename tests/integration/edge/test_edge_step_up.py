"""A method that asks for a stronger sign-in says so at the edge, in a way that clients can act on (RFC 9470)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.integration.edge.web import web_call

if TYPE_CHECKING:
    from tests.integration.edge.rig import Edge

BURN = "toy.things.burn"
CHALLENGE = 'Bearer error="insufficient_user_authentication", acr_values="aal2", max_age="300"'


def burn(edge: Edge, *permissions: str, **claims: Any) -> Any:
    return edge.rest.post("/toy/v1/things/1:burn", json={}, headers=edge.bearer(*permissions, **claims))


@pytest.mark.parametrize("acr", ["aal2", "aal3"])
def test_a_level_that_will_do_passes(edge: Edge, acr: str) -> None:
    assert burn(edge, BURN, acr=acr).status_code == 200
    assert edge.refusal("Burn", edge.bearer("*", acr=acr)) is grpc.StatusCode.OK
    assert web_call(edge, "Burn", edge.bearer("*", acr=acr)).status == 0


@pytest.mark.parametrize("acr", [None, "", "aal1", "aal22", "AAL2", ["aal2"], 2])
def test_a_weaker_sign_in_is_told_what_will_do(edge: Edge, acr: Any) -> None:
    answer = burn(edge, BURN, acr=acr)
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == CHALLENGE
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["code"] == 16
    assert body["details"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "STEP_UP_REQUIRED",
        "domain": "tenon",
        "metadata": {"acr": "aal2", "max_age": "300"},
    }
    assert body["details"][1]["requestId"] == answer.headers["x-request-id"]


def test_over_grpc_it_is_a_rich_status(edge: Edge) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        edge.call("Burn", edge.bearer(BURN, acr="aal1"))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    status = rpc_status.from_call(cast("Any", caught.value))
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, dict(info.metadata)) == ("STEP_UP_REQUIRED", {"acr": "aal2", "max_age": "300"})
    assert web_call(edge, "Burn", edge.bearer(BURN, acr="aal1")).status == 16


def test_who_may_not_call_at_all_is_not_asked_to_sign_in_anew(edge: Edge) -> None:
    denied = burn(edge, "toy.things.look", acr="aal1")
    assert (denied.status_code, denied.json()["details"][0]["reason"]) == (403, "PERMISSION_DENIED")
    assert "www-authenticate" not in denied.headers
    nobody = edge.rest.post("/toy/v1/things/1:burn", json={})
    assert (nobody.status_code, nobody.json()["details"][0]["reason"]) == (401, "UNAUTHENTICATED")


def test_a_method_without_a_level_asks_for_any_sign_in(edge: Edge) -> None:
    def confirm(**claims: Any) -> Any:
        return edge.rest.post("/toy/v1/confirmations", json={}, headers=edge.bearer(**claims))

    assert confirm(acr="aal1").status_code == 200
    refused = confirm()
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_user_authentication", max_age="60"'
    assert refused.json()["details"][0]["metadata"] == {"max_age": "60"}


def test_a_method_that_asks_for_nothing_takes_a_weak_sign_in(edge: Edge) -> None:
    assert edge.rest.get("/toy/v1/things/1", headers=edge.bearer("*", acr="aal1")).status_code == 200
