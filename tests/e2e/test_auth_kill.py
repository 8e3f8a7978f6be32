"""`kill -9` of workers of auth, of Postgres and of Valkey while people sign in, clients renew and admins work.

Whatever was acknowledged is there afterwards, and nothing is half-made.
"""

from __future__ import annotations

import base64
import itertools
import os
import secrets
import signal
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from tenon.auth.v1 import (
    authenticator_service_pb2,
    authenticator_service_pb2_grpc,
    client_pb2,
    client_service_pb2,
    client_service_pb2_grpc,
    invitation_pb2,
    invitation_service_pb2,
    invitation_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)

from services.auth.domain.factors.totp import code_at, step_at
from services.auth.domain.sessions import digest_of
from tests.e2e.forging import claims_of
from tests.e2e.providing import (
    PASSWORD,
    REDIRECT,
    Authority,
    Client,
    Person,
    get_code,
    new_verifier,
    redeem,
    refresh,
    sign_in,
)
from tests.e2e.stack import Stack, free_port
from tests.e2e.test_kill import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BACK_SECONDS = 25
"""Seconds in which all flows must go on after something was killed."""

INVITED = 30
"""Invitations that wait to be accepted."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Auth with two workers, which others must not see fall."""
    stack = Stack(
        home=tmp_path_factory.mktemp("auth") / "home",
        port=free_port(),
        options=("--no-demo",),
        environ={"TENON_AUTH_WORKERS": "2", "TENON_DATA_WORKERS": "1"},
    )
    stack.start()
    yield Authority(stack)
    stack.stop()


@pytest.fixture(scope="module")
def client(authority: Authority) -> Client:
    """A client."""
    return authority.register()


@pytest.fixture(scope="module")
def people(authority: Authority) -> list[Person]:
    """Those who act."""
    return [authority.add_person() for _ in range(2)]


@dataclass
class Place:
    """Both workers, as the edge reaches them: what one does not answer is asked of the other."""

    authority: Authority
    address: str
    """Where the caller is, so that nobody is slowed down by the others."""

    def __post_init__(self) -> None:
        self._channels = [self.authority.stack.direct("auth", "edge", number=number) for number in range(2)]
        self._clients = [self.authority.worker(number, self.address) for number in range(2)]
        self._turn = itertools.count()

    @property
    def http(self) -> httpx.Client:
        """One of the workers, in turn."""
        return self._clients[next(self._turn) % 2]

    def call(self, stub: Any, method: str, request: Any, token: str = "") -> Any:
        """Call one of the workers, in turn. Raises `grpc.RpcError`."""
        metadata = [("x-forwarded-for", self.address), *([("authorization", f"Bearer {token}")] if token else [])]
        return getattr(stub(self._channels[next(self._turn) % 2]), method)(request, timeout=5, metadata=metadata)

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
        for client in self._clients:
            client.close()


@dataclass
class Flow:
    """One thing that is done over and over; what was acknowledged is remembered."""

    name: str
    act: Callable[[], Any]
    """Does it once and returns what was acknowledged. Raises where there was no answer, or no good one."""
    acknowledged: list[Any] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event, progress: threading.Condition) -> None:
        """Do it until told to stop."""
        while not stop.is_set():
            try:
                done = self.act()
            except (grpc.RpcError, httpx.TransportError, ssl.SSLError, Refused) as error:
                self.failures.append(str(error)[:500])
                time.sleep(0.05)  # what was killed comes back; nothing there can be awaited
                continue
            if done is None:
                return
            self.acknowledged.append(done)
            with progress:
                progress.notify_all()


class Refused(Exception):
    """An answer that was not good."""


@dataclass
class Load:
    """All flows at once."""

    flows: dict[str, Flow]
    progress: threading.Condition

    def await_more(self, count: int) -> None:
        """Wait until each flow was acknowledged so many times more, or has nothing left to do."""
        goals = {name: len(flow.acknowledged) + count for name, flow in self.flows.items() if name != "invitation"}

        def reached() -> bool:
            return all(len(self.flows[name].acknowledged) >= goal for name, goal in goals.items())

        with self.progress:
            done = self.progress.wait_for(reached, BACK_SECONDS)
        late = {
            name: self.flows[name].failures[-2:] for name in goals if len(self.flows[name].acknowledged) < goals[name]
        }
        assert done, late

    def acknowledged(self, name: str) -> list[Any]:
        return self.flows[name].acknowledged


def checked(answer: httpx.Response) -> Any:
    if answer.status_code != 200:
        raise Refused(f"{answer.status_code} {answer.text}")
    return answer.json()


@dataclass
class Work:
    """What the flows do; each is somebody else's, so that none is in the way of another."""

    place: Place
    client: Client
    people: list[Person]
    admin: str = field(repr=False)
    browser: httpx.Client
    owner: str = field(repr=False, default="")
    refresh_token: str = field(repr=False, default="")
    links: list[str] = field(repr=False, default_factory=list)
    apps: list[str] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)

    def prepare(self) -> None:
        """Make what the flows begin with."""
        request = session_service_pb2.SignInRequest(email=self.people[2].email, password=self.people[2].password)
        self.owner = self.place.call(session_service_pb2_grpc.SessionServiceStub, "SignIn", request).access_token
        self.refresh_token = self._tokens()["refresh_token"]
        invited = [f"invited-{secrets.token_hex(6)}@example.com" for _ in range(INVITED)]
        stub = invitation_service_pb2_grpc.InvitationServiceStub
        for email in invited:
            described = invitation_pb2.Invitation(email=email)
            asked = invitation_service_pb2.CreateInvitationRequest(invitation=described)
            self.place.call(stub, "CreateInvitation", asked, self.admin)
        self.links = [self.place.authority.mailed_link(email) for email in invited]

    def sign_in(self) -> str:
        """Sign in by a password; return the session."""
        person = self.people[0]
        request = session_service_pb2.SignInRequest(email=person.email, password=person.password)
        answer = self.place.call(session_service_pb2_grpc.SessionServiceStub, "SignIn", request)
        return str(claims_of(answer.access_token)["sid"])

    def redeem_code(self) -> str:
        """Get a code and redeem it; return what it was granted by."""
        return str(claims_of(self._tokens()["access_token"])["grant"])

    def refresh(self) -> str:
        """Renew. Where no answer came, the same token is sent again, and its successor comes back."""
        self.refresh_token = checked(refresh(self.place.http, self.client, self.refresh_token))["refresh_token"]
        return self.refresh_token

    def create_client(self) -> tuple[str, str]:
        """Register a client and give it a secret; return both."""
        stub = client_service_pb2_grpc.ClientServiceStub
        described = client_pb2.Client(redirect_uris=[REDIRECT], grant_types=["authorization_code"], scopes=["openid"])
        request = client_service_pb2.CreateClientRequest(client=described)
        name = self.place.call(stub, "CreateClient", request, self.admin).name
        adding = client_service_pb2.AddClientSecretRequest(name=name)
        return name, self.place.call(stub, "AddClientSecret", adding, self.admin).client_secret

    def enrol(self) -> str:
        """Set up an app, once the one before is removed; return it."""
        stub = authenticator_service_pb2_grpc.AuthenticatorServiceStub
        while self.apps:
            # It may be removed although no answer comes.
            self.removed.add(self.apps[-1])
            removing = authenticator_service_pb2.RemoveAuthenticatorRequest(name=self.apps[-1])
            try:
                self.place.call(stub, "RemoveAuthenticator", removing, self.owner)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
            self.apps.pop()
        begun = self.place.call(stub, "BeginTotp", authenticator_service_pb2.BeginTotpRequest(), self.owner)
        code = code_at(base64.b32decode(begun.secret.replace(" ", "")), step_at(time.time()))
        confirming = authenticator_service_pb2.ConfirmTotpRequest(enrolment=begun.enrolment, code=code)
        made = self.place.call(stub, "ConfirmTotp", confirming, self.owner).authenticator
        self.apps.append(made.name)
        return str(made.name)

    def accept(self) -> str | None:
        """Accept an invitation, and return the user; None where there is none left."""
        if not self.links:
            return None
        request = invitation_service_pb2.AcceptInvitationRequest(secret=self.links[-1], password=PASSWORD)
        try:
            answer = self.place.call(invitation_service_pb2_grpc.InvitationServiceStub, "AcceptInvitation", request)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                self.links.pop()  # it was accepted, and the answer was lost
            raise
        self.links.pop()
        return str(answer.user)

    def _tokens(self) -> Any:
        verifier, challenge = new_verifier()
        code = get_code(self.browser, self.client, challenge)
        if not code:
            raise Refused("no code")
        return checked(redeem(self.place.http, self.client, code, verifier))


@contextmanager
def loading(authority: Authority, client: Client, people: list[Person]) -> Iterator[tuple[Load, Work]]:
    """Have everything done over and over."""
    place = Place(authority, f"198.51.100.{secrets.randbelow(250) + 1}")
    stop, progress = threading.Event(), threading.Condition()
    with authority.edge() as browser:
        sign_in(browser, authority, people[1])
        # Whoever has set up an app signs in by more than a password from then on.
        work = Work(
            place=place,
            client=client,
            people=[*people, authority.add_person()],
            admin=authority.stack.token(),
            browser=browser,
        )
        work.prepare()
        acts = {
            "sign-in": work.sign_in,
            "code": work.redeem_code,
            "refresh": work.refresh,
            "client": work.create_client,
            "enrolment": work.enrol,
            "invitation": work.accept,
        }
        load = Load(flows={name: Flow(name, act) for name, act in acts.items()}, progress=progress)
        threads = [threading.Thread(target=flow.run, args=(stop, progress)) for flow in load.flows.values()]
        for thread in threads:
            thread.start()
        try:
            yield load, work
        finally:
            stop.set()
            for thread in threads:
                thread.join()
            place.close()


def kill(*names: str) -> Callable[[Authority], None]:
    """Return what kills processes, one right after the other."""

    def act(authority: Authority) -> None:
        for name in names:
            os.kill(process(authority.stack, name)["pid"], signal.SIGKILL)

    return act


def cut(authority: Authority) -> None:
    """Cut all connections of auth to Postgres."""
    authority.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'auth'")


# httpcore drops the socket with which it could not connect, where a server is gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "harm",
    [kill("auth-0"), kill("auth-1"), kill("auth-0", "auth-1"), kill("postgres"), cut, kill("valkey")],
    ids=["a worker", "the other worker", "both workers", "postgres", "connections to postgres", "valkey"],
)
def test_what_was_acknowledged_is_there_and_nothing_is_half_made(
    authority: Authority, client: Client, people: list[Person], harm: Callable[[Authority], None]
) -> None:
    with loading(authority, client, people) as (load, work):
        load.await_more(5)
        harm(authority)
        load.await_more(10)
    check_sessions(authority, load, people)
    check_codes(authority, load)
    check_refreshes(authority, load)
    check_clients(authority, load)
    check_enrolments(authority, load, work)
    check_invitations(authority, load)


def check_sessions(authority: Authority, load: Load, people: list[Person]) -> None:
    """Each sign-in by a password has its session, its family and its line in the audit trail, or none of them."""
    found = authority.rows("SELECT id FROM auth.sessions WHERE user_name = $1", people[0].name)
    assert set(load.acknowledged("sign-in")) <= {row["id"] for row in found}
    alone = """
    SELECT count(*) FROM auth.sessions s WHERE s.cookie IS NULL AND s.user_name = $1 AND (
        NOT EXISTS (SELECT FROM auth.refresh_sessions f WHERE f.session_id = s.id)
        OR NOT EXISTS (SELECT FROM auth.audit_events e WHERE e.session = s.id AND e.kind = 'session.opened'))
    """
    assert authority.count(alone, people[0].name) == 0
    empty = """
    SELECT count(*) FROM auth.refresh_sessions f
    WHERE NOT EXISTS (SELECT FROM auth.refresh_tokens t WHERE t.session_id = f.id)
    """
    assert authority.count(empty) == 0


def check_codes(authority: Authority, load: Load) -> None:
    """A code is used where there is what it opens, and only there."""
    opened = authority.rows("SELECT id FROM auth.refresh_sessions WHERE end_time IS NULL")
    assert set(load.acknowledged("code")) <= {row["id"] for row in opened}
    torn = """
    SELECT count(*) FROM auth.authorization_codes c
    WHERE (c.use_time IS NOT NULL) <> EXISTS (SELECT FROM auth.refresh_sessions f WHERE f.id = c.family)
    """
    assert authority.count(torn) == 0


def check_refreshes(authority: Authority, load: Load) -> None:
    """Each family has one living token, and knows each that it has ever given."""
    torn = """
    SELECT count(*) FROM auth.refresh_sessions f WHERE f.end_time IS NULL AND 1 <> (
        SELECT count(*) FROM auth.refresh_tokens t WHERE t.session_id = f.id AND t.use_time IS NULL)
    """
    assert authority.count(torn) == 0
    given = [digest_of(token) for token in load.acknowledged("refresh")]
    kept = authority.count("SELECT count(*) FROM auth.refresh_tokens WHERE digest = ANY ($1)", given)
    assert kept == len(set(given)) == len(given)


def check_clients(authority: Authority, load: Load) -> None:
    """Clients and secrets that were told of are there, and no secret is there without its client."""
    made = load.acknowledged("client")
    names, digests = [name for name, _ in made], [digest_of(secret) for _, secret in made]
    assert authority.count("SELECT count(*) FROM auth.clients WHERE name = ANY ($1)", names) == len(names)
    kept = "SELECT count(*) FROM auth.client_secrets WHERE client = ANY ($1) AND digest = ANY ($2)"
    assert authority.count(kept, names, digests) == len(made)
    orphans = """
    SELECT count(*) FROM auth.client_secrets s
    WHERE NOT EXISTS (SELECT FROM auth.clients c WHERE c.organization = s.organization AND c.name = s.client)
    """
    assert authority.count(orphans) == 0


def check_enrolments(authority: Authority, load: Load, work: Work) -> None:
    """An app that was told of is there until it is removed, and each that is there can be asked for a code."""
    rows = authority.rows("SELECT id, length(seed) AS size FROM auth.authenticators WHERE kind = 'totp'")
    there = {f"authenticators/{row['id']}" for row in rows}
    assert set(load.acknowledged("enrolment")) - work.removed <= there
    assert all(row["size"] > 0 for row in rows)


def check_invitations(authority: Authority, load: Load) -> None:
    """Whoever has accepted is there with a password and a verified address, and nobody is there who has not."""
    accepted = load.acknowledged("invitation")
    assert accepted
    whole = """
    SELECT u.name FROM auth.users u
    JOIN auth.credentials c ON c.organization = u.organization AND c.user_name = u.name
    JOIN auth.verified_addresses v ON v.organization = u.organization AND v.user_name = u.name
    WHERE starts_with(u.email, 'invited-')
    """
    users = {row["name"] for row in authority.rows(whole)}
    assert set(accepted) <= users
    assert authority.count("SELECT count(*) FROM auth.users WHERE starts_with(email, 'invited-')") == len(users)
    answered = """
    SELECT count(*) FROM auth.invitations i JOIN auth.users u ON u.email = i.email
    WHERE EXISTS (SELECT FROM auth.invitation_secrets s WHERE s.organization = i.organization AND s.invitation = i.name)
    """
    assert authority.count(answered) == 0
