"""The modules of `oidcc-basic-certification-test-plan`, by their names; every request carries PKCE (OAuth 2.1)."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from joserfc import jws, jwt

from tests.conformance.party import Ask, Party
from tests.conformance.proofs import make_key
from tests.conformance.provider import CALLBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.browser import Browser
    from tests.conformance.provider import Client, Provider

SCOPES = {
    "profile": {"name", "given_name", "family_name", "locale", "picture", "zoneinfo"},
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number"},
}
"""What OIDC Core §5.4 has a scope release, as far as the tests' people have it."""


def told_of(provider: Provider, party: Party, scope: str) -> set[str]:
    """Sign in with a scope, and return the claims that userinfo tells, once they are the person's own."""
    tokens = party.sign_in(scope=scope)
    told = party.userinfo(tokens.access).json()
    known = {name: value for name, value in provider.person.claims.items() if name in told}
    assert {name: told[name] for name in known} == known
    assert "email" not in tokens.claims, "Claims of a scope are told at userinfo, not in the id token (§5.4)."
    return set(told)


def test_oidcc_server(party: Party) -> None:
    """The whole way: code, tokens, id token, userinfo of the same subject."""
    tokens = party.sign_in()
    told = party.userinfo(tokens.access)
    assert told.status_code == 200
    assert told.json()["sub"] == tokens.claims["sub"]


def test_oidcc_server_client_secret_post(parties: Callable[..., Party]) -> None:
    party = parties(token_endpoint_auth_method="client_secret_post")
    assert party.sign_in().claims["sub"]


def test_oidcc_response_type_missing(party: Party) -> None:
    ask = party.ask(response_type=None)
    landing = party.authorize(ask)
    if landing.left:
        assert party.refusal(ask, landing) in {"invalid_request", "unsupported_response_type"}
    else:
        assert landing.status == 400


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_oidcc_idtoken_signature(parties: Callable[..., Party], algorithm: str) -> None:
    party = parties(id_token_signed_response_alg=algorithm)
    header = jws.extract_compact(party.sign_in().id.encode()).headers()
    assert header["alg"] == algorithm
    assert header["kid"] in {key.kid for key in party.keys().keys}


def test_oidcc_idtoken_unsigned(provider: Provider) -> None:
    """Neither provider signs by `none`, so a client that wants it is refused."""
    assert "none" not in provider.metadata["id_token_signing_alg_values_supported"]
    answer = provider.register(redirect_uris=[CALLBACK], id_token_signed_response_alg="none")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


@pytest.mark.parametrize(
    ("method", "by"),
    [
        pytest.param("GET", "header", id="oidcc_userinfo_get"),
        pytest.param("POST", "header", id="oidcc_userinfo_post_header"),
        pytest.param("POST", "form", id="oidcc_userinfo_post_body"),
    ],
)
def test_oidcc_userinfo(party: Party, method: str, by: str) -> None:
    tokens = party.sign_in()
    told = party.userinfo(tokens.access, method=method, by=by)
    assert told.status_code == 200, told.text
    assert told.headers["content-type"].startswith("application/json")
    assert told.json()["sub"] == tokens.claims["sub"]


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(party: Party) -> None:
    assert "nonce" not in party.sign_in(nonce=None).claims


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param(["profile"], id="oidcc_scope_profile"),
        pytest.param(["email"], id="oidcc_scope_email"),
        pytest.param(["address"], id="oidcc_scope_address"),
        pytest.param(["phone"], id="oidcc_scope_phone"),
        pytest.param(list(SCOPES), id="oidcc_scope_all"),
    ],
)
def test_oidcc_scope(provider: Provider, party: Party, scopes: list[str]) -> None:
    told = told_of(provider, party, " ".join(["openid", *scopes]))
    known = provider.person.claims.keys()
    for scope, claims in SCOPES.items():
        assert claims & told == (claims & known if scope in scopes else set())


def test_oidcc_alternate_happy_flow(party: Party) -> None:
    """Neither the order of the parameters nor that of the scopes matters."""
    ask = party.ask(scope="email openid")
    backwards = Ask(parameters=dict(reversed(list(ask.parameters.items()))), verifier=ask.verifier)
    assert "email" in party.userinfo(party.finish(backwards).access).json()


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"display": "page"}, id="oidcc_display_page"),
        pytest.param({"display": "popup"}, id="oidcc_display_popup"),
        pytest.param({"extra": "foobar"}, id="oidcc_ensure_request_with_unknown_parameter_succeeds"),
        pytest.param({"login_hint": "ada@example.com"}, id="oidcc_login_hint"),
        pytest.param({"ui_locales": "se"}, id="oidcc_ui_locales"),
        pytest.param({"claims_locales": "se"}, id="oidcc_claims_locales"),
        pytest.param({}, id="oidcc_ensure_request_with_valid_pkce_succeeds"),
    ],
)
def test_oidcc_request_with(party: Party, extra: dict[str, str]) -> None:
    """A request that says more than it must ends as well as one that does not."""
    assert party.sign_in(**extra).claims["sub"]


def test_oidcc_ensure_request_with_acr_values_succeeds(provider: Provider, party: Party) -> None:
    values = provider.metadata.get("acr_values_supported", ["1", "2"])
    assert party.sign_in(acr_values=" ".join(values[:1])).claims["sub"]


def test_oidcc_prompt_login(party: Party, browser: Browser) -> None:
    first = party.sign_in(browser)
    party.wait(1.1)
    second = party.sign_in(browser, prompt="login")
    assert second.landing is not None
    assert "sign-in" in second.landing.kinds
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims.get("auth_time", 1) > first.claims.get("auth_time", 0)


def test_oidcc_prompt_none_not_logged_in(party: Party) -> None:
    ask = party.ask(prompt="none")
    landing = party.authorize(ask)
    assert party.refusal(ask, landing) == "login_required"
    assert landing.pages == []


def test_oidcc_prompt_none_logged_in(party: Party, browser: Browser) -> None:
    first = party.sign_in(browser)
    second = party.sign_in(browser, prompt="none")
    assert second.landing is not None
    assert second.landing.pages == []
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims.get("auth_time") == first.claims.get("auth_time")


def test_oidcc_max_age_1(party: Party, browser: Browser) -> None:
    first = party.sign_in(browser, max_age="15000")
    party.wait(2.1)
    second = party.sign_in(browser, max_age="1")
    assert second.landing is not None
    assert "sign-in" in second.landing.kinds
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert second.claims["sub"] == first.claims["sub"]


def test_oidcc_max_age_10000(party: Party, browser: Browser) -> None:
    first = party.sign_in(browser, max_age="15000")
    second = party.sign_in(browser, max_age="10000")
    assert second.landing is not None
    assert "sign-in" not in second.landing.kinds
    assert second.claims["auth_time"] == first.claims["auth_time"]


def test_oidcc_id_token_hint(party: Party, browser: Browser) -> None:
    first = party.sign_in(browser)
    second = party.sign_in(browser, prompt="none", id_token_hint=first.id)
    assert second.claims["sub"] == first.claims["sub"]


@pytest.mark.parametrize(
    "seconds", [pytest.param(0, id="oidcc_codereuse"), pytest.param(3, id="oidcc_codereuse_30seconds")]
)
def test_oidcc_codereuse(party: Party, seconds: float) -> None:
    """A code that comes again is refused, and takes the access token with it; three seconds stand for thirty."""
    ask = party.ask()
    code = party.code(ask, party.authorize(ask))
    access = party.redeem(ask, code).json()["access_token"]
    assert party.userinfo(access).status_code == 200
    party.wait(seconds)
    again = party.redeem(ask, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert party.userinfo(access).status_code == 401


def test_oidcc_ensure_registered_redirect_uri(party: Party) -> None:
    landing = party.authorize(party.ask(redirect_uri=f"{CALLBACK}/other"))
    assert not landing.left
    assert landing.status == 400


def test_oidcc_ensure_post_request_succeeds(party: Party, browser: Browser) -> None:
    ask = party.ask()
    landing = browser.send(party.url("authorization_endpoint"), ask.parameters)
    assert party.read(party.redeem(ask, party.code(ask, landing)), nonces=(ask.parameters["nonce"],)).claims["sub"]


def test_oidcc_formpost_basic(party: Party) -> None:
    """`oidcc-formpost-basic-certification-test-plan`: the answer comes as a form, and refusals do too."""
    tokens = party.sign_in(response_mode="form_post")
    assert tokens.landing is not None
    assert tokens.landing.posted
    assert tokens.landing.url == CALLBACK
    ask = party.ask(response_mode="form_post", prompt="none")
    refused = party.authorize(ask)
    assert refused.posted
    assert party.refusal(ask, refused) == "login_required"


def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(party: Party) -> None:
    """Neither provider fetches a request from elsewhere."""
    assert party.provider.metadata.get("request_uri_parameter_supported") is False
    ask = party.ask(request_uri="https://rp.example.com/request.jwt")
    landing = party.authorize(ask)
    if landing.left:
        assert party.refusal(ask, landing) == "request_uri_not_supported"
    else:
        assert landing.status == 400


def unsigned(client: Client, ask: Ask) -> str:
    """Return a request as a request object that nobody signed (OIDC Core §6.1)."""
    claims = {"iss": client.id, "aud": "", **ask.parameters}
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
    return ".".join([*(part.rstrip(b"=").decode() for part in parts), ""])


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(party: Party) -> None:
    """Neither provider takes a request object that nobody signed."""
    ask = party.ask()
    ask = Ask(parameters={**ask.parameters, "request": unsigned(party.client, ask)}, verifier=ask.verifier)
    landing = party.authorize(ask)
    if landing.left:
        assert party.refusal(ask, landing) in {"request_not_supported", "invalid_request_object"}
    else:
        assert landing.status == 400


def test_oidcc_ensure_request_object_with_redirect_uri(parties: Callable[..., Party]) -> None:
    """A signed request object is used as it says, or refused as not supported."""
    key = make_key()
    party = parties(key=key, token_endpoint_auth_method="private_key_jwt")
    ask = party.ask()
    claims = {"iss": party.client.id, "aud": party.provider.issuer, "exp": int(time.time()) + 60, **ask.parameters}
    signed = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])
    kept = {name: ask.parameters[name] for name in ("client_id", "response_type", "scope", "state", "redirect_uri")}
    sent = Ask(parameters={**kept, "nonce": ask.parameters["nonce"], "request": signed}, verifier=ask.verifier)
    if party.provider.metadata.get("request_parameter_supported"):
        assert party.finish(sent).claims["sub"]
    else:
        assert party.refusal(sent, party.authorize(sent)) == "request_not_supported"


def test_oidcc_claims_essential(provider: Provider, party: Party) -> None:
    tokens = party.sign_in(claims=json.dumps({"userinfo": {"name": {"essential": True}}}))
    if provider.metadata.get("claims_parameter_supported"):
        assert party.userinfo(tokens.access).json()["name"] == provider.person.claims["name"]


def test_oidcc_refresh_token(parties: Callable[..., Party]) -> None:
    """A refresh gives an id token of the same sign-in, and serves no other client."""
    party, other = parties(), parties()
    first = party.sign_in(scope="openid offline_access", prompt="consent")
    stolen = other.renew(first.refresh)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    second = party.read(party.renew(first.refresh), nonces=(None, first.claims["nonce"]))
    assert second.access != first.access
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["iat"] >= first.claims["iat"]
    assert second.claims.get("auth_time") == first.claims.get("auth_time")
    assert party.userinfo(second.access).status_code == 200


def test_requests_without_pkce_are_refused(party: Party) -> None:
    """OAuth 2.1 §4.1.1 and §7.5.2: a challenge is sent by every client, and by S256 alone."""
    for changes in (
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ):
        ask = party.ask(**changes)
        assert party.refusal(ask, party.authorize(ask)) == "invalid_request"


@pytest.mark.parametrize("kind", ["token", "id_token", "id_token token", "code id_token", "code token"])
def test_nothing_but_a_code_comes_over_the_front_channel(party: Party, kind: str) -> None:
    """OAuth 2.1 §10.1: the implicit grant is gone."""
    landing = party.authorize(party.ask(response_type=kind))
    assert "access_token" not in landing.url
    assert "error=unsupported_response_type" in landing.url or landing.status == 400


def test_a_parameter_that_comes_twice_is_refused(party: Party, browser: Browser) -> None:
    """RFC 6749 §3.1."""
    ask = party.ask()
    twice = urlencode([*ask.parameters.items(), ("scope", "openid")])
    landing = browser.visit(f"{party.url('authorization_endpoint')}?{twice}")
    assert landing.parameters.get("error", "invalid_request") == "invalid_request"
    assert landing.left or landing.status == 400
    assert "code" not in landing.parameters
