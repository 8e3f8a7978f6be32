"""What ends takes its access tokens along, in every process within five seconds, and auth's outage changes nothing."""

from __future__ import annotations

import os
import signal
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from services.auth.domain.revocations import of_session
from services.chassis.contract import Permission, StandardKind
from services.chassis.interceptors.caller import EDGE
from services.chassis.revocations import REVOCATIONS_PATH
from tests.e2e.forging import claims_of, forge_of
from tests.e2e.stack import DETAILS, reason_of
from tests.e2e.test_matrix import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.contract import Method
    from tests.e2e.stack import Stack

SECONDS = 5.0
"""The promise."""


@dataclass(kw_only=True)
class Place:
    """One process, and a method of its own that reads."""

    name: str
    channel: grpc.Channel
    method: Method

    def says(self, token: str) -> str:
        """Return `served`, or by what reason the token is refused."""
        return outcome(self.channel, self.method, token)


@pytest.fixture(scope="module")
def places(stack: Stack) -> Iterator[list[Place]]:
    """Every process of every service, and the edge."""
    found = []
    lists = {
        m.host: m
        for m in stack.contract().methods.values()
        if m.standard is not None and m.standard.kind is StandardKind.LIST and isinstance(m.rule.access, Permission)
    }
    for host, method in lists.items():
        for number in range(len(stack.endpoints(host))):
            channel = stack.direct(host, EDGE, number=number)
            found.append(Place(name=f"{host}-{number}", channel=channel, method=method))
    found.append(Place(name="edge", channel=stack.channel(), method=next(iter(lists.values()))))
    assert {place.name.partition("-")[0] for place in found} == {*stack.contract().hosts, "edge"}
    yield found
    for place in found:
        place.channel.close()


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client(stack.token()) as client:
        yield client


def posted(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def patched(client: httpx.Client, name: str, **body: Any) -> Any:
    answer = client.patch(f"/auth/v1/{name}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@dataclass(kw_only=True)
class Person:
    """Somebody who has signed in."""

    name: str
    role: str
    email: str
    password: str
    token: str
    refresh_token: str

    @property
    def session(self) -> str:
        return str(claims_of(self.token)["sid"])

    def client(self, stack: Stack) -> httpx.Client:
        return stack.client(self.token)


def signed_in(stack: Stack, admin: httpx.Client, slug: str) -> Person:
    """Make somebody with a role of their own, who may do everything, and sign them in."""
    email = f"{slug}@example.com"
    role = posted(admin, f"/auth/v1/roles?roleId={slug}", displayName=slug, permissions=["*"])["name"]
    user = posted(admin, "/auth/v1/users", email=email, displayName=slug, roles=[role])["name"]
    password = posted(admin, f"/auth/v1/{user}:resetPassword")["password"]
    with stack.client() as nobody:
        tokens = posted(nobody, "/auth/v1/sessions:signIn", email=email, password=password)
    return Person(
        name=user,
        role=role,
        email=email,
        password=password,
        token=tokens["accessToken"],
        refresh_token=tokens["refreshToken"],
    )


def sign_out(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del admin
    with person.client(stack) as client:
        posted(client, "/auth/v1/sessions:signOut", refreshToken=person.refresh_token)


def end_sessions(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del stack
    posted(admin, f"/auth/v1/{person.name}/sessions:end")


def reset_password(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del stack
    posted(admin, f"/auth/v1/{person.name}:resetPassword")


def disable(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del stack
    patched(admin, person.name, disabled=True)


def delete(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del stack
    assert admin.delete(f"/auth/v1/{person.name}").status_code == 200


def take_the_role(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del stack
    patched(admin, f"{person.name}?updateMask=roles", roles=[])


def change_the_role(stack: Stack, admin: httpx.Client, person: Person) -> None:
    del stack
    patched(admin, f"{person.role}?updateMask=permissions", permissions=["library.books.get"])


def await_refusal(places: list[Place], token: str) -> float:
    """Return after how many seconds the last process has refused a token."""
    began = time.monotonic()
    waiting = list(places)
    while waiting:
        waiting = [place for place in waiting if place.says(token) != "TOKEN_REVOKED"]
        assert time.monotonic() - began < SECONDS, [place.name for place in waiting]
    return time.monotonic() - began


@pytest.mark.parametrize(
    "end", [sign_out, end_sessions, reset_password, disable, delete, take_the_role, change_the_role]
)
def test_what_ends_takes_its_tokens_along_in_every_process(
    stack: Stack, admin: httpx.Client, places: list[Place], end: Any
) -> None:
    """Auth statements 41 and 47."""
    person = signed_in(stack, admin, f"gone-{end.__name__.replace('_', '-')}")
    assert {place.name: place.says(person.token) for place in places} == {place.name: "served" for place in places}
    end(stack, admin, person)
    await_refusal(places, person.token)
    with person.client(stack) as client:
        answer = client.get("/auth/v1/sessions")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["details"][0]["reason"] == "TOKEN_REVOKED"


def test_who_has_lost_a_role_goes_on_with_a_new_token(stack: Stack, admin: httpx.Client, places: list[Place]) -> None:
    """Auth statement 47: the change takes the old token back, and nothing of what is issued after it."""
    person = signed_in(stack, admin, "narrowed")
    permission = places[0].method.rule.access
    assert isinstance(permission, Permission)
    patched(admin, f"{person.role}?updateMask=permissions", permissions=[permission.name])
    await_refusal(places, person.token)
    with stack.client() as nobody:
        renewed = posted(nobody, "/auth/v1/sessions:refresh", refreshToken=person.refresh_token)["accessToken"]
    assert claims_of(renewed)["permissions"] == [permission.name]
    assert places[0].says(renewed) == "served"


def test_one_session_ends_alone(stack: Stack, admin: httpx.Client, places: list[Place]) -> None:
    person = signed_in(stack, admin, "two-devices")
    with stack.client() as nobody:
        other = posted(nobody, "/auth/v1/sessions:signIn", email=person.email, password=person.password)["accessToken"]
    sign_out(stack, admin, person)
    await_refusal(places, person.token)
    assert {place.says(other) for place in places} == {"served"}


def test_a_stream_that_has_begun_ends_too(stack: Stack) -> None:
    """Auth statement 41: a Watch lives for as long as its token, and no longer."""
    contract = stack.contract()
    watch = next(
        m
        for m in contract.methods.values()
        if m.standard is not None
        and m.standard.kind is StandardKind.WATCH
        and not contract.records_by_message[m.standard.record].parent
    )
    forge = forge_of(stack)
    metadata = (("authorization", f"Bearer {forge.token('*', sid='watching')}"),)
    with stack.channel() as channel:
        stream: Any = channel.unary_stream(watch.path, bytes, bytes)(b"", metadata=metadata, timeout=60)
        next(stream)
        forge.revoke(of_session("watching"))
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            for _ in stream:
                pass
    assert time.monotonic() - began < SECONDS
    error: Any = caught.value
    assert reason_of(dict(error.trailing_metadata())[DETAILS]) == "TOKEN_REVOKED"


def test_what_was_revoked_outlives_an_outage_of_auth(stack: Stack, places: list[Place]) -> None:
    """Auth statement 49: what was refused is not let in because nobody answers."""
    forge = forge_of(stack)
    gone, good = forge.token("*", sid="outage-gone"), forge.token("*", sid="outage-good")
    forge.revoke(of_session("outage-gone"))
    await_refusal(places, gone)
    others = [place for place in places if not place.name.startswith("auth-") and place.method.host != "auth"]
    pids = [p["pid"] for p in stack.status()["processes"] if p["name"].startswith("auth-")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        pause = threading.Event()
        for _ in range(8):
            assert {place.says(gone) for place in others} == {"TOKEN_REVOKED"}
            assert {place.says(good) for place in others} == {"served"}
            pause.wait(0.5)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    forge.revoke(of_session("outage-good"))
    await_refusal(places, good)


@pytest.mark.parametrize(
    "path",
    [
        REVOCATIONS_PATH,
        f"{REVOCATIONS_PATH}/",
        f"/{REVOCATIONS_PATH}",
        "/account/..%2finternal/revocations",
        "/account/../internal/revocations",
        "/account/%2e%2e/internal/revocations",
        "/auth/v1/jwks.json/../../../internal/revocations",
        "/account;/../internal/revocations",
    ],
)
def test_the_edge_has_no_way_to_what_was_revoked(stack: Stack, path: str) -> None:
    for token in (None, stack.token()):
        with stack.client(token) as client:
            request = client.build_request("GET", "/")
            request.url = httpx.URL(stack.url).copy_with(raw_path=path.encode())
            answer = client.send(request)
        assert answer.status_code in {400, 401, 403, 404}, (path, answer.text)
        assert "revocations" not in answer.text or answer.status_code == 404


def test_its_age_is_among_the_metrics_of_every_process(stack: Stack) -> None:
    for host in stack.contract().hosts:
        text = metrics_of(stack, host)
        age = next(line for line in text.splitlines() if line.startswith("tenon_revocations_age_seconds "))
        assert 0 <= float(age.rpartition(" ")[2]) < SECONDS, host


def metrics_of(stack: Stack, host: str) -> str:
    """Return the metrics of a service's first process."""
    certs = stack.home / "certs" / "cli" / "current"
    context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    context.load_cert_chain(certs / "cert.pem", certs / "key.pem")
    socket = stack.endpoints(host)[0].removeprefix("unix:").removesuffix(".sock") + ".http.sock"
    transport = httpx.HTTPTransport(uds=socket, verify=context)
    with httpx.Client(transport=transport) as client:
        return client.get(f"https://{host}/metrics").text
