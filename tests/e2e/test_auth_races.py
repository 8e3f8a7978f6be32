"""Of those who do the same thing at the same time, at two workers of auth, exactly one does it."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.e2e.providing import (
    PASSWORD,
    Authority,
    Client,
    Person,
    form_token,
    get_code,
    is_active,
    new_verifier,
    posted,
    press,
    redeem,
    refresh,
    sign_in,
)
from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

T = TypeVar("T")

ROUNDS = 8
"""How often each race is run: one that is lost once in a while is lost."""

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Auth with two workers."""
    stack = Stack(
        home=tmp_path_factory.mktemp("races") / "home",
        port=free_port(),
        options=("--no-demo",),
        environ={"TENON_AUTH_WORKERS": "2", "TENON_DATA_WORKERS": "1"},
    )
    stack.start()
    found = Authority(stack)
    assert found.workers() == 2
    yield found
    stack.stop()


@pytest.fixture(scope="module")
def workers(authority: Authority) -> Iterator[list[httpx.Client]]:
    """A connection to each worker."""
    found = [authority.worker(number) for number in range(authority.workers())]
    yield found
    for each in found:
        each.close()


@pytest.fixture(scope="module")
def client(authority: Authority) -> Client:
    """A client."""
    return authority.register(grantTypes=["authorization_code", "refresh_token", DEVICE_GRANT])


@pytest.fixture(scope="module")
def person(authority: Authority) -> Person:
    """Somebody."""
    return authority.add_person()


@pytest.fixture(scope="module")
def browser(authority: Authority, person: Person) -> Iterator[httpx.Client]:
    """Their browser, in which they are signed in."""
    with authority.edge() as opened:
        sign_in(opened, authority, person)
        yield opened


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """Do something as often at once, each in a thread of its own, and return what came of it."""
    start = Barrier(count)

    def run(number: int) -> T:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def tokens_of(workers: list[httpx.Client], browser: httpx.Client, client: Client) -> Any:
    """Return what the client gets for a code."""
    verifier, challenge = new_verifier()
    answer = redeem(workers[0], client, get_code(browser, client, challenge), verifier)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_fifty_parallel_refreshes_give_one_successor(
    workers: list[httpx.Client], browser: httpx.Client, client: Client
) -> None:
    token = tokens_of(workers, browser, client)["refresh_token"]
    answers = at_once(50, lambda number: refresh(workers[number % 2], client, token))
    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refresh_token"] for answer in answers}
    assert len(successors) == 1
    assert is_active(workers[0], client, successors.pop())
    assert not is_active(workers[1], client, token)


def test_a_refresh_against_a_revocation_leaves_nothing_valid(
    workers: list[httpx.Client], browser: httpx.Client, client: Client
) -> None:
    for _ in range(ROUNDS):
        token = tokens_of(workers, browser, client)["refresh_token"]

        def act(number: int, token: str = token) -> httpx.Response:
            if number % 3 == 1:
                return workers[number % 2].post("/oauth2/revoke", data={"token": token}, auth=client.auth)
            return refresh(workers[number % 2], client, token)

        answers = at_once(6, act)
        given = [answer.json() for answer in answers if answer.content and answer.status_code == 200]
        everything = {token, *(each[kind] for each in given for kind in ("access_token", "refresh_token"))}
        for worker in workers:
            assert not [text for text in everything if is_active(worker, client, text)]
        assert {refresh(workers[0], client, each["refresh_token"]).status_code for each in given} <= {400}


def test_of_two_who_redeem_a_code_exactly_one_gets_tokens(
    workers: list[httpx.Client], browser: httpx.Client, client: Client
) -> None:
    for _ in range(ROUNDS):
        verifier, challenge = new_verifier()
        code = get_code(browser, client, challenge)
        answers = at_once(2, lambda number, v=verifier, c=code: redeem(workers[number], client, c, v))  # type: ignore[misc]
        assert statuses(answers) == [200, 400]


def test_of_two_who_poll_for_an_approved_device_exactly_one_gets_tokens(
    authority: Authority, workers: list[httpx.Client], browser: httpx.Client, client: Client
) -> None:
    for _ in range(3):
        asked = {"scope": "openid offline_access"}
        begun = workers[0].post("/oauth2/device_authorization", data=asked, auth=client.auth)
        assert begun.status_code == 200, begun.text
        code, user_code = begun.json()["device_code"], begun.json()["user_code"]
        page = f"/account/device?user_code={user_code}"
        approved = press(browser, authority.issuer, page, user_code=user_code, decision="allow")
        assert "approved" in approved.headers.get("location", ""), approved.text
        form = {"grant_type": DEVICE_GRANT, "device_code": code}
        answers = at_once(
            2,
            lambda number, form=form: workers[number].post("/oauth2/token", data=form, auth=client.auth),  # type: ignore[misc]
        )
        assert statuses(answers) == [200, 400], [answer.text for answer in answers]


def test_a_code_that_was_mailed_signs_in_once(authority: Authority) -> None:
    person = authority.add_person()
    with authority.edge() as app, authority.edge() as other:
        begun = posted(app, "/auth/v1/sessions:beginSignIn", {"email": person.email})["challenge"]["attempt"]
        posted(app, "/auth/v1/sessions:sendCode", {"attempt": begun})
        shown = {"attempt": begun, "emailCode": authority.mailed_code(person.email)}
        answers = at_once(2, lambda number: (app, other)[number].post("/auth/v1/sessions:continueSignIn", json=shown))
    opened = [answer for answer in answers if answer.status_code == 200 and answer.json().get("accessToken")]
    assert len(opened) == 1, [answer.text for answer in answers]


def test_a_link_that_was_mailed_signs_in_once(authority: Authority, workers: list[httpx.Client]) -> None:
    person = authority.add_person()
    own = {"origin": authority.issuer, "sec-fetch-site": "same-origin"}
    with authority.worker(0) as browser:
        press(browser, authority.issuer, "/account/sign-in", email=person.email, way="email_code")
        page = "/account/sign-in/factor"
        sent = press(browser, authority.issuer, f"{page}?way=email_link", to=page, way="email_link", send="1")
        assert sent.status_code == 303, sent.text
        link = authority.mailed_link(person.email)
        form = {"form_token": form_token(browser, f"/account/sign-in/link?link={link}"), "link": link}
        jar = dict(browser.cookies)

        def follow(number: int) -> httpx.Response:
            with authority.worker(number) as same:
                same.cookies.update(jar)
                return same.post("/account/sign-in/link", data=form, headers=own)

        answers = at_once(2, follow)
    assert authority.count("SELECT count(*) FROM auth.sessions WHERE user_name = $1", person.name) == 1
    assert sum("tenon-session" in answer.headers.get("set-cookie", "") for answer in answers) == 1


def test_an_invitation_is_accepted_once(authority: Authority) -> None:
    for _ in range(3):
        email = f"invited-{secrets.token_hex(4)}@example.com"
        accept = {"secret": authority.invite(email), "password": PASSWORD}
        with authority.edge() as one, authority.edge() as other:
            answers = at_once(
                2,
                lambda number, pair=(one, other), body=accept: pair[number].post(  # type: ignore[misc]
                    "/auth/v1/invitations:accept", json=body
                ),
            )
            assert sorted(answer.status_code == 200 for answer in answers) == [False, True]
            posted(one, "/auth/v1/sessions:signIn", {"email": email, "password": PASSWORD})
        assert authority.count("SELECT count(*) FROM auth.users WHERE email = $1", email) == 1
