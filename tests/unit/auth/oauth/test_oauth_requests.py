"""How an authorization request is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.oauth.clients import AUTHORIZATION_CODE, Client
from services.auth.domain.oauth.parameters import Parameters
from services.auth.domain.oauth.pkce import challenge_of, is_challenge
from services.auth.domain.oauth.refusals import OAuthError
from services.auth.domain.oauth.requests import AuthorizationRequest, find_redirect, read_request

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENT = Client(
    id="app",
    organization="default",
    redirect_uris=("https://app.test/cb",),
    grant_types=frozenset({AUTHORIZATION_CODE}),
    scopes=("openid",),
    audiences=("https://api.test",),
)
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKED = {
    "response_type": "code",
    "scope": "openid",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def read(*more: tuple[str, str], **changed: str) -> AuthorizationRequest:
    pairs: Sequence[tuple[str, str]] = [*{**ASKED, **changed}.items(), *more]
    return read_request(CLIENT, "https://app.test/cb", Parameters.of(pairs))


def refusal(*more: tuple[str, str], **changed: str) -> str:
    with pytest.raises(OAuthError) as caught:
        read(*more, **changed)
    assert caught.value.description.isascii()
    return caught.value.code


def test_a_challenge_is_what_the_standard_says() -> None:
    """Auth statement 5: RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == CHALLENGE
    assert challenge_of("short") == challenge_of("ü" * 43) == challenge_of("a" * 129) == ""
    assert is_challenge(CHALLENGE)
    assert not is_challenge(f"{CHALLENGE}=")


def test_a_request_is_kept_and_read_back_as_it_was() -> None:
    request = read(("resource", "https://api.test"), state="\udcff\0", prompt="login consent", acr_values="aal2 aal1")
    assert request.audience == ("https://api.test",)
    assert request.levels == ("aal1", "aal2")
    assert AuthorizationRequest.load(request.dump()) == request


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"prompt": "none consent"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "²"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": '{"userinfo": []}'}, "invalid_request"),
        ({"nonce": "nul\0"}, "invalid_request"),
        ({"nonce": "\udcff"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.test"}, "request_uri_not_supported"),
        ({"resource": "https://other.test"}, "invalid_target"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_its_code(changed: dict[str, str], code: str) -> None:
    """Auth statements 3, 4 and 11."""
    assert refusal(**changed) == code


def test_a_parameter_that_is_there_twice_is_refused() -> None:
    """Auth statement 11."""
    assert refusal(("scope", "openid")) == "invalid_request"
    assert refusal(("unknown", ""), ("unknown", "")) == "invalid_request"


def test_a_level_that_is_essential_and_unknown_is_not_met() -> None:
    claims = {"id_token": {"acr": {"essential": True, "value": "urn:mace:incommon:iap:silver"}}}
    assert refusal(claims=json.dumps(claims)) == "unmet_authentication_requirements"
    claims["id_token"]["acr"]["essential"] = False
    assert read(claims=json.dumps(claims)).levels == ()


def test_a_client_with_one_place_need_not_name_it() -> None:
    assert find_redirect(CLIENT, Parameters.of([])) == "https://app.test/cb"
    with pytest.raises(OAuthError):
        find_redirect(CLIENT, Parameters.of([("redirect_uri", "https://app.test/cb")] * 2))
