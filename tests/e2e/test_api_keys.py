"""A machine acts by its key over REST, gRPC and gRPC-Web alike, until the key is revoked."""

from __future__ import annotations

import base64
import hashlib
import statistics
import time
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from services.auth.domain.api_keys import KeyText, make_key, read_key
from tests.e2e.forging import forge_of
from tests.e2e.stack import DETAILS, reason_of
from tests.e2e.test_three_protocols import LIST, REST, Rpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

SECONDS = 5.0
"""Within which a revoked key opens nothing any more."""


@pytest.fixture(scope="module")
def rpc(stack: Stack) -> Rpc:
    return Rpc(stack, LIST)


def make(stack: Stack, *scopes: str) -> dict[str, Any]:
    """Make a service account that may read airports, and a key for it; return the key."""
    slug = f"robot-{uuid.uuid4().hex[:8]}"
    permissions = {"displayName": slug, "permissions": ["flightops.*"]}
    with stack.client(stack.token()) as admin:
        role = admin.post(f"/auth/v1/roles?roleId={slug}", json=permissions).json()["name"]
        account = admin.post("/auth/v1/serviceAccounts", json={"displayName": slug, "roles": [role]})
        assert account.status_code == 200, account.text
        key = admin.post("/auth/v1/apiKeys", json={"owner": account.json()["name"], "scopes": list(scopes)})
        assert key.status_code == 200, key.text
    assert key.headers["cache-control"] == "no-store"
    made: dict[str, Any] = key.json()
    return made


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """A key that reads airports and nothing else."""
    text: str = make(stack, "flightops.airports.*")["text"]
    return text


def call(stack: Stack, rpc: Rpc, metadata: dict[str, str]) -> grpc.StatusCode:
    """Call over gRPC with these headers, and return the status."""
    with stack.channel() as channel:
        method = channel.unary_unary(LIST, rpc.request_type.SerializeToString, rpc.response_type.FromString)
        try:
            method(rpc.request_type(page_size=1), metadata=tuple(metadata.items()), timeout=20)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def test_a_key_opens_all_three_protocols_in_either_header(stack: Stack, rpc: Rpc, key: str) -> None:
    """Auth statement 45."""
    for headers in ({"x-api-key": key}, {"authorization": f"Bearer {key}"}):
        with stack.client() as client:
            assert client.get(REST, headers=headers).status_code == 200
        assert call(stack, rpc, headers) is grpc.StatusCode.OK
    message, status = rpc.grpc_web(key, page_size=1)
    assert (message is not None, status) == (True, "0")


def test_a_key_opens_its_scopes_alone(stack: Stack, key: str) -> None:
    """Auth statement 45."""
    with stack.client(key) as client:
        assert client.get("/auth/v1/users").status_code == 403
        assert client.post("/flightops/v1/airports", json={}).status_code in {400, 403, 404}


def test_a_key_is_no_session(stack: Stack, key: str) -> None:
    """Auth statement 45."""
    with stack.client(key) as client:
        refused = client.post("/auth/v1/sessions:signOut", json={})
        assert (refused.status_code, refused.json()["details"][0]["reason"]) == (403, "SESSION_NEEDED")
        renewal = client.post("/auth/v1/sessions:refresh", json={"refreshToken": key})
        assert renewal.status_code in {400, 401}


def bad_keys(key: str) -> dict[str, str]:
    good = read_key(key)
    assert good is not None
    return {
        "unknown": str(make_key()),
        "forged": str(KeyText(id=good.id, secret=make_key().secret)),
        "mistyped": key[:-1] + ("0" if key[-1] != "0" else "1"),
        "cut": key[:30],
    }


def test_every_bad_key_is_refused_in_the_same_words(stack: Stack, rpc: Rpc, key: str) -> None:
    """Auth statement 45."""
    answers = set()
    for text in bad_keys(key).values():
        with stack.client() as client:
            answer = client.get(REST, headers={"x-api-key": text})
        info = answer.json()["details"][0]
        told = (answer.json()["message"], info["reason"], info["domain"], answer.headers["www-authenticate"])
        answers.add((answer.status_code, *told))
        assert call(stack, rpc, {"authorization": f"Bearer {text}"}) is grpc.StatusCode.UNAUTHENTICATED
        assert rpc.grpc_web(text, page_size=1)[1] == "16"
    assert len(answers) == 1
    assert next(iter(answers))[2:4] == ("API_KEY_INVALID", "auth.tenon")


def test_a_refusal_over_grpc_says_its_reason(stack: Stack, rpc: Rpc) -> None:
    with stack.channel() as channel, pytest.raises(grpc.RpcError) as caught:
        rpc.grpc(channel, str(make_key()))
    error: Any = caught.value
    details = dict(error.trailing_metadata())[DETAILS]
    assert reason_of(details) == "API_KEY_INVALID"


def test_a_revoked_key_is_dead_within_five_seconds(stack: Stack, rpc: Rpc) -> None:
    """Auth statement 45."""
    made = make(stack, "flightops.*")
    assert call(stack, rpc, {"x-api-key": made["text"]}) is grpc.StatusCode.OK
    with stack.client(stack.token()) as admin:
        revoked = admin.post(f"/auth/v1/{made['name']}:revoke", json={})
        assert revoked.status_code == 200, revoked.text
    end = time.monotonic() + SECONDS
    alive = True
    while alive:
        assert time.monotonic() < end
        alive = call(stack, rpc, {"x-api-key": made["text"]}) is grpc.StatusCode.OK
    # No worker of auth remembers it for longer than another.
    for _ in range(20):
        with stack.client() as client:
            assert client.get(REST, headers={"x-api-key": made["text"]}).status_code == 401 or time.monotonic() < end


def test_an_unknown_key_and_a_forged_one_take_the_same_time(stack: Stack, key: str) -> None:
    """Auth statement 45."""
    good = read_key(key)
    assert good is not None
    kinds: dict[str, Callable[[], str]] = {
        "unknown": lambda: str(make_key()),
        "forged": lambda: str(KeyText(id=good.id, secret=make_key().secret)),
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    with stack.client() as client:
        for _ in range(100):
            for kind, text in kinds.items():
                start = time.perf_counter()
                client.get(REST, headers={"x-api-key": text()})
                times[kind].append(time.perf_counter() - start)
    unknown, forged = (statistics.median(times[kind]) for kind in ("unknown", "forged"))
    spread = statistics.median([abs(one - unknown) for one in times["unknown"]])
    assert abs(unknown - forged) < max(3 * spread, 0.001)


def test_a_bound_token_opens_only_with_its_proof(stack: Stack) -> None:
    """Auth statement 28."""
    key = ECKey.generate_key("P-256")
    token = forge_of(stack).token("flightops.*", cnf={"jkt": key.thumbprint()})
    ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()

    def prove(method: str, path: str) -> str:
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
        url = f"http://localhost:{stack.port}{path}"
        body = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time()), "ath": ath}
        return jwt.encode(head, body, key, algorithms=["ES256"])

    path = REST.partition("?")[0]
    bound = {"authorization": f"DPoP {token}"}
    with stack.client() as client:
        proof = prove("GET", path)
        assert client.get(REST, headers={**bound, "dpop": proof}).status_code == 200
        replayed = client.get(REST, headers={**bound, "dpop": proof})
        assert (replayed.status_code, replayed.json()["details"][0]["reason"]) == (401, "DPOP_PROOF_INVALID")
        assert replayed.headers["www-authenticate"].startswith("DPoP ")
        assert client.get(REST, headers=bound).status_code == 401
        assert client.get(REST, headers={**bound, "dpop": prove("POST", path)}).status_code == 401
        assert client.get(REST, headers={"authorization": f"Bearer {token}"}).status_code == 401
    with stack.channel() as channel:
        method = channel.unary_unary(LIST, bytes, bytes)
        metadata = (("authorization", bound["authorization"]), ("dpop", prove("POST", LIST)))
        method(b"", metadata=metadata, timeout=20)


@pytest.mark.parametrize("path", ["/internal/exchange/x", "/internal/revocations", "/account/../internal/exchange/x"])
def test_the_inside_of_auth_is_out_of_reach(stack: Stack, key: str, path: str) -> None:
    with stack.client(key) as client:
        for method in ("GET", "POST"):
            assert client.request(method, path).status_code in {401, 403, 404}
