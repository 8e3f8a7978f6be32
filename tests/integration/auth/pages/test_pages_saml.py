"""Signing in by a SAML provider, whose responses come without a cookie of ours: Auth statement 43."""

from __future__ import annotations

import base64
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from services.auth.storage.federation.saml_requests import make_key
from tests.integration.auth.pages.abroad import make_provider
from tests.integration.auth.pages.browsing import ISSUER, Browser

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pysaml2 and what it imports, as they are
    from tests.integration.auth.federation.identity_provider import (
        ENTITY,
        SIGN_IN,
        IdentityProvider,
        make_identity_provider,
        missing_xmlsec,
    )

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.integration.auth.pages.conftest import Auth

ADA = "ada@example.com"
ABROAD = {"origin": "https://idp.test", "sec-fetch-site": "cross-site"}


@dataclass
class Party:
    """A person at the provider."""

    abroad: IdentityProvider
    path: str

    async def begin(self, browser: Browser) -> str:
        """Choose the provider in a browser, and return where that is sent to."""
        await browser.open("/account/sign-in")
        link = next(one for one in browser.page.all("a") if "Continue with Abroad" in one.words())
        answer = await browser.get(link.attributes["href"])
        return answer.headers["location"]

    async def respond(self, browser: Browser, url: str) -> dict[str, str]:
        """Sign in at the provider, and return the form that it has the browser send to us."""
        del browser
        request, state = self.abroad.read_request(url)
        root = f"{ISSUER}{self.path}"
        response = self.abroad.answer(request, f"{root}/acs", f"{root}/metadata")
        return {"SAMLResponse": base64.b64encode(response).decode(), "RelayState": state}

    async def bring(self, browser: Browser, form: dict[str, str]) -> httpx.Response:
        """Send the form as a browser does: from another site, with which no cookie of ours goes."""
        request = browser.client.build_request("POST", f"{self.path}/acs", data=form, headers=ABROAD)
        request.headers.pop("cookie", None)
        return await browser.client.send(request)


@pytest.fixture
async def party(auth: Auth, browser: Browser, tmp_path: Path) -> Party:
    """A provider that both sides know of each other, by our metadata and its certificate."""
    if reason := missing_xmlsec():
        pytest.skip(reason)
    own = make_key(ENTITY)
    made: Any = await make_provider(
        auth,
        display_name="Abroad",
        kind="KIND_SAML",
        issuer=ENTITY,
        sign_in_url=SIGN_IN,
        certificates=[own[1]],
        sign_requests=True,
        provisioning=True,
        claims={"email": "mail", "display_name": "displayName"},
    )
    path = f"/federation/saml/{made.name.partition('/')[2]}"
    metadata = await browser.client.get(f"{path}/metadata")
    assert metadata.headers["content-type"] == "application/samlmetadata+xml"
    return Party(abroad=make_identity_provider(tmp_path, metadata.content, own), path=path)


async def test_a_response_signs_in_the_browser_that_was_sent_for_it(party: Party, browser: Browser) -> None:
    """Auth statement 43, from our signed request to the session."""
    form = await party.respond(browser, await party.begin(browser))
    answer = await party.bring(browser, form)
    assert answer.status_code == 303
    await browser.open(answer.headers["location"])
    assert browser.session
    assert ADA in browser.words()


async def test_a_response_that_was_brought_is_used_up(party: Party, browser: Browser, other: Browser) -> None:
    """Auth statement 43: a response once, and what it has opened once (CVE-2025-46815)."""
    form = await party.respond(browser, await party.begin(browser))
    arrival = (await party.bring(browser, form)).headers["location"]
    assert (await party.bring(browser, form)).status_code == 401
    await party.begin(other)
    assert (await other.get(arrival)).status_code == 401
    assert not other.session
    assert (await browser.get(arrival)).status_code == 401
    assert not browser.session


async def test_a_response_to_a_request_of_another_browser_signs_nobody_in(
    party: Party, browser: Browser, other: Browser
) -> None:
    """Auth statement 43: whoever plants their own response signs nobody in as themselves."""
    form = await party.respond(other, await party.begin(other))
    await party.begin(browser)
    arrival = (await party.bring(browser, form)).headers["location"]
    assert (await browser.get(arrival)).status_code == 401
    assert not browser.session


async def test_a_response_that_nobody_asked_for_is_refused(party: Party, browser: Browser) -> None:
    """Auth statement 43: InResponseTo is of a request of ours, whose state comes back."""
    form = await party.respond(browser, await party.begin(browser))
    for state in ("", "made-up"):
        answer = await party.bring(browser, {**form, "RelayState": state})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
