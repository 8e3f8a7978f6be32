"""What the edge denies itself, it tells auth (statement 49): who, what and where from, and nothing that is secret."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from services.auth.domain.denials import explain
from tests.integration.edge.backend import Asked, Said
from tests.integration.edge.rig import await_true
from tests.integration.edge.web import web_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.edge.rig import Edge

LOOK, SERVICE = "toy.things.look", "tenon.toy.v1.ToyService"
QUERY = "query-of-somebody"


def told(edge: Edge) -> list[dict[str, str]]:
    """Return all that the edge has told up to now."""
    sent = [ExportLogsServiceRequest.FromString(asked.body) for asked in [*edge.jwks.denials]]
    records = [r for one in sent for resource in one.resource_logs for s in resource.scope_logs for r in s.log_records]
    return [{each.key: each.value.string_value for each in record.attributes} for record in records]


def await_told(edge: Edge, agent: str) -> dict[str, str]:
    """Return the one denial of an agent, once it was told."""
    await_true(lambda: any(one["agent"] == agent for one in told(edge)), f"the denial of {agent}")
    (one,) = (one for one in told(edge) if one["agent"] == agent)
    return one


def rest(edge: Edge, agent: str, headers: dict[str, str]) -> Any:
    return edge.rest.get("/toy/v1/things/1", params={"text": QUERY}, headers={"user-agent": agent, **headers})


@pytest.mark.parametrize(
    ("agent", "headers", "meaning"),
    [
        ("permission", lambda edge: edge.bearer("toy.things.keep"), ("access.denied", "PERMISSION_MISSING")),
        ("nobody", lambda edge: {}, ("access.denied", "TOKEN_MISSING")),
        ("nonsense", lambda edge: {"authorization": "Bearer a.b.c"}, ("token.refused", "TOKEN_INVALID")),
        ("expired", lambda edge: edge.bearer(LOOK, exp=1_000_000_000), ("token.refused", "TOKEN_EXPIRED")),
        ("audience", lambda edge: edge.bearer(LOOK, aud="else"), ("access.denied", "AUDIENCE_MISMATCH")),
        ("issuer", lambda edge: edge.bearer(LOOK, iss="http://else"), ("token.refused", "TOKEN_INVALID")),
    ],
)
def test_a_refused_call_is_told_with_what_it_means(
    edge: Edge, agent: str, headers: Callable[[Edge], dict[str, str]], meaning: tuple[str, str]
) -> None:
    sent = headers(edge)
    answer = rest(edge, agent, sent)
    assert answer.status_code in {401, 403}
    one = await_told(edge, agent)
    assert one["method"] == f"{SERVICE}/Look"
    assert explain(one["details"]) == meaning
    assert one["request_id"] == answer.headers["x-request-id"]
    assert one["address"] == "127.0.0.1"
    whole = b"".join(asked.body for asked in edge.jwks.denials)
    assert QUERY.encode() not in whole
    assert all(value.removeprefix("Bearer ").encode() not in whole for value in sent.values())


def test_who_is_denied_is_told_where_their_token_is_good(edge: Edge) -> None:
    claims = {"sub": "users/bea", "org": "acme", "sid": "s1", "client_id": "console", "acr": "aal1"}
    rest(edge, "bea", edge.bearer(**claims))
    one = await_told(edge, "bea")
    assert (one["actor"], one["organization"], one["session"]) == ("users/bea", "acme", "s1")
    assert (one["client"], one["level"]) == ("console", "aal1")


def test_a_sign_in_that_is_too_weak_is_told(edge: Edge) -> None:
    edge.rest.post("/toy/v1/things/1:burn", json={}, headers={"user-agent": "weak", **edge.bearer("*", acr="aal1")})
    assert explain(await_told(edge, "weak")["details"]) == ("access.denied", "STEP_UP_REQUIRED")


@pytest.mark.parametrize("protocol", ["grpc", "web"])
def test_a_call_of_grpc_is_told_as_one_of_rest(edge: Edge, protocol: str) -> None:
    """Its HTTP status is 200, whatever becomes of it."""
    who = edge.bearer(sub=f"users/{protocol}")
    if protocol == "grpc":
        edge.refusal("Look", who)
    else:
        web_call(edge, "Look", who)
    await_true(lambda: any(one["actor"] == f"users/{protocol}" for one in told(edge)), f"the denial of {protocol}")


def test_a_key_that_auth_refuses_is_told_without_the_key(edge: Edge) -> None:
    edge.jwks.answer = lambda asked: Said(status=401, body=b"bad")
    rest(edge, "machine", {"x-api-key": "tnk_secret"})
    one = await_told(edge, "machine")
    assert (explain(one["details"]), one["credential"]) == (("token.refused", "API_KEY_INVALID"), "key")
    assert not any(b"tnk_secret" in asked.body for asked in edge.jwks.denials)


def test_a_call_over_its_limit_is_told(edge: Edge) -> None:
    headers = {"user-agent": "limit", **edge.bearer("toy.ticks.look", sub="users/often")}
    answers = [edge.rest.get("/toy/v1/ticks", headers=headers).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
    assert explain(await_told(edge, "limit")["details"]) == ("access.denied", "RESOURCE_EXHAUSTED")


def test_what_is_served_and_what_is_no_method_is_not_told(edge: Edge) -> None:
    assert rest(edge, "served", edge.bearer(LOOK)).status_code == 200
    assert edge.rest.get("/favicon.ico", headers={"user-agent": "lost"}).status_code in {401, 403, 404}
    rest(edge, "afterwards", {})
    await_told(edge, "afterwards")
    assert {"served", "lost"}.isdisjoint(one["agent"] for one in told(edge))


def test_no_call_waits_while_auth_does_not_answer(edge: Edge) -> None:
    """The edge's own answer needs nobody."""
    heard, go_on = threading.Event(), threading.Event()

    def hang(asked: Asked) -> Said:
        heard.set()
        go_on.wait(20)
        return Said(status=503)

    take, edge.jwks.take = edge.jwks.take, hang
    try:
        rest(edge, "first", {})
        assert heard.wait(10)
        answers = [rest(edge, "unheard", {}) for _ in range(20)]
    finally:
        edge.jwks.take = take
        go_on.set()
    assert {answer.status_code for answer in answers} == {401}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 1
