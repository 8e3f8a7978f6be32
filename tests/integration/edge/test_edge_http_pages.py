"""What is HTTP by its standard reaches auth's HTTP endpoint without a token, and only that does."""

from __future__ import annotations

import ipaddress
import itertools
from typing import TYPE_CHECKING

import pytest

from services.meshgen.envoy.http_pages import ASSERTION_BYTES, FORM_BYTES, HTTP_PAGES, PERSON, SEALED
from tests.integration.edge.backend import Asked, Said
from tests.integration.edge.test_edge_bypass import SPOOFED, raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.meshgen.envoy.http_pages import HttpPage
    from tests.integration.edge.rig import Edge

ORIGIN = "https://app.example"
PREFLIGHT = {"origin": ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "dpop"}


def path_of(page_path: str) -> str:
    """Return a path that fits a page of the list."""
    filled = page_path.replace("{}", "acme")
    return f"{filled}sign-in" if filled.endswith("/") else filled


@pytest.fixture(autouse=True)
def auth(edge: Edge) -> Iterator[None]:
    """Have auth answer whatever it is asked."""
    del edge.jwks.asked[:]
    edge.jwks.answer = lambda asked: Said(body=asked.method.encode(), headers={"x-page": asked.path})
    yield
    edge.jwks.answer = lambda asked: Said(status=404)


def reached(edge: Edge) -> list[Asked]:
    """Return what auth was asked."""
    return edge.jwks.asked


@pytest.mark.parametrize("page", HTTP_PAGES, ids=lambda page: page.path)
def test_a_page_needs_no_token_and_is_not_transcoded(edge: Edge, page: HttpPage) -> None:
    for method in page.methods:
        path = path_of(page.path)
        answer = edge.rest.request(method, f"{path}?a=1&b=%20", content=b"x=1" if method == "POST" else None)
        assert (answer.status_code, answer.headers.get("x-page")) == (200, f"{path}?a=1&b=%20"), method


@pytest.mark.parametrize("page", HTTP_PAGES, ids=lambda page: page.path)
def test_another_method_is_answered_with_405_and_what_there_is(edge: Edge, page: HttpPage) -> None:
    methods = page.methods
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(methods):
        answer = edge.rest.request(method, path_of(page.path))
        assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(methods)), method
    assert not reached(edge)


@pytest.mark.parametrize("folder", SEALED)
def test_what_is_not_listed_is_not_found(edge: Edge, folder: str) -> None:
    paths = [path for path in (f"{folder}nothing/here", folder) if not any(p.path == folder for p in HTTP_PAGES)]
    for path in paths:
        answer = edge.rest.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert not reached(edge)


@pytest.mark.parametrize(
    "path",
    [
        "/oauth2/x/../token",
        "/oauth2//token",
        "//oauth2/token",
        "/oauth2/%74oken",
        "/oauth2/./token",
        "/account/../oauth2/token",
        "/account/%2e%2e/oauth2/token",
    ],
)
def test_an_alias_of_a_path_is_that_path_or_nothing(edge: Edge, path: str) -> None:
    # It is the token endpoint, which is not read: no alias makes it one of the pages that are.
    assert raw(edge, path) in {400, 404, 405}
    assert not reached(edge)


@pytest.mark.parametrize(
    "path", ["/oauth2%2Ftoken", "/account%2fx", "/account/..%2finternal/exchange", "/oauth2%5ctoken"]
)
def test_an_escaped_slash_is_refused(edge: Edge, path: str) -> None:
    assert raw(edge, path, method="POST", head="content-length: 0\r\n") == 400
    assert not reached(edge)


@pytest.mark.parametrize(
    "path",
    [
        "/internal/revocations",
        "/internal/exchange",
        "/account/../internal/exchange",
        "/account/../metrics",
        "/metrics",
        "/auth/v1/../internal/exchange",
        "/OAUTH2/token",
        "/accounts",
        "/oauth2",
    ],
)
def test_nothing_else_of_auths_http_side_is_reachable(edge: Edge, path: str) -> None:
    for method in ("GET", "POST"):
        assert raw(edge, path, edge.issuer.token("*"), method=method, head="content-length: 0\r\n") in {401, 403, 404}
    assert not reached(edge)


def test_a_page_gets_the_authorization_header_whatever_it_holds(edge: Edge) -> None:
    for value in ("Basic YTpi", "Bearer opaque", "DPoP x.y.z", "Bearer tnk_x"):
        edge.rest.post("/oauth2/token", headers={"authorization": value, "dpop": "proof", "x-api-key": "tnk_x"})
        assert reached(edge)[-1].headers["authorization"] == value
        assert reached(edge)[-1].headers["dpop"] == "proof"


def test_a_page_gets_no_header_that_only_a_proxy_may_send(edge: Edge) -> None:
    edge.rest.get("/account", headers=SPOOFED)
    headers = reached(edge)[-1].headers
    assert not {"x-forwarded-client-cert", "x-jwt-payload", "x-tenon-subject", "baggage", "x-real-ip"} & set(headers)
    assert not {"x-original-url", "x-forwarded-host", "forwarded", "x-http-method-override"} & set(headers)
    assert ipaddress.ip_address(headers["x-forwarded-for"]) != ipaddress.ip_address(SPOOFED["x-forwarded-for"])
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-request-id"] != SPOOFED["x-request-id"]


@pytest.mark.parametrize("path", [path_of(page.path) for page in HTTP_PAGES if not page.cross_origin])
def test_no_other_origin_reads_a_page_to_which_a_browser_brings_its_cookie(edge: Edge, path: str) -> None:
    """Auth statement 9."""
    for method, headers in (("OPTIONS", PREFLIGHT), ("GET", {"origin": ORIGIN}), ("POST", {"origin": ORIGIN})):
        answer = edge.rest.request(method, path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")], method


@pytest.mark.parametrize("path", [path_of(page.path) for page in HTTP_PAGES if page.cross_origin])
def test_scripts_of_allowed_origins_fetch_tokens(edge: Edge, path: str) -> None:
    answer = edge.rest.options(path, headers=PREFLIGHT)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "dpop" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    stranger = edge.rest.options(path, headers={**PREFLIGHT, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize(
    ("path", "limit"), [("/oauth2/token", FORM_BYTES), ("/federation/saml/acme/acs", ASSERTION_BYTES)]
)
def test_a_body_is_bounded(edge: Edge, path: str, limit: int) -> None:
    assert edge.rest.post(path, content=b"x" * limit).status_code == 200
    refused = edge.rest.post(path, content=b"x" * (limit + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, 3)
    chunks = (b"x" * 1024 for _ in range(limit // 1024 + 1))
    assert edge.rest.post(path, content=chunks).status_code == 413
    assert [len(asked.body) for asked in reached(edge)] == [limit]


def test_what_is_posted_is_posted_once(edge: Edge) -> None:
    def fail(asked: Asked) -> Said:
        del asked
        return Said(status=503)

    edge.jwks.answer = fail
    assert edge.rest.post("/oauth2/token").status_code == 503
    assert len(reached(edge)) == 1


def test_who_floods_a_page_is_held_up(edge: Edge) -> None:
    # However slow this is, and however much may come meanwhile: more comes than may.
    asked = (edge.rest.get("/oauth2/continue").status_code for _ in range(PERSON.burst * 20))
    statuses = list(itertools.takewhile(lambda status: status != 429, asked))
    assert PERSON.burst <= len(statuses) < PERSON.burst * 20
    assert set(statuses) == {200}
    assert edge.rest.get("/federation/oidc/callback").status_code == 200, "each page has limits of its own"
