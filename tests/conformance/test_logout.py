"""The modules of `oidcc-rp-initiated-logout-certification-test-plan` and of its back-channel twin, by their names."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from joserfc import jwt

from tests.conformance.provider import SECONDS, SIGNED_OUT, Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.browser import Browser, Landing
    from tests.conformance.client_site import ClientSite
    from tests.conformance.party import Party

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def party(parties: Callable[..., Party]) -> Party:
    """A client that says where people go after signing out."""
    return parties(post_logout_redirect_uris=[SIGNED_OUT])


def sign_out(party: Party, browser: Browser, **parameters: str) -> Landing:
    """Send the browser to the end-session endpoint; the person says yes when asked."""
    return browser.visit(f"{party.url('end_session_endpoint')}?{urlencode(parameters)}")


def is_signed_in(party: Party, browser: Browser) -> bool:
    """Whether the provider still knows the browser."""
    ask = party.ask(prompt="none")
    return "code" in party.authorize(ask, browser).parameters


def test_oidcc_rp_initiated_logout(party: Party, browser: Browser) -> None:
    tokens = party.sign_in(browser)
    assert is_signed_in(party, browser)
    state = secrets.token_urlsafe(8)
    landing = sign_out(party, browser, id_token_hint=tokens.id, post_logout_redirect_uri=SIGNED_OUT, state=state)
    assert landing.left
    assert landing.url == f"{SIGNED_OUT}?state={state}"
    assert not is_signed_in(party, browser)


def test_oidcc_rp_initiated_logout_no_state(party: Party, browser: Browser) -> None:
    tokens = party.sign_in(browser)
    landing = sign_out(party, browser, id_token_hint=tokens.id, post_logout_redirect_uri=SIGNED_OUT)
    assert landing.url == SIGNED_OUT
    assert not is_signed_in(party, browser)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(f"{SIGNED_OUT}/other", id="oidcc_rp_initiated_logout_bad_post_logout_redirect_uri"),
        pytest.param(f"{SIGNED_OUT}?tenant=a", id="oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri"),
    ],
)
def test_oidcc_rp_initiated_logout_to(party: Party, browser: Browser, address: str) -> None:
    """An address that is not registered, letter by letter, is never gone to."""
    tokens = party.sign_in(browser)
    landing = sign_out(party, browser, id_token_hint=tokens.id, post_logout_redirect_uri=address, state="s")
    assert not landing.left


def test_oidcc_rp_initiated_logout_modified_id_token_hint(party: Party, browser: Browser) -> None:
    """A hint whose signature does not hold is as good as none: no way to the client."""
    tokens = party.sign_in(browser)
    head, body, signature = tokens.id.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    landing = sign_out(
        party, browser, id_token_hint=f"{head}.{body}.{flipped}", post_logout_redirect_uri=SIGNED_OUT, state="s"
    )
    assert not landing.left


def test_oidcc_rp_initiated_logout_bad_id_token_hint(party: Party, browser: Browser) -> None:
    party.sign_in(browser)
    landing = sign_out(party, browser, id_token_hint="bad", post_logout_redirect_uri=SIGNED_OUT, state="s")
    assert not landing.left


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(
            {"post_logout_redirect_uri": SIGNED_OUT, "state": "s"}, id="oidcc_rp_initiated_logout_no_id_token_hint"
        ),
        pytest.param({}, id="oidcc_rp_initiated_logout_no_params"),
        pytest.param({"state": "s"}, id="oidcc_rp_initiated_logout_only_state"),
    ],
)
def test_oidcc_rp_initiated_logout_asks(party: Party, browser: Browser, parameters: dict[str, str]) -> None:
    """Where no hint says who asks, the person is asked, and no address that came along is gone to."""
    party.sign_in(browser)
    landing = sign_out(party, browser, **parameters)
    assert "sign-out" in landing.kinds
    assert not landing.left
    assert not is_signed_in(party, browser)


def test_a_person_who_says_no_stays_signed_in(party: Party, browser: Browser) -> None:
    """OIDC RP-Initiated Logout §2: the person decides."""
    party.sign_in(browser)
    browser.visit(party.url("end_session_endpoint"), Wish(sign_out=False))
    assert is_signed_in(party, browser)


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(party: Party, browser: Browser) -> None:
    tokens = party.sign_in(browser)
    landing = sign_out(party, browser, id_token_hint=tokens.id)
    assert not landing.left
    assert landing.status == 200
    assert not is_signed_in(party, browser)


def test_oidcc_backchannel_rp_initiated_logout(parties: Callable[..., Party], site: ClientSite) -> None:
    """Each client of the session is told, by a token that it can check (OIDC Back-Channel Logout §2.4)."""
    party = parties(
        post_logout_redirect_uris=[SIGNED_OUT],
        backchannel_logout_uri=f"{site.url}/signed-out",
        backchannel_logout_session_required=True,
    )
    browser = party.browser()
    tokens = party.sign_in(browser)
    sign_out(party, browser, id_token_hint=tokens.id, post_logout_redirect_uri=SIGNED_OUT)
    path, form = site.posted.get(timeout=SECONDS)
    assert path == "/signed-out"
    told = jwt.decode(form["logout_token"], party.keys(), algorithms=["RS256", "ES256"])
    assert told.header.get("typ", "logout+jwt").lower() == "logout+jwt"
    claims = told.claims
    assert claims["iss"] == party.provider.issuer
    assert claims["aud"] in (party.client.id, [party.client.id])
    assert claims["events"] == {EVENT: {}}
    assert claims["sid"] == tokens.claims["sid"]
    assert claims.get("sub", tokens.claims["sub"]) == tokens.claims["sub"]
    assert claims["jti"]
    assert abs(claims["iat"] - time.time()) < 60
    assert "nonce" not in claims
