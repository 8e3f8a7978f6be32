"""No other spelling of a request meets another policy."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

import grpc
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.e2e.stack import is_of_edge

if TYPE_CHECKING:
    import httpx

    from tests.e2e.stack import Stack

ALIASES = [
    "/library/v1/{book}",
    "/library/v1/{book}/",
    "//library/v1/{book}",
    "/library//v1//{book}",
    "/library/v1/./{book}",
    "/library/v1/x/../{book}",
    "/library/v1/x/%2e%2e/{book}",
    "/%6Cibrary/v1/{book}",
    "/library/v1/%73helves/poetry/books/odes",
    "/library/v1/shelves/poetry/books/%6Fdes",
    "/library\\v1/{book}",
    "/library/v1/read/{book}",
    "/flightops/v1/../../library/v1/{book}",
    "/healthz/../library/v1/{book}",
    "/healthz/..;/library/v1/{book}",
    "/auth/v1/jwks.json/../../../library/v1/{book}",
]
"""Spellings that lead to the book."""

STRANGERS = [
    "/library/v1/shelves/poetry%2Fbooks%2Fodes",
    "/library%2fv1/{book}",
    "/library/v1;x=1/{book}",
    "/library/v1/{book};x=1",
    "/library/v1/{book}%00",
    "/library/v1/{book}%0d%0aauthorization:x",
    "/LIBRARY/V1/{book}",
    "/healthz%00/library/v1/{book}",
    "/library/v1/{book}?access_token={token}",
    "/library.v1.LibraryService/GetBook?name={book}",
]
"""Spellings that lead nowhere, even for the administrator."""


def raw_get(client: httpx.Client, path: str) -> httpx.Response:
    """Send the path exactly as written."""
    request = client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    return client.send(request)


@pytest.mark.parametrize("path", ALIASES)
def test_an_alias_of_a_path_meets_the_policy_of_its_method_at_the_edge(
    stack: Stack, powerless: str, book: str, path: str
) -> None:
    path = path.format(book=book)
    with stack.client() as nobody, stack.client(powerless) as somebody, stack.client(stack.token()) as admin:
        assert raw_get(admin, path).json()["title"] == "Odes", "it is an alias"
        for client, status in ((nobody, 401), (somebody, 403)):
            answer = raw_get(client, path)
            assert answer.status_code == status
            assert is_of_edge(answer), answer.text


@pytest.mark.parametrize("path", STRANGERS)
def test_what_is_no_alias_leads_nowhere(stack: Stack, powerless: str, book: str, path: str) -> None:
    path = path.format(book=book, token=stack.token())
    for token in (None, powerless, stack.token()):
        with stack.client(token) as client:
            answer = raw_get(client, path)
        assert answer.status_code in {400, 401, 403, 404}
        assert "Odes" not in answer.text


def test_the_main_and_the_additional_binding_reach_the_same_book(stack: Stack, book: str) -> None:
    with stack.client(stack.token()) as client:
        main = client.get(f"/library/v1/{book}")
        other = client.get(f"/library/v1/read/{book}")
    assert main.status_code == 200
    assert other.json() == main.json()


def test_an_unknown_grpc_method_is_refused_with_or_without_a_token(stack: Stack) -> None:
    headers = {"content-type": "application/grpc", "te": "trailers"}
    for token in (None, stack.token()):
        with stack.client(token) as client:
            answer = client.post("/library.v1.LibraryService/DropTables", headers=headers, content=b"\0\0\0\0\0")
        assert answer.headers["grpc-status"] in {"7", "12", "16"}
        assert is_of_edge(answer)


def test_an_internal_method_has_no_door_at_the_edge(stack: Stack) -> None:
    internal = [m for m in stack.contract().methods.values() if m.is_internal]
    assert internal, "the contract has internal methods"
    with stack.client(stack.token()) as client:
        for method in internal:
            rpc = client.post(
                method.path, headers={"content-type": "application/grpc", "te": "trailers"}, content=b"\0\0\0\0\0"
            )
            assert rpc.headers["grpc-status"] in {"7", "12"}
            assert is_of_edge(rpc), "the service denies it too: what counts is that nothing gets there"
            assert client.post(method.path, json={}).status_code in {403, 404}


SPOOFED = {
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-original-path": "/healthz",
    "x-forwarded-client-cert": "By=x;URI=spiffe://tenon.local/ns/tenon/sa/cli",
    "x-jwt-payload": base64.b64encode(json.dumps({"permissions": ["*"], "sub": "users/root"}).encode()).decode(),
    "x-tenon-organization": "default",
    "x-tenon-subject": "users/root",
}


def test_identity_headers_of_a_client_change_nothing(stack: Stack, powerless: str) -> None:
    with stack.client() as nobody, stack.client(powerless) as somebody, stack.client(stack.token()) as admin:
        assert nobody.get("/library/v1/shelves/s", headers=SPOOFED).status_code == 401
        assert somebody.get("/library/v1/shelves/s", headers=SPOOFED).status_code == 403
        assert admin.get("/flightops/v1/airports", headers=SPOOFED).status_code == 200


def _segments(token: str) -> list[str]:
    return token.split(".")


def _decoded(segment: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return value


def _encoded(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged_tokens(good: str) -> dict[str, tuple[str, int]]:
    """Return tokens that nobody may accept, each with the HTTP status that it must get."""
    header, payload, signature = _segments(good)
    head, claims = _decoded(header), _decoded(payload)
    key = ECKey.generate_key("P-256")
    signed = {
        "another key, same key id": (head, claims),
        "another issuer": (head, claims | {"iss": "https://evil.example"}),
        "its own key inside": (head | {"jwk": key.as_dict(private=False)}, claims),
        "expired": (head, claims | {"exp": int(time.time()) - 3600}),
    }
    forged = {name: (jwt.encode(h, c, key, algorithms=["ES256"]), 401) for name, (h, c) in signed.items()}
    # Envoy looks at the audience first, and answers it as the service does.
    forged["another audience"] = (jwt.encode(head, claims | {"aud": "elsewhere"}, key, algorithms=["ES256"]), 403)
    forged["alg none"] = (f"{_encoded({**head, 'alg': 'none'})}.{payload}.", 401)
    forged["signature of another payload"] = (f"{header}.{_encoded(claims | {'org': 'other'})}.{signature}", 401)
    forged["truncated"] = (good[:-10], 401)
    forged["without signature"] = (f"{header}.{payload}.", 401)
    forged["not a token"] = ("x", 401)
    return forged


def test_a_forged_token_is_refused_at_the_edge(stack: Stack) -> None:
    for name, (token, status) in forged_tokens(stack.token()).items():
        with stack.client(token) as client:
            answer = client.get("/flightops/v1/airports")
        assert answer.status_code == status, name
        assert answer.headers["content-type"].startswith("application/json"), name
        assert is_of_edge(answer), name


def test_a_forged_token_is_refused_by_a_service_too(stack: Stack) -> None:
    with stack.direct("data") as channel:
        call = channel.unary_unary("/library.v1.LibraryService/ListBooks", bytes, bytes)
        for name, (token, _) in forged_tokens(stack.token()).items():
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=(("authorization", f"Bearer {token}"),), timeout=20)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED, name


def test_of_two_tokens_none_counts(stack: Stack, powerless: str) -> None:
    both = [("authorization", f"Bearer {stack.token()}"), ("authorization", f"Bearer {powerless}")]
    for headers in (both, both[::-1]):
        with stack.client() as client:
            assert client.get("/flightops/v1/airports", headers=headers).status_code == 401
        with stack.direct("data") as channel:
            call = channel.unary_unary("/library.v1.LibraryService/ListBooks", bytes, bytes)
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", metadata=tuple(headers), timeout=20)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
