"""Token exchange (RFC 8693), for which the suite has no plan and the oracle no grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.conformance.party import Party, Tokens

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

pytestmark = pytest.mark.only("tenon", reason="The oracle has no token exchange.")


@pytest.fixture
def service(parties: Callable[..., Party]) -> Party:
    """A service that calls others for the people who call it."""
    return parties(grant_types=[GRANT], redirect_uris=[], response_types=[])


@pytest.fixture
def tokens(party: Party) -> Tokens:
    """Tokens of a person who has called the service."""
    return party.sign_in(scope=" ".join(["openid", *party.provider.scopes]))


def exchange(service: Party, token: str, **fields: str) -> httpx.Response:
    """Ask for a token in exchange for an access token."""
    asked = {"grant_type": GRANT, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **fields}
    return service.post("token_endpoint", asked)


def test_a_service_gets_a_token_of_who_has_called_it(service: Party, tokens: Tokens) -> None:
    """RFC 8693 §2.2.1 and §4.1: of the same subject, and it says who acts."""
    answer = exchange(service, tokens.access)
    told = service.read(answer).answer
    assert told["issued_token_type"] == ACCESS_TOKEN
    assert "refresh_token" not in told
    known = service.introspect(told["access_token"])
    assert known["active"] is True
    assert known["sub"] == tokens.claims["sub"]
    assert known["client_id"] == service.client.id
    assert known["act"]["sub"].endswith(service.client.id)


def test_what_is_given_is_never_more_than_what_was_shown(service: Party, tokens: Tokens) -> None:
    """RFC 8693 §2.1: the scope narrows; permissions and life do too."""
    scope = service.provider.scopes[0]
    told = service.read(exchange(service, tokens.access, scope=scope)).answer
    narrow = service.introspect(told["access_token"])
    assert scope in narrow["scope"].split()
    assert service.provider.scopes[1] not in narrow["scope"].split()
    wide = exchange(service, told["access_token"], scope=" ".join(service.provider.scopes))
    if wide.status_code == 200:
        granted = service.introspect(wide.json()["access_token"])["scope"].split()
        assert service.provider.scopes[1] not in granted
    else:
        assert wide.json()["error"] == "invalid_scope"


def test_who_acted_before_is_remembered(service: Party, tokens: Tokens, parties: Callable[..., Party]) -> None:
    """RFC 8693 §4.1: a chain of actors, the newest outside."""
    second = parties(grant_types=[GRANT], redirect_uris=[], response_types=[])
    first = service.read(exchange(service, tokens.access)).access
    known = second.introspect(second.read(exchange(second, first)).access)
    assert known["act"]["sub"].endswith(second.client.id)
    assert known["act"]["act"]["sub"].endswith(service.client.id)


def test_what_cannot_be_exchanged_is_refused(service: Party, party: Party, tokens: Tokens) -> None:
    """RFC 8693 §2.2.2: a token that is none, of another kind, or of another life."""
    for token, kind in (
        ("nonsense", ACCESS_TOKEN),
        (tokens.id, ACCESS_TOKEN),
        (tokens.access[:-2], ACCESS_TOKEN),
        (tokens.access, "urn:ietf:params:oauth:token-type:saml2"),
    ):
        answer = exchange(service, token, subject_token_type=kind)
        assert answer.status_code == 400
        assert answer.json()["error"] in {"invalid_request", "invalid_grant"}
    party.revoke(tokens.access)
    assert exchange(service, tokens.access).status_code == 400


def test_an_audience_that_the_client_may_not_ask_for_is_refused(service: Party, tokens: Tokens) -> None:
    """RFC 8693 §2.2.2."""
    answer = exchange(service, tokens.access, audience="https://elsewhere.example.com")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


def test_only_a_client_that_is_registered_for_it_may_exchange(party: Party, tokens: Tokens) -> None:
    """RFC 6749 §5.2."""
    answer = exchange(party, tokens.access)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
