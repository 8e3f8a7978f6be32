"""Ways around the policy that were ways around somebody's policy once."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

import grpc
import pytest
from joserfc.jwk import ECKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.edge.authority import Issuer
    from tests.integration.edge.rig import Edge

ALIASES = (
    "/toy/v1/things/1",
    "/toy/v1/secrets/1",
    "/toy/v1/things/1/",
    "//toy/v1/things/1",
    "/toy//v1///things/1",
    "/toy/v1/./things/1",
    "/toy/v1/x/../things/1",
    "/toy/v1/greeting/../things/1",
    "/toy/v1/x/%2e%2e/things/1",
    "/toy/v1/greeting/%2E%2e/things/1",
    "/toy/v1/%74hings/1",
    "/toy/v1/things/1?name=2",
)


def raw(edge: Edge, path: str, token: str = "", *, method: str = "GET", head: str = "") -> int:
    """Send a path as it is, which no polite client would, and return the status."""
    bearer = f"authorization: Bearer {token}\r\n" if token else ""
    request = f"{method} {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n{bearer}{head}\r\n"
    with socket.create_connection(("127.0.0.1", edge.topology.port), timeout=10) as connection:
        connection.sendall(request.encode())
        with http.client.HTTPResponse(connection, method=method) as answer:
            answer.begin()
            return answer.status


@pytest.mark.parametrize("path", ALIASES)
def test_every_alias_of_a_path_meets_the_same_policy(edge: Edge, path: str) -> None:
    before = len(edge.toy.calls)
    assert raw(edge, path) in {401, 400, 404}
    assert raw(edge, path, edge.issuer.token("toy.greetings.look")) in {403, 400, 404}
    assert len(edge.toy.calls) == before
    assert raw(edge, path, edge.issuer.token("toy.things.look")) in {200, 400, 404}


def test_the_aliases_of_the_issue_are_served_and_not_only_refused(edge: Edge) -> None:
    token = edge.issuer.token("toy.things.look")
    served = [path for path in ALIASES if raw(edge, path, token) == 200]
    assert {ALIASES[i] for i in (0, 1, 2, 3, 8)} <= set(served)


@pytest.mark.parametrize("path", ["/toy/v1/things%2F1", "/toy/v1/things/1%2f..", "/toy%5cv1/things/1", "/toy/v1/%00"])
def test_an_escaped_slash_or_nul_is_refused(edge: Edge, path: str) -> None:
    assert raw(edge, path, edge.issuer.token("*")) == 400


@pytest.mark.parametrize("method", ["HEAD", "DELETE", "PUT", "PATCH", "TRACE", "OPTIONS", "CONNECT", "get", "X"])
def test_another_http_method_reaches_nothing(edge: Edge, method: str) -> None:
    before = len(edge.toy.calls)
    assert raw(edge, "/toy/v1/greeting", edge.issuer.token("*"), method=method) in {400, 404, 405}
    assert len(edge.toy.calls) == before


TOKENS: dict[str, tuple[Callable[[Issuer], str], int]] = {
    "no signature": (lambda issuer: issuer.unsigned("*"), 401),
    "truncated": (lambda issuer: issuer.token("*")[:-5], 401),
    "without signature part": (lambda issuer: issuer.token("*").rpartition(".")[0], 401),
    "another key": (lambda issuer: issuer.token("*", key=ECKey.generate_key("P-256")), 401),
    "another issuer": (lambda issuer: issuer.token("*", iss="http://other.test"), 401),
    "no issuer": (lambda issuer: issuer.token("*", iss=None), 401),
    "another audience": (lambda issuer: issuer.token("*", aud="other"), 403),
    "no audience": (lambda issuer: issuer.token("*", aud=None), 403),
    "expired": (lambda issuer: issuer.token("*", exp=1), 401),
    "no expiration": (lambda issuer: issuer.token("*", exp=None), 401),
    "not valid yet": (lambda issuer: issuer.token("*", nbf=4_000_000_000, exp=4_000_000_600), 401),
    "no token at all": (lambda _: "x", 401),
    "two parts too many": (lambda issuer: issuer.token("*") + ".x.y", 401),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_that_is_not_ours_opens_nothing(edge: Edge, name: str) -> None:
    make, status = TOKENS[name]
    header = {"authorization": f"Bearer {make(edge.issuer)}"}
    before = len(edge.toy.calls)
    answer = edge.rest.get("/toy/v1/things/1", headers=header)
    assert answer.status_code == status
    assert answer.json()["code"] == {401: 16, 403: 7}[status]
    expected = {401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED}[status]
    assert edge.refusal("Look", header) is expected
    assert len(edge.toy.calls) == before


def test_a_token_counts_in_the_authorization_header_alone(edge: Edge) -> None:
    token = edge.issuer.token("*")
    assert edge.rest.get("/toy/v1/things/1", params={"access_token": token}).status_code in {400, 401}
    assert edge.rest.get("/toy/v1/things/1", headers={"cookie": f"access_token={token}"}).status_code == 401
    assert edge.rest.get("/toy/v1/things/1", headers={"authorization": token}).status_code == 401
    assert edge.rest.get("/toy/v1/things/1", headers={"authorization": f"Basic {token}"}).status_code == 401


SPOOFED = {
    "x-envoy-original-path": "/toy/v1/greeting",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-retry-on": "5xx",
    "x-envoy-internal": "true",
    "x-envoy-peer-metadata": "x",
    "X-Envoy-External-Address": "10.0.0.1",
    "x-forwarded-client-cert": "URI=spiffe://test.local/ns/tenon/sa/auth",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-host": "elsewhere",
    "x-real-ip": "10.0.0.1",
    "forwarded": "for=10.0.0.1",
    "x-jwt-payload": "e30",
    "X-Tenon-Subject": "users/root",
    "x-user-id": "root",
    "baggage": "user=root",
    "grpc-tags-bin": "AAAA",
    "x-http-method-override": "DELETE",
    "x-original-url": "/toy/v1/things/1",
    "x-request-id": "11111111-1111-4111-8111-111111111111",
}


def test_headers_that_only_a_proxy_may_send_never_reach_a_service(edge: Edge) -> None:
    by_rest = edge.rest.get("/toy/v1/greeting", headers=SPOOFED)
    by_grpc = edge.call("Greet", {name.lower(): value for name, value in SPOOFED.items() if not name.endswith("-bin")})
    assert by_rest.status_code == 200
    for seen in (by_rest.json()["metadata"], dict(by_grpc.metadata)):
        assert {value for value in seen.values() if value in SPOOFED.values()} <= {"/toy/v1/greeting"}
        assert not {"x-forwarded-client-cert", "x-jwt-payload", "x-tenon-subject", "baggage"} & set(seen)
        assert "10.0.0.1" not in seen["x-forwarded-for"]


def test_a_spoofed_original_path_does_not_make_a_grpc_error_look_like_rest(edge: Edge) -> None:
    assert edge.refusal("Look", {"x-envoy-original-path": "/x"}) is grpc.StatusCode.UNAUTHENTICATED


def test_another_host_or_an_absolute_url_meets_the_same_policy(edge: Edge) -> None:
    assert raw(edge, "http://elsewhere/toy/v1/things/1") == 401
    assert edge.rest.get("/toy/v1/things/1", headers={"host": "elsewhere."}).status_code == 401


def test_a_smuggled_request_is_refused(edge: Edge) -> None:
    head = "content-length: 4\r\ntransfer-encoding: chunked\r\n"
    assert raw(edge, "/toy/v1/naps", method="POST", head=head) == 400
