"""The device flow (RFC 8628), for which the suite has no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.provider import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.conformance.browser import Landing
    from tests.conformance.party import Party

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LETTERS = set("BCDFGHJKLMNPQRSTVWXZ")
"""RFC 8628 §6.1: twenty letters that make no words."""


def make_device(parties: Callable[..., Party]) -> Party:
    """Return a client without browser or secret."""
    return parties(
        grant_types=[GRANT, "refresh_token"],
        redirect_uris=[],
        response_types=[],
        token_endpoint_auth_method="none",
        application_type="native",
    )


@pytest.fixture
def party(parties: Callable[..., Party]) -> Party:
    """A device."""
    return make_device(parties)


def begin(party: Party, scope: str = "openid") -> dict[str, Any]:
    """Ask for a code to show."""
    answer = party.post("device_authorization_endpoint", {"scope": scope})
    assert answer.status_code == 200, answer.text
    assert "no-store" in answer.headers["cache-control"]
    shown: dict[str, Any] = answer.json()
    return shown


def poll(party: Party, shown: dict[str, Any]) -> httpx.Response:
    """Ask whether the person has agreed."""
    return party.post("token_endpoint", {"grant_type": GRANT, "device_code": shown["device_code"]})


def error_of(answer: httpx.Response) -> str:
    """Return the error of a refusal."""
    assert answer.status_code == 400, answer.text
    error: str = answer.json()["error"]
    return error


def agree(party: Party, shown: dict[str, Any], *, consent: bool = True) -> Landing:
    """Have the person type the code, see it again and decide."""
    wish = Wish(user_code=shown["user_code"], consent=consent)
    return party.browser().visit(shown["verification_uri"], wish)


def test_the_device_is_told_what_to_show(party: Party) -> None:
    """RFC 8628 §3.2 and §6.1."""
    shown = begin(party)
    assert len(shown["device_code"]) >= 22
    assert len(set(shown["user_code"]) & LETTERS) >= 3
    assert set(shown["user_code"]) <= LETTERS | {"-"}
    assert shown["verification_uri"].startswith(party.provider.issuer)
    assert shown["user_code"] in shown.get("verification_uri_complete", shown["user_code"])
    assert shown["expires_in"] > 0
    assert shown.get("interval", 5) > 0


def test_the_device_gets_tokens_once_the_person_agreed(party: Party) -> None:
    """RFC 8628 §3.3 to §3.5; the person sees the code again before they agree (§5.4)."""
    shown = begin(party, "openid offline_access")
    assert error_of(poll(party, shown)) == "authorization_pending"
    landing = agree(party, shown)
    assert landing.kinds.count("sign-in") == 1
    assert {"confirm", "consent"} & set(landing.kinds)
    assert any(shown["user_code"] in page.text for page in landing.pages)
    tokens = party.read(wait_and_poll(party, shown))
    assert party.userinfo(tokens.access).json()["sub"] == tokens.claims["sub"]


def wait_and_poll(party: Party, shown: dict[str, Any]) -> httpx.Response:
    """Ask once more, no sooner than the provider allows after the last time."""
    party.wait(shown.get("interval", 0) if party.provider.name == "tenon" else 0)
    return poll(party, shown)


def test_a_device_code_serves_once(party: Party) -> None:
    shown = begin(party)
    agree(party, shown)
    assert poll(party, shown).status_code == 200
    assert error_of(wait_and_poll(party, shown)) in {"invalid_grant", "expired_token"}


def test_a_device_is_told_of_a_no(party: Party) -> None:
    """RFC 8628 §3.5."""
    shown = begin(party)
    agree(party, shown, consent=False)
    assert error_of(poll(party, shown)) == "access_denied"


def test_a_code_that_is_not_shown_anywhere_leads_nowhere(party: Party) -> None:
    """RFC 8628 §5.1: and says no more than that."""
    shown = begin(party)
    landing = party.browser().visit(shown["verification_uri"], Wish(user_code="BBBB-BBBB"))
    assert "confirm" not in landing.kinds
    assert error_of(poll(party, shown)) == "authorization_pending"


def test_a_device_code_is_bound_to_its_client(party: Party, parties: Callable[..., Party]) -> None:
    shown = begin(party)
    agree(party, shown)
    assert error_of(poll(make_device(parties), shown)) == "invalid_grant"


def test_a_device_code_that_never_was_is_refused(party: Party) -> None:
    assert error_of(poll(party, {"device_code": "never-given"})) in {"invalid_grant", "expired_token"}


def test_a_client_that_is_not_registered_for_it_gets_no_code(parties: Callable[..., Party]) -> None:
    """RFC 6749 §5.2."""
    answer = parties().post("device_authorization_endpoint", {"scope": "openid"})
    assert answer.status_code == 400
    assert answer.json()["error"] in {"unauthorized_client", "invalid_client", "invalid_request"}


@pytest.mark.only("tenon", reason="The oracle never tells a device to slow down.")
def test_a_device_that_asks_too_often_is_slowed_down(party: Party) -> None:
    """RFC 8628 §3.5."""
    shown = begin(party)
    assert error_of(poll(party, shown)) == "authorization_pending"
    assert error_of(poll(party, shown)) == "slow_down"
