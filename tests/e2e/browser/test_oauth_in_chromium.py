"""A relying party sends a browser to sign in, and gets what the person agrees to."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import pytest

from tests.e2e.browser.relying_party import RelyingParty, open_relying_party

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.browser.driving import Person
    from tests.e2e.stack import Stack

Account = tuple[str, str]
VERIFIER = "a-verifier-that-nobody-guesses-of-43-letters-or-more"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@pytest.fixture(scope="module")
def party() -> Iterator[RelyingParty]:
    """A relying party."""
    with open_relying_party() as party:
        yield party


@pytest.fixture(scope="module")
def client(stack: Stack, party: RelyingParty) -> str:
    """Its `client_id`."""
    with stack.client(stack.token()) as admin:
        made = admin.post(
            "/auth/v1/clients",
            json={
                "displayName": "Party Planner",
                "redirectUris": [party.redirect_uri],
                "postLogoutRedirectUris": [party.url],
                "grantTypes": ["authorization_code", "refresh_token"],
                "tokenEndpointAuthMethod": "none",
                "scopes": ["openid", "email", "offline_access"],
            },
        )
    assert made.status_code == 200, made.text
    name: str = made.json()["name"]
    return name.removeprefix("clients/")


def request_of(client: str, party: RelyingParty, **parameters: str) -> str:
    """Return where the relying party sends a browser."""
    asked = {
        "client_id": client,
        "redirect_uri": party.redirect_uri,
        "response_type": "code",
        "scope": "openid email",
        "state": "s p&a=c#e",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"/oauth2/authorize?{urlencode(asked)}"


def test_a_code_is_got_by_consent_and_gives_tokens(
    person: Person, account: Account, client: str, party: RelyingParty
) -> None:
    person.open(request_of(client, party))
    assert person.page.get_by_text("Party Planner").is_visible()
    person.judge()
    person.fill("Email address", account[0])
    person.fill("Password", account[1])
    person.press("Sign in")
    assert person.path == "/account/consent"
    person.judge()
    person.press("Allow")
    assert person.page.url.startswith(party.redirect_uri)
    told = party.answer()
    assert (told["state"], told["iss"]) == ("s p&a=c#e", person.url)
    form = {
        "grant_type": "authorization_code",
        "code": told["code"],
        "client_id": client,
        "redirect_uri": party.redirect_uri,
        "code_verifier": VERIFIER,
    }
    with httpx.Client(timeout=20) as machine:
        tokens = machine.post(f"{person.url}/oauth2/token", data=form)
        assert tokens.status_code == 200, tokens.text
        bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
        assert machine.get(f"{person.url}/oauth2/userinfo", headers=bearer).json()["email"] == account[0]


def test_a_refusal_is_told_to_the_client(person: Person, account: Account, client: str, party: RelyingParty) -> None:
    person.sign_in(*account)
    person.open(request_of(client, party))
    person.press("Do not allow")
    assert party.answer()["error"] == "access_denied"


def test_a_bad_redirect_uri_is_told_to_the_person(person: Person, client: str, party: RelyingParty) -> None:
    person.open(request_of(client, party, redirect_uri="https://evil.test/"))
    assert person.heading == "This did not work"
    assert person.page.url.startswith(person.url)
    person.judge()
