"""A call that the edge denies itself is in the audit trail within seconds: who, what, where from, and why."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from tests.e2e.forging import Forge, forge_of
from tests.e2e.stack import is_of_edge

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

LIST_KEYS = "/auth/v1/apiKeys"
METHOD = "/tenon.auth.v1.ApiKeyService/ListApiKeys"
WRITTEN_SECONDS = 10.0


@pytest.fixture(scope="module")
def forge(stack: Stack) -> Forge:
    return forge_of(stack)


def await_event(stack: Stack, token: str, agent: str) -> dict[str, Any]:
    """Return the one event that tells of an agent, from the trail that a token may read, once it is there."""
    pause, end = threading.Event(), time.monotonic() + WRITTEN_SECONDS
    while True:
        with stack.client(token) as reader:
            answer = reader.get("/auth/v1/auditEvents", params={"pageSize": "1000", "outcome": "denied"})
        assert answer.status_code == 200, answer.text
        if found := [event for event in answer.json()["auditEvents"] if event["agent"] == agent]:
            (event,) = found
            return dict(event)
        assert time.monotonic() < end, f"nothing was written down of {agent}"
        pause.wait(0.1)


def test_who_lacks_a_permission_at_the_edge_is_written_down(stack: Stack, forge: Forge) -> None:
    """Auth statement 49: every denied authorization."""
    agent = f"agent-{uuid.uuid4().hex}"
    token = forge.token("library.*", sub="users/denied", sid="there", acr="aal1")
    with stack.client(token) as client:
        answer = client.get(LIST_KEYS, params={"owner": "users/never-to-be-kept"}, headers={"user-agent": agent})
    assert (answer.status_code, is_of_edge(answer)) == (403, True)
    event = await_event(stack, stack.token(), agent)
    assert (event["kind"], event["reason"], event["method"]) == ("access.denied", "PERMISSION_MISSING", METHOD)
    assert (event["actor"], event["organization"], event["session"]) == ("users/denied", "default", "there")
    assert (event["client"], event["level"], event["address"]) == ("forge", "aal1", "127.0.0.1")
    assert event["requestId"] == answer.headers["x-request-id"]
    assert event["detail"] == {"service": "edge", "permission": "auth.apiKeys.list"}
    assert "never-to-be-kept" not in str(event)


def test_who_shows_a_bad_token_is_written_down_for_those_who_run_the_system(stack: Stack, forge: Forge) -> None:
    """Nobody else could: such a caller is of no organization."""
    agent = f"agent-{uuid.uuid4().hex}"
    with stack.client("a.b.c") as client:
        assert client.get(LIST_KEYS, headers={"user-agent": agent}).status_code == 401
    event = await_event(stack, forge.token("*", org=SYSTEM_ORGANIZATION), agent)
    assert (event["kind"], event["reason"], event["actor"]) == ("token.refused", "TOKEN_INVALID", "")
    assert (event["method"], event["organization"]) == (METHOD, SYSTEM_ORGANIZATION)
    assert "a.b.c" not in str(event)


def test_a_call_of_grpc_is_written_down_too(stack: Stack, forge: Forge) -> None:
    metadata = (("authorization", f"Bearer {forge.token(sub='users/by-grpc')}"),)
    with stack.channel() as channel:
        listing: Any = channel.unary_unary(METHOD)
        with pytest.raises(grpc.RpcError) as refused:
            listing(b"", metadata=metadata, timeout=20)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    pause, end = threading.Event(), time.monotonic() + WRITTEN_SECONDS
    with stack.client(stack.token()) as admin:
        while not (found := admin.get("/auth/v1/auditEvents", params={"actor": "users/by-grpc"}).json()["auditEvents"]):
            assert time.monotonic() < end, "nothing was written down"
            pause.wait(0.1)
    assert (found[0]["method"], found[0]["reason"]) == (METHOD, "PERMISSION_MISSING")
