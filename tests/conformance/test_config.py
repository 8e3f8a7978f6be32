"""The one module of `oidcc-config-certification-test-plan`, and its twins in the plans of logout."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from tests.conformance.provider import SECONDS

if TYPE_CHECKING:
    from tests.conformance.party import Party
    from tests.conformance.provider import Provider

REQUIRED = {
    "authorization_endpoint",
    "id_token_signing_alg_values_supported",
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "token_endpoint",
    "userinfo_endpoint",
    "scopes_supported",
    "claims_supported",
}
"""What OIDC Discovery §3 and the module want to see."""


def test_oidcc_discovery_endpoint_verification(provider: Provider) -> None:
    """Whatever the document says is there, under the issuer, and fit for the Basic profile."""
    answer = httpx.get(f"{provider.issuer}/.well-known/openid-configuration", timeout=SECONDS)
    assert answer.headers["content-type"].startswith("application/json")
    told = answer.json()
    assert told["issuer"] == provider.issuer
    assert told.keys() >= REQUIRED
    for name, value in told.items():
        if name.endswith(("_endpoint", "_uri")):
            assert urlsplit(value).scheme in {"https", urlsplit(provider.issuer).scheme}
            assert not urlsplit(value).fragment
        if name.endswith("_supported"):
            assert isinstance(value, bool) or (isinstance(value, list) and value), name
    assert "RS256" in told["id_token_signing_alg_values_supported"]
    assert "none" not in told["id_token_signing_alg_values_supported"]
    assert "openid" in told["scopes_supported"]
    assert "sub" in told["claims_supported"]
    assert "code" in told["response_types_supported"]
    assert {"authorization_code", "refresh_token"} <= set(told["grant_types_supported"])
    assert set(told["subject_types_supported"]) <= {"public", "pairwise"}
    assert {"client_secret_basic", "client_secret_post"} <= set(told["token_endpoint_auth_methods_supported"])


def test_the_document_says_what_oauth_2_1_leaves(provider: Provider) -> None:
    """RFC 8414 §2, RFC 9207 §3: no implicit flow, no password grant, S256 alone, `iss` in every answer."""
    told = provider.metadata
    assert told["response_types_supported"] == ["code"]
    assert not {"implicit", "password"} & set(told["grant_types_supported"])
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True


def test_both_documents_say_the_same(provider: Provider) -> None:
    """RFC 8414 §3: `oauth-authorization-server` beside `openid-configuration`."""
    answer = httpx.get(f"{provider.issuer}/.well-known/oauth-authorization-server", timeout=SECONDS)
    assert answer.status_code == 200
    told = answer.json()
    assert told["issuer"] == provider.issuer
    common = told.keys() & provider.metadata.keys()
    assert {name: told[name] for name in common} == {name: provider.metadata[name] for name in common}


def test_the_keys_are_fit_to_check_what_was_signed(party: Party) -> None:
    """RFC 7517: each key with its own id, its use and algorithm, and nothing private."""
    keys = [key.as_dict(private=False) for key in party.keys().keys]
    assert {"RS256", "ES256"} <= {key.get("alg") for key in keys}
    assert {key.get("use", "sig") for key in keys} == {"sig"}


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(provider: Provider) -> None:
    assert provider.metadata["end_session_endpoint"].startswith(provider.issuer)


def test_oidcc_backchannel_logout_discovery_endpoint_verification(provider: Provider) -> None:
    assert provider.metadata["backchannel_logout_supported"] is True
    assert provider.metadata["backchannel_logout_session_supported"] is True
