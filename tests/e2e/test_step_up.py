"""A method that asks for a stronger or a more recent sign-in gets it, and what has to be is written down."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.interceptors.caller import EDGE
from tests.e2e.forging import Forge, forge_of
from tests.e2e.stack import DETAILS, reason_of
from tests.e2e.test_matrix import failure

if TYPE_CHECKING:
    import httpx

    from tests.e2e.stack import Stack

SECRET = "/vault/v1/secrets/recipe"
INSUFFICIENT = 'Bearer error="insufficient_user_authentication"'
WRITTEN_SECONDS = 10.0


@pytest.fixture(scope="module")
def forge(stack: Stack) -> Forge:
    return forge_of(stack)


@pytest.fixture(scope="module", autouse=True)
def secret(stack: Stack) -> None:
    with stack.client(stack.token()) as admin:
        made = admin.post("/vault/v1/secrets?secretId=recipe", json={"purpose": "soup"})
    assert made.status_code == 200, made.text


def ask(stack: Stack, token: str, path: str = SECRET) -> httpx.Response:
    with stack.client(token) as client:
        return client.get(path)


def test_a_strong_and_recent_sign_in_is_served(stack: Stack, forge: Forge) -> None:
    answer = ask(stack, forge.token("*", acr="aal2", auth_time=int(time.time()) - 200))
    assert (answer.status_code, answer.json().get("purpose")) == (200, "soup")


@pytest.mark.parametrize(
    ("claims", "age"),
    [
        ({"acr": "aal1"}, 0),
        ({"acr": None}, 0),
        ({"acr": "aal2"}, 400),
        ({"acr": "aal3"}, 400),
        ({"acr": "aal3", "auth_time": None}, 0),
    ],
)
def test_any_other_is_told_what_will_do(stack: Stack, forge: Forge, claims: dict[str, Any], age: int) -> None:
    """Whether the edge refuses or the service, clients read the same (RFC 9470 §3)."""
    answer = ask(stack, forge.token("*", **{"auth_time": int(time.time()) - age, **claims}))
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"] == f'{INSUFFICIENT}, acr_values="aal2", max_age="300"'
    info = answer.json()["details"][0]
    assert (info["reason"], info["metadata"]) == ("STEP_UP_REQUIRED", {"acr": "aal2", "max_age": "300"})


def test_an_age_alone_is_asked_for_too(stack: Stack, forge: Forge) -> None:
    now = int(time.time())
    assert ask(stack, forge.token(acr="aal1", auth_time=now - 3000), "/vault/v1/secrets").status_code == 200
    refused = ask(stack, forge.token(acr="aal1", auth_time=now - 4000), "/vault/v1/secrets")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, f'{INSUFFICIENT}, max_age="3600"')


def test_the_api_documentation_says_so(stack: Stack) -> None:
    with stack.client() as client:
        document = client.get("/openapi.json").json()
    operation = document["paths"]["/vault/v1/secrets/{secret}"]["get"]
    assert operation["x-step-up"] == {"acr": "aal2", "maxAgeSeconds": 300}
    assert "level aal2 in the last 300 s" in operation["description"]


def events(stack: Stack, **query: str) -> list[Any]:
    with stack.client(stack.token()) as admin:
        answer = admin.get("/auth/v1/auditEvents", params={"pageSize": "1000", **query})
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["auditEvents"]
    return found


def await_event(stack: Stack, actor: str) -> dict[str, Any]:
    """Return the one event of an actor, once it is there."""
    pause, end = threading.Event(), time.monotonic() + WRITTEN_SECONDS
    while not (found := events(stack, actor=actor)):
        assert time.monotonic() < end, f"nothing was written down of {actor}"
        pause.wait(0.1)
    (event,) = found
    return dict(event)


def test_a_call_of_a_method_that_is_audited_whole_is_written_down(stack: Stack, forge: Forge) -> None:
    """Auth statement 49: who, what, when, and by which level."""
    now = int(time.time())
    ask(stack, forge.token("*", sub="users/reader", acr="aal2", auth_time=now, sid="reading"))
    event = await_event(stack, "users/reader")
    assert (event["kind"], event["outcome"]) == ("call.made", "success")
    assert event["method"] == "/vault.v1.VaultService/GetSecret"
    assert (event["level"], event["session"], event["client"]) == ("aal2", "reading", "forge")
    assert event["address"] == "127.0.0.1"
    assert event["detail"]["service"] == "data"


@pytest.mark.parametrize(
    ("claims", "kind", "reason"),
    [
        ({"permissions": []}, "access.denied", "PERMISSION_MISSING"),
        ({"acr": "aal1"}, "access.denied", "STEP_UP_REQUIRED"),
        ({"cnf": {"jkt": "x"}}, "token.refused", "PROOF_MISSING"),
    ],
)
def test_what_a_service_refuses_is_written_down(
    stack: Stack, forge: Forge, claims: dict[str, Any], kind: str, reason: str
) -> None:
    """Auth statement 49, at the service itself."""
    slug = reason.lower()
    method = stack.contract().methods["/vault.v1.VaultService/GetSecret"]
    token = forge.token("*", sub=f"users/{slug}", **{"acr": "aal3", "auth_time": int(time.time()), **claims})
    with stack.direct("data", EDGE) as channel:
        error = failure(channel, method, token)
    assert reason_of(dict(error.trailing_metadata())[DETAILS]) == reason
    event = await_event(stack, f"users/{slug}")
    assert (event["kind"], event["outcome"], event["reason"]) == (kind, "denied", reason)
