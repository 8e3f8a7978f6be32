"""Introspection (RFC 7662) and revocation (RFC 7009), for which the suite has no plan."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.party import Party, Tokens

INACTIVE = {"active": False}
OFFLINE = {"scope": "openid offline_access", "prompt": "consent"}


@pytest.fixture
def tokens(party: Party) -> Tokens:
    """Tokens of somebody who stays signed in."""
    return party.sign_in(**OFFLINE)


def test_a_living_access_token_is_told_of(party: Party, tokens: Tokens) -> None:
    """RFC 7662 §2.2."""
    told = party.introspect(tokens.access, token_type_hint="access_token")
    assert told["active"] is True
    assert told["client_id"] == party.client.id
    assert told["sub"] == tokens.claims["sub"]
    assert "openid" in told["scope"].split()
    assert told["exp"] > time.time() >= told["iat"] - 10


def test_a_living_refresh_token_is_told_of(party: Party, tokens: Tokens) -> None:
    """RFC 7662 §2.2, whatever the hint says (§2.1)."""
    for hint in ({"token_type_hint": "refresh_token"}, {"token_type_hint": "access_token"}, {}):
        told = party.introspect(tokens.refresh, **hint)
        assert told["active"] is True
        assert told["client_id"] == party.client.id


@pytest.mark.parametrize("damage", ["garbage", "empty_jwt", "truncated", "padded"])
def test_what_is_no_token_of_ours_is_inactive_and_nothing_more(party: Party, tokens: Tokens, damage: str) -> None:
    """RFC 7662 §2.2 and §4; a token that was cut or prolonged is none (CVE-2026-27840)."""
    token = {
        "garbage": secrets.token_urlsafe(32),
        "empty_jwt": "..",
        "truncated": tokens.access[:-2],
        "padded": f"{tokens.access}=",
    }[damage]
    assert party.introspect(token) == INACTIVE


def test_an_id_token_is_no_access_token(party: Party, tokens: Tokens) -> None:
    """RFC 9068 §4 and §5: neither to introspection, which may refuse its kind altogether, nor to userinfo."""
    answer = party.post("introspection_endpoint", {"token": tokens.id})
    assert answer.json() == INACTIVE or answer.json()["error"] == "unsupported_token_type"
    assert party.userinfo(tokens.id).status_code == 401


def test_who_does_not_say_who_they_are_is_told_nothing(party: Party, tokens: Tokens) -> None:
    """RFC 7662 §2.1 and §4: guessing tokens must not be free."""
    url = party.url("introspection_endpoint")
    bare = party.http.post(url, data={"token": tokens.access})
    assert bare.status_code in {400, 401}
    assert "active" not in bare.json()
    wrong = party.http.post(url, data={"token": tokens.access}, auth=(party.client.id, "wrong"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic")


def test_a_public_client_is_not_told_of_the_tokens_of_others(
    party: Party, tokens: Tokens, parties: Callable[..., Party]
) -> None:
    """RFC 7662 §2.1: the client must prove who it is."""
    public = parties(token_endpoint_auth_method="none")
    answer = public.post("introspection_endpoint", {"token": tokens.access})
    assert answer.status_code in {400, 401} or answer.json() == INACTIVE


def test_a_request_without_a_token_is_refused(party: Party) -> None:
    """RFC 7662 §2.1, RFC 7009 §2.1."""
    for endpoint in ("introspection_endpoint", "revocation_endpoint"):
        answer = party.post(endpoint, {})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_revoked_access_token_is_inactive(party: Party, tokens: Tokens) -> None:
    """RFC 7009 §2.1; userinfo refuses it too."""
    assert party.revoke(tokens.access, token_type_hint="access_token").status_code == 200
    assert party.introspect(tokens.access) == INACTIVE
    refused = party.userinfo(tokens.access)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_a_revoked_refresh_token_takes_its_access_tokens_along(party: Party, tokens: Tokens) -> None:
    """RFC 7009 §2.1."""
    assert party.revoke(tokens.refresh).status_code == 200
    renewed = party.renew(tokens.refresh)
    assert (renewed.status_code, renewed.json()["error"]) == (400, "invalid_grant")
    assert party.introspect(tokens.refresh) == INACTIVE
    assert party.introspect(tokens.access) == INACTIVE
    assert party.userinfo(tokens.access).status_code == 401


def test_revoking_twice_or_what_never_was_is_well(party: Party, tokens: Tokens) -> None:
    """RFC 7009 §2.2: the purpose is reached either way."""
    for token in (tokens.refresh, tokens.refresh, secrets.token_urlsafe(32)):
        assert party.revoke(token).status_code == 200
    assert party.revoke(tokens.refresh, token_type_hint="nonsense").status_code == 200


def test_a_client_cannot_revoke_the_tokens_of_another(
    party: Party, tokens: Tokens, parties: Callable[..., Party]
) -> None:
    """RFC 7009 §2.1."""
    parties().revoke(tokens.refresh)
    assert party.introspect(tokens.access)["active"] is True
    assert party.renew(tokens.refresh).status_code == 200


def test_revoking_needs_the_client_to_say_who_it_is(party: Party, tokens: Tokens) -> None:
    """RFC 7009 §2.1."""
    url = party.url("revocation_endpoint")
    answer = party.http.post(url, data={"token": tokens.refresh}, auth=(party.client.id, "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert party.introspect(tokens.refresh)["active"] is True


def test_a_public_client_revokes_its_own_token(parties: Callable[..., Party]) -> None:
    """RFC 7009 §5: its id is all that it can show."""
    public = parties(token_endpoint_auth_method="none")
    tokens = public.sign_in(**OFFLINE)
    assert public.revoke(tokens.refresh).status_code == 200
    assert public.renew(tokens.refresh).status_code == 400


def test_a_used_refresh_token_is_worth_nothing_once_its_successor_was_used(party: Party, tokens: Tokens) -> None:
    """RFC 9700 §4.14.2: then the whole family is revoked."""
    second = party.renew(tokens.refresh).json()
    third = party.renew(second["refresh_token"]).json()
    assert third["refresh_token"] != second["refresh_token"] != tokens.refresh
    party.wait(party.provider.grace + 0.5)
    again = party.renew(tokens.refresh)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert party.introspect(third["refresh_token"]) == INACTIVE


def test_a_refresh_narrows_the_scope_and_never_widens_it(party: Party) -> None:
    """RFC 6749 §6."""
    tokens = party.sign_in(scope="openid email offline_access", prompt="consent")
    narrow = party.renew(tokens.refresh, scope="openid")
    assert narrow.status_code == 200, narrow.text
    assert set(party.introspect(narrow.json()["access_token"])["scope"].split()) == {"openid"}
    wide = party.renew(narrow.json()["refresh_token"], scope="openid profile")
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")
