"""Authlib and requests-oauthlib, unchanged, in front of both providers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from joserfc import jwt
from requests_oauthlib import OAuth2Session

from tests.conformance.provider import CALLBACK, SECONDS

if TYPE_CHECKING:
    from tests.conformance.browser import Browser
    from tests.conformance.party import Party
    from tests.conformance.provider import Provider

SCOPE = "openid email offline_access"


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both libraries speak http, which they do for tests alone."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_authlib_signs_in_refreshes_introspects_and_revokes(provider: Provider, party: Party, browser: Browser) -> None:
    endpoint = party.url("token_endpoint")
    with AuthlibSession(
        client_id=party.client.id,
        client_secret=party.client.secret,
        redirect_uri=CALLBACK,
        scope=SCOPE,
        code_challenge_method="S256",
        default_timeout=SECONDS,
    ) as client:
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
        address, state = client.create_authorization_url(
            party.url("authorization_endpoint"), code_verifier=verifier, nonce=nonce, prompt="consent"
        )
        came = browser.visit(address).url
        token = client.fetch_token(endpoint, authorization_response=came, state=state, code_verifier=verifier)
        claims = jwt.decode(token["id_token"], party.keys(), algorithms=["RS256", "ES256"]).claims
        assert claims["nonce"] == nonce
        told = client.get(party.url("userinfo_endpoint")).json()
        assert (told["sub"], told["email"]) == (claims["sub"], provider.person.claims["email"])
        renewed = client.refresh_token(endpoint, refresh_token=token["refresh_token"])
        assert renewed["access_token"] != token["access_token"]
        living = client.introspect_token(party.url("introspection_endpoint"), token=renewed["access_token"])
        assert living.json()["active"] is True
        client.revoke_token(  # type: ignore[no-untyped-call]  # its stubs know the arguments of others alone
            party.url("revocation_endpoint"), token=renewed["refresh_token"]
        )
        dead = client.introspect_token(party.url("introspection_endpoint"), token=renewed["access_token"])
        assert dead.json() == {"active": False}


def test_requests_oauthlib_signs_in_and_refreshes(provider: Provider, party: Party, browser: Browser) -> None:
    with OAuth2Session(party.client.id, redirect_uri=CALLBACK, scope=SCOPE.split(), pkce="S256") as session:
        address, _ = session.authorization_url(party.url("authorization_endpoint"), prompt="consent")
        came = browser.visit(address).url
        token = session.fetch_token(
            party.url("token_endpoint"), authorization_response=came, client_secret=party.client.secret
        )
        told = session.get(party.url("userinfo_endpoint"), timeout=SECONDS).json()
        assert told["email"] == provider.person.claims["email"]
        renewed = session.refresh_token(
            party.url("token_endpoint"), auth=(party.client.id, party.client.secret), timeout=SECONDS
        )
        assert renewed["access_token"] != token["access_token"]
