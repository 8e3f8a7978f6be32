"""Signing in by a certified OpenID provider: known, unknown, and never by an address alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tenon.auth.v1 import user_pb2, user_service_pb2, user_service_pb2_grpc

from tests.conformance.oracle import missing_node, run_oracle
from tests.integration.auth.pages.abroad import make_oidc, sign_in_abroad
from tests.integration.auth.pages.belongings import App, next_mail
from tests.integration.auth.pages.browsing import EMAIL, OWN, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conformance.oracle import Oracle
    from tests.integration.auth.pages.conftest import Auth

ADA = "ada@example.com"


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The provider is on this machine."""
    return {**environment, "TENON_FEDERATION_PRIVATE": "1"}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """The certified provider."""
    if reason := missing_node():
        pytest.skip(reason)
    with run_oracle(tmp_path_factory.mktemp("oracle") / "none.pem") as oracle:
        yield oracle


async def begin(browser: Browser, name: str = "Continue with Abroad") -> str:
    """Open the sign-in page, choose the provider, and return where it sends the browser."""
    await browser.open("/account/sign-in")
    link = next(one for one in browser.page.all("a") if name in one.words())
    answer = await browser.get(link.attributes["href"])
    assert answer.status_code == 303
    return answer.headers["location"]


async def users(auth: Auth) -> dict[str, Any]:
    """Return all users by their addresses."""
    stub: Any = user_service_pb2_grpc.UserServiceStub(auth.channel)
    answer = await stub.ListUsers(user_service_pb2.ListUsersRequest(), metadata=await auth.administrator())
    return {user.email: user for user in answer.users}


async def test_whoever_comes_for_the_first_time_becomes_a_user_and_comes_back_as_the_same(
    auth: Auth, oracle: Oracle, browser: Browser, other: Browser
) -> None:
    """Auth statements 22 and 44: issuer and subject are who somebody is."""
    await make_oidc(auth, oracle, provisioning=True, trust_email=True)
    url = await begin(browser)
    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked.keys() >= {"state", "nonce", "code_challenge"}
    await browser.open(sign_in_abroad(url))
    assert ADA in browser.words()
    assert browser.session
    made = (await users(auth))[ADA]
    assert (made.display_name, made.email_verified, list(made.roles)) == ("Ada Lovelace", True, [])
    await other.open(sign_in_abroad(await begin(other)))
    assert ADA in other.words()
    assert len(await users(auth)) == 2


async def test_an_answer_is_good_in_the_browser_alone_that_has_asked_and_once(
    auth: Auth, oracle: Oracle, browser: Browser, other: Browser
) -> None:
    """Auth statement 44: the state is bound to the browser, and used up by the first who brings it."""
    await make_oidc(auth, oracle, provisioning=True)
    back = sign_in_abroad(await begin(browser))
    await begin(other)
    assert (await other.get(back)).status_code == 401
    assert not other.session
    assert (await browser.get(back)).status_code == 401
    assert not browser.session
    back = sign_in_abroad(await begin(browser))
    await browser.open(back)
    assert browser.session
    assert (await browser.get(back)).status_code == 401


async def test_a_state_that_nobody_has_made_is_refused(auth: Auth, oracle: Oracle, browser: Browser) -> None:
    """Auth statement 44."""
    await make_oidc(auth, oracle, provisioning=True)
    back = sign_in_abroad(await begin(browser))
    answer = await browser.get(back.replace("state=", "state=x"))
    assert (answer.status_code, browser.session) == (401, "")


async def test_an_answer_in_the_name_of_another_issuer_is_refused(auth: Auth, oracle: Oracle, browser: Browser) -> None:
    """Auth statement 44: mix-up, and the provider says that it says who it is (RFC 9207)."""
    await make_oidc(auth, oracle, provisioning=True)
    for change in (("iss=http", "iss=https"), ("&iss=", "&other=")):
        back = sign_in_abroad(await begin(browser))
        assert "&iss=http" in back
        answer = await browser.get(back.replace(*change))
        assert (answer.status_code, browser.session) == (401, "")


async def test_an_answer_at_the_address_of_another_provider_is_refused(
    auth: Auth, oracle: Oracle, browser: Browser
) -> None:
    """Auth statement 44: mix-up, by the address that each provider has of its own (RFC 9700 section 4.4.2.2)."""
    await make_oidc(auth, oracle, provisioning=True)
    elsewhere = await make_oidc(auth, oracle, display_name="Elsewhere", provisioning=True)
    back = sign_in_abroad(await begin(browser))
    path, _, query = back.partition("?")
    moved = f"/federation/oidc/{elsewhere.name.partition('/')[2]}/callback?{query}"
    assert moved.partition("?")[0] != path
    answer = await browser.get(moved)
    assert (answer.status_code, browser.session) == (401, "")


async def test_an_address_that_is_taken_opens_nothing_until_its_owner_has_signed_in_and_linked(
    auth: Auth, oracle: Oracle, browser: Browser, other: Browser, mails: Path
) -> None:
    """Auth statement 44: nothing is linked by email alone."""
    await make_oidc(auth, oracle, provisioning=True, trust_email=True)
    stub: Any = user_service_pb2_grpc.UserServiceStub(auth.channel)
    request = user_service_pb2.CreateUserRequest(user=user_pb2.User(email=ADA, display_name="Ada"))
    made = await stub.CreateUser(request, metadata=await auth.administrator())
    answer = await browser.open(sign_in_abroad(await begin(browser)))
    assert answer.status_code == 200
    assert "You have an account already" in browser.words()
    assert not browser.session
    confirm = str(answer.url)
    assert (await other.get(confirm)).status_code == 401
    link = next(one for one in browser.page.all("a") if "Sign in to it" in one.words())
    await browser.open(link.attributes["href"])
    await browser.press("Email me a code", email=ADA)
    code = re.search(r"\b\d{4} ?\d{4}\b", await next_mail(mails, "Your code"))
    assert code is not None
    await browser.press("Continue", code=code.group())
    assert "Link Abroad?" in browser.words()
    await browser.press("Link it")
    assert "It is linked" in browser.words()
    assert "was linked to your account" in await next_mail(mails, "Your account was changed")
    await other.open(sign_in_abroad(await begin(other)))
    assert made.name in other.words()
    await other.open("/account/linked")
    assert (await other.send("Unlink")).headers["location"].endswith("done=unlinked")
    assert "linked to your account no more" in await next_mail(mails, "Your account was changed")


async def test_the_account_that_is_signed_in_to_must_be_the_one_that_the_link_is_for(
    auth: Auth, oracle: Oracle, browser: Browser
) -> None:
    """Auth statement 44."""
    await make_oidc(auth, oracle)
    stub: Any = user_service_pb2_grpc.UserServiceStub(auth.channel)
    request = user_service_pb2.CreateUserRequest(user=user_pb2.User(email=ADA, display_name="Ada"))
    await stub.CreateUser(request, metadata=await auth.administrator())
    confirm = str((await browser.open(sign_in_abroad(await begin(browser)))).url)
    await browser.sign_in()
    await browser.open(confirm)
    assert "Sign in to the other account" in browser.words()
    fields = {"link": confirm.partition("link=")[2], "form_token": await form_token(browser)}
    answer = await browser.client.post("/account/linked/confirm", data=fields, headers=OWN)
    assert answer.status_code == 401


async def test_nobody_is_let_in_whom_no_account_is_linked_to_where_none_is_made(
    auth: Auth, oracle: Oracle, browser: Browser
) -> None:
    """Whoever comes by a provider that makes no users needs an account first."""
    await make_oidc(auth, oracle)
    answer = await browser.open(sign_in_abroad(await begin(browser)))
    assert (answer.status_code, browser.session) == (403, "")
    assert set(await users(auth)) == {EMAIL}


async def test_users_are_made_of_the_domains_alone_that_the_provider_is_for(
    auth: Auth, oracle: Oracle, browser: Browser
) -> None:
    """An address elsewhere makes nobody."""
    await make_oidc(auth, oracle, provisioning=True, email_domains=["tenon.local"])
    answer = await browser.open(sign_in_abroad(await begin(browser)))
    assert (answer.status_code, browser.session) == (403, "")
    assert set(await users(auth)) == {EMAIL}


async def test_whoever_has_signed_in_links_an_identity_by_their_own_decision(
    auth: Auth, oracle: Oracle, browser: Browser, other: Browser, mails: Path
) -> None:
    """Linking asks once more, so that nobody is made to link another one's identity."""
    await make_oidc(auth, oracle)
    await browser.sign_in()
    await browser.open("/account/linked")
    link = next(one for one in browser.page.all("a") if "Link Abroad" in one.words())
    url = (await browser.get(link.attributes["href"])).headers["location"]
    await browser.open(sign_in_abroad(url, "grace"))
    assert "grace@example.com" in browser.words()
    await browser.press("Link it")
    assert "was linked to your account" in await next_mail(mails, "Your account was changed")
    await other.open(sign_in_abroad(await begin(other), "grace"))
    assert EMAIL in other.words()


async def test_a_second_factor_that_somebody_has_is_asked_for_unless_the_provider_has_seen_one(
    auth: Auth, oracle: Oracle, browser: Browser, other: Browser
) -> None:
    """The organization's rules hold for those too who come by a provider."""
    await make_oidc(auth, oracle, provisioning=True)
    await browser.open(sign_in_abroad(await begin(browser)))
    await browser.open("/account/authenticators/app")
    app = App(browser)
    await browser.press("Finish", code=app.code())
    await other.open(sign_in_abroad(await begin(other)))
    assert not other.session
    assert "Enter the code of your app" in other.words()
    await other.press("Continue", code=app.code(1))
    assert other.session
    assert ADA in other.words()


async def form_token(browser: Browser) -> str:
    """Return a token for a form of this browser."""
    await browser.open("/account/profile")
    return browser.page.all("form")[0].all("input")[0].attributes["value"]
