"""What the standards want of the authorization endpoint and of userinfo beyond the modules of the suite."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tests.conformance.provider import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.browser import Browser
    from tests.conformance.party import Party


def test_consent_is_asked_for_once_and_again_for_more(party: Party, browser: Browser) -> None:
    """OIDC Core §3.1.2.4: each client asks for what it has not been given, and `prompt=consent` asks in any case."""
    kinds = []
    for changes in ({}, {}, {"scope": "openid email"}, {"prompt": "consent"}):
        landing = party.sign_in(browser, None, **changes).landing
        assert landing is not None
        kinds.append("consent" in landing.kinds)
    assert kinds == [True, False, True, True]


def test_what_needs_consent_is_not_given_silently(party: Party, browser: Browser) -> None:
    """OIDC Core §3.1.2.6: `prompt=none` shows no page, whatever is missing."""
    party.sign_in(browser)
    ask = party.ask(scope="openid email", prompt="none")
    assert party.refusal(ask, party.authorize(ask, browser)) == "consent_required"


def test_one_sign_in_serves_all_clients(parties: Callable[..., Party]) -> None:
    first, second = parties(), parties()
    browser = first.browser()
    mine = first.sign_in(browser)
    theirs = second.sign_in(browser)
    assert theirs.landing is not None
    assert "sign-in" not in theirs.landing.kinds
    assert theirs.claims["sub"] == mine.claims["sub"]


def test_a_hint_of_somebody_else_is_not_answered_for_who_is_signed_in(party: Party) -> None:
    """OIDC Core §3.1.2.1: `id_token_hint` and `prompt=none` ask for one person alone."""
    hint = party.sign_in(None, Wish(person=party.provider.other))
    browser = party.browser()
    mine = party.sign_in(browser)
    assert mine.claims["sub"] != hint.claims["sub"]
    ask = party.ask(prompt="none", id_token_hint=hint.id)
    assert party.refusal(ask, party.authorize(ask, browser)) == "login_required"


def test_prompts_that_contradict_each_other_are_refused(party: Party) -> None:
    """OIDC Core §3.1.2.1: `none` stands alone."""
    ask = party.ask(prompt="none login")
    assert party.refusal(ask, party.authorize(ask)) == "invalid_request"


def test_who_has_no_client_is_told_on_a_page(party: Party) -> None:
    """RFC 6749 §4.1.2.1: nothing is sent to an address that nobody has proven."""
    landing = party.authorize(party.ask(client_id="nobody"))
    assert not landing.left
    assert landing.status in {400, 401}


def test_a_state_of_any_characters_comes_back(party: Party) -> None:
    """RFC 6749 §4.1.2: exactly as it was received."""
    state = 'a b+c&d=e%2F"<ü>'
    ask = party.ask(state=state)
    assert party.authorize(ask).parameters["state"] == state


def test_a_token_in_an_address_is_refused(party: Party) -> None:
    """RFC 6750 §2.3, OAuth 2.1 §5.2.2: addresses are kept in too many places."""
    access = party.sign_in().access
    assert party.http.get(party.url("userinfo_endpoint"), params={"access_token": access}).status_code in {400, 401}


def test_who_brings_no_token_is_asked_for_one(party: Party) -> None:
    """RFC 6750 §3 and §3.1: without an error, since nothing was wrong, and with one where the token is none."""
    bare = party.http.get(party.url("userinfo_endpoint"))
    assert bare.status_code in {400, 401}
    wrong = party.userinfo(secrets.token_urlsafe(32))
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"].startswith("Bearer")
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_a_token_without_openid_tells_nothing_of_the_person(party: Party) -> None:
    """OIDC Core §5.3: userinfo is for tokens of a sign-in."""
    tokens = party.sign_in(scope=party.provider.scopes[0], nonce=None)
    assert "id_token" not in tokens.answer
    assert party.userinfo(tokens.access).status_code in {401, 403}
