"""What happens between a client's request and its answer, on the pages."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from tenon.auth.v1 import client_pb2, client_service_pb2, client_service_pb2_grpc

from tests.integration.auth.pages.belongings import App
from tests.integration.auth.pages.browsing import EMAIL, PASSWORD, Browser

if TYPE_CHECKING:
    from tests.integration.auth.pages.conftest import Auth

VERIFIER = "a verifier that nobody guesses, of 43 letters or more"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REDIRECT = "https://party.test/callback"
NASTY = 'Shop <img src=x onerror="alert(1)">'


@pytest.fixture
async def party(auth: Auth) -> str:
    """The `client_id` of a relying party that people are asked about."""
    stub: Any = client_service_pb2_grpc.ClientServiceStub(auth.channel)
    client = client_pb2.Client(
        display_name=NASTY,
        redirect_uris=[REDIRECT],
        grant_types=["authorization_code", "refresh_token"],
        token_endpoint_auth_method="none",
        scopes=["openid", "email", "offline_access"],
    )
    request = client_service_pb2.CreateClientRequest(client=client)
    made = await stub.CreateClient(request, metadata=await auth.administrator())
    return str(made.name.removeprefix("clients/"))


def request_of(client: str, **parameters: str) -> str:
    """Return the address that a client sends a browser to."""
    asked = {
        "client_id": client,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid email",
        "state": "a state",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"/oauth2/authorize?{urlencode(asked)}"


def answer_of(location: str) -> dict[str, str]:
    """Return what is sent to the client."""
    assert location.startswith(f"{REDIRECT}?")
    return dict(parse_qsl(urlsplit(location).query))


async def finish(browser: Browser, button: str, **fields: str) -> dict[str, str]:
    """Press a button, and return what the client is sent at the end."""
    answer = await browser.send(button, **fields)
    while urlsplit(location := answer.headers["location"]).netloc != "party.test":
        assert answer.status_code == 303
        answer = await browser.get(location)
    return answer_of(location)


async def test_somebody_signs_in_and_agrees_and_the_client_gets_a_code(browser: Browser, party: str) -> None:
    """Auth statement 12: who asks, and for what, is shown before anything is given."""
    await browser.open(request_of(party))
    assert "to continue to" in browser.words()
    await browser.press("Sign in", email=EMAIL, password=PASSWORD)
    assert browser.answer.url.path == "/account/consent"
    assert "Know who you are" in browser.words()
    assert "See your email address" in browser.words()
    assert "party.test" in browser.words()
    assert NASTY in browser.words()
    assert "<img src=x" not in browser.answer.text
    assert "form-action 'self' https://party.test;" in browser.answer.headers["content-security-policy"]
    told = await finish(browser, "Allow")
    assert told["code"]
    assert (told["state"], told["iss"]) == ("a state", "https://tenon.test")


async def test_somebody_refuses_and_the_client_is_told(browser: Browser, party: str) -> None:
    await browser.sign_in()
    await browser.open(request_of(party))
    told = await finish(browser, "Do not allow")
    assert told["error"] == "access_denied"
    assert "code" not in told


async def test_consent_is_seen_and_taken_back(browser: Browser, party: str) -> None:
    """Auth statement 12: a user lists consents and revokes them."""
    await browser.sign_in()
    await browser.open(request_of(party))
    await finish(browser, "Allow")
    assert answer_of((await browser.get(request_of(party))).headers["location"])["code"]
    await browser.open("/account/applications")
    assert NASTY in browser.words()
    await browser.press("Take back")
    assert "no application" in browser.words()
    await browser.open(request_of(party))
    assert browser.answer.url.path == "/account/consent"


@pytest.mark.parametrize("parameters", [{"prompt": "login"}, {"max_age": "0"}])
async def test_somebody_who_is_signed_in_proves_it_again(
    browser: Browser, party: str, parameters: dict[str, str]
) -> None:
    """Auth statements 10 and 40: the session is strengthened, and its cookie is another one."""
    await browser.sign_in()
    before = browser.session
    await browser.open(request_of(party, **parameters))
    assert browser.answer.url.path == "/account/sign-in/factor"
    assert "still you" in browser.words()
    await browser.press("Continue", password=PASSWORD)
    assert browser.session not in {"", before}
    assert browser.answer.url.path == "/account/consent"
    assert (await finish(browser, "Allow"))["code"]


async def test_another_account_is_asked_for_where_the_client_wants_a_choice(browser: Browser, party: str) -> None:
    await browser.sign_in()
    before = browser.session
    await browser.open(request_of(party, prompt="select_account"))
    assert browser.answer.url.path == "/account/sign-in"
    await browser.press("Sign in", email=EMAIL, password=PASSWORD)
    assert browser.session not in {"", before}
    assert (await finish(browser, "Allow"))["code"]


async def test_a_form_of_consent_that_another_site_sends_is_not_taken(browser: Browser, party: str) -> None:
    await browser.sign_in()
    await browser.open(request_of(party))
    action, form = browser.form("Allow")
    answer = await browser.client.post(action, data=form, headers={"origin": "https://party.test"})
    assert answer.status_code == 403
    assert (await finish(browser, "Do not allow"))["error"] == "access_denied"


@pytest.mark.parametrize(
    "parameters", [{"redirect_uri": "https://evil.test/"}, {"redirect_uri": f"{REDIRECT}/x"}, {"client_id": "<b>"}]
)
async def test_a_bad_client_or_address_is_told_to_the_person_and_leads_nowhere(
    browser: Browser, party: str, parameters: dict[str, str]
) -> None:
    answer = await browser.get(request_of(party, **parameters))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert browser.page.all("h1")[0].words() == "This did not work"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("page", ["/account/sign-in?flow=unknown", "/account/consent?flow=unknown", "/account/consent"])
async def test_a_flow_that_is_gone_is_told_as_a_page(browser: Browser, party: str, page: str) -> None:
    await browser.sign_in()
    answer = await browser.open(page)
    assert answer.status_code in {400, 404}
    assert browser.page.all("h1")


async def test_a_level_that_nobody_can_reach_is_told_and_not_asked_for_in_circles(browser: Browser, party: str) -> None:
    await browser.open(request_of(party, acr_values="aal2"))
    await browser.press("Sign in", email=EMAIL, password=PASSWORD)
    assert "A second factor is needed" in browser.words()
    assert browser.session
    again = browser.answer.url
    await browser.open("/account/authenticators/app")
    app = App(browser)
    await browser.press("Finish", code=app.code())
    await browser.open(f"{again.path}?{again.query.decode()}&again=1")
    await browser.press("Continue", code=app.code(later=1))
    assert browser.answer.url.path == "/account/consent"
    assert (await finish(browser, "Allow"))["code"]


async def test_who_cannot_reach_the_level_may_give_up(browser: Browser, party: str) -> None:
    await browser.open(request_of(party, acr_values="aal3"))
    await browser.press("Sign in", email=EMAIL, password=PASSWORD)
    assert (await finish(browser, "Cancel"))["error"] == "access_denied"
