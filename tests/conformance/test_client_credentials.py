"""Client credentials (RFC 6749 §4.4) and how clients prove who they are (§2.3), for which the suite has no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.provider import CALLBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.party import Party

MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_machine_gets_an_access_token_and_nothing_else(parties: Callable[..., Party], method: str) -> None:
    """RFC 6749 §4.4.3: no refresh token; OIDC has no id token where nobody signed in."""
    party = parties(token_endpoint_auth_method=method, **MACHINE)
    scope = party.provider.scopes[0]
    told = party.read(party.post("token_endpoint", {"grant_type": "client_credentials", "scope": scope})).answer
    assert not {"refresh_token", "id_token"} & told.keys()
    known = party.introspect(told["access_token"])
    assert known["active"] is True
    assert known["client_id"] == party.client.id
    assert scope in known["scope"].split()


def test_a_grant_that_is_not_registered_is_refused(party: Party) -> None:
    """RFC 6749 §5.2."""
    answer = party.post("token_endpoint", {"grant_type": "client_credentials"})
    assert answer.status_code == 400
    assert answer.json()["error"] in {"unauthorized_client", "invalid_request"}


@pytest.mark.parametrize("grant", ["password", "implicit", "nonsense"])
def test_grants_that_oauth_2_1_dropped_are_unknown(party: Party, grant: str) -> None:
    """RFC 9700 §2.4."""
    answer = party.post("token_endpoint", {"grant_type": grant, "username": "ada", "password": "any"})
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_a_wrong_secret_is_refused(party: Party) -> None:
    """RFC 6749 §5.2: 401, and the scheme where it came by that."""
    url = party.url("token_endpoint")
    fields = {"grant_type": "refresh_token", "refresh_token": "any"}
    for name in (party.client.id, "nobody"):
        answer = party.http.post(url, data=fields, auth=(name, "wrong"))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "no-store" in answer.headers["cache-control"]


def test_two_ways_at_once_are_refused(party: Party) -> None:
    """RFC 6749 §2.3."""
    answer = party.http.post(
        party.url("token_endpoint"),
        data={
            "grant_type": "refresh_token",
            "refresh_token": "any",
            "client_id": party.client.id,
            "client_secret": party.client.secret,
        },
        auth=(party.client.id, party.client.secret),
    )
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_request", "invalid_client"}


def test_a_code_is_bound_to_client_address_and_challenge(parties: Callable[..., Party]) -> None:
    """OAuth 2.1 §4.1.3."""
    party, other = parties(redirect_uris=[CALLBACK, f"{CALLBACK}/second"]), parties()
    for whose, changes in (
        (other, {}),
        (party, {"redirect_uri": f"{CALLBACK}/second"}),
        (party, {"code_verifier": "x" * 64}),
    ):
        ask = party.ask()
        answer = whose.redeem(ask, party.code(ask, party.authorize(ask)), **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_public_client_needs_no_secret_and_gets_a_refresh_token_that_rotates(parties: Callable[..., Party]) -> None:
    """OAuth 2.1 §4.3.1."""
    party = parties(token_endpoint_auth_method="none")
    tokens = party.sign_in(scope="openid offline_access", prompt="consent")
    assert party.renew(tokens.refresh).json()["refresh_token"] != tokens.refresh


def test_a_native_client_may_listen_on_any_port_of_the_loopback_interface(parties: Callable[..., Party]) -> None:
    """RFC 8252 §7.3."""
    party = parties(
        application_type="native",
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/callback"],
    )
    tokens = party.sign_in(redirect_uri="http://127.0.0.1:51234/callback")
    assert tokens.landing is not None
    assert tokens.landing.url.startswith("http://127.0.0.1:51234/callback?")
    refused = party.authorize(party.ask(redirect_uri="http://127.0.0.1:51234/other"))
    assert not refused.left
