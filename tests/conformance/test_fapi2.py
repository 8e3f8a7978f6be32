"""Modules of `fapi2-security-profile-final-test-plan` that any provider should pass, by their names without the prefix.

The client proves itself by its key, pushes its requests and binds its tokens to a key (RFC 9126, RFC 9449).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from tests.conformance.proofs import assert_client, make_key, prove_possession
from tests.conformance.provider import Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.conformance.party import Ask, Party

PAR = "pushed_authorization_request_endpoint"
PAR_ERRORS = ("invalid_request", "invalid_redirect_uri", "unsupported_response_type", "request_uri_not_supported")
"""By which of them a request is refused is left open by RFC 9126 §2.3."""


@pytest.fixture
def party(parties: Callable[..., Party]) -> Party:
    """A client as FAPI 2 wants it."""
    return make_party(parties)


def make_party(parties: Callable[..., Party]) -> Party:
    """Return a client that proves itself by its key and holds another key for its tokens."""
    party = parties(key=make_key(), token_endpoint_auth_method="private_key_jwt", dpop_bound_access_tokens=True)
    party.key = make_key()
    return party


def refused(answer: httpx.Response, *errors: str) -> bool:
    """Whether an endpoint has refused with one of the errors."""
    return answer.status_code in {400, 401} and answer.json()["error"] in errors


def approved(party: Party, **changes: str | None) -> tuple[Ask, str]:
    """Return a request that the person approved, and its code."""
    ask = party.pushed(party.ask(**changes))
    return ask, party.code(ask, party.authorize(ask))


def test_happy_flow(party: Party) -> None:
    tokens = party.finish(party.pushed(party.ask()))
    assert tokens.answer["token_type"] == "DPoP"
    assert party.userinfo(tokens.access).json()["sub"] == tokens.claims["sub"]


def test_attempt_reuse_authorization_code_after_one_second(party: Party) -> None:
    ask, code = approved(party)
    access = party.redeem(ask, code).json()["access_token"]
    party.wait(1.1)
    assert refused(party.redeem(ask, code), "invalid_grant")
    assert party.userinfo(access).status_code == 401


@pytest.mark.parametrize("verifier", ["x" * 64, None])
def test_incorrect_pkce_code_verifier_rejected(party: Party, verifier: str | None) -> None:
    ask, code = approved(party)
    assert refused(party.redeem(ask, code, code_verifier=verifier), "invalid_grant", "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"code_challenge_method": "plain"}, id="par_plain_pkce_rejected"),
        pytest.param({"code_challenge": None, "code_challenge_method": None}, id="par_ensure_pkce_required"),
        pytest.param({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, id="par_request_uri_inside_refused"),
        pytest.param({"redirect_uri": "https://attacker.example.com/"}, id="par_unregistered_redirect_uri"),
        pytest.param({"response_type": "token"}, id="par_response_type_token"),
    ],
)
def test_par_refuses(party: Party, changes: dict[str, str | None]) -> None:
    answer = party.push(party.ask(**changes))
    assert refused(answer, *PAR_ERRORS), answer.text


def test_par_attempt_invalid_http_method(party: Party) -> None:
    assert party.http.get(party.url(PAR), params=dict(party.ask().parameters)).status_code in {400, 404, 405}


def test_par_says_how_long_the_request_lives(party: Party) -> None:
    """RFC 9126 §2.2."""
    told = party.push(party.ask()).json()
    assert told["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert 5 <= told["expires_in"] <= 600


def test_par_without_duplicate_parameters(party: Party) -> None:
    """The browser carries `client_id` and `request_uri`, and nothing else."""
    ask = party.pushed(party.ask())
    assert ask.carried is not None
    assert ask.carried.keys() == {"client_id", "request_uri"}
    assert party.finish(ask).access


def test_par_attempt_reuse_request_uri(party: Party) -> None:
    ask, _ = approved(party)
    landing = party.authorize(ask)
    assert "code" not in landing.parameters
    assert landing.left or landing.status == 400


def test_par_request_uri_is_bound_to_its_client(parties: Callable[..., Party]) -> None:
    """RFC 9126 §2.2: another client's `request_uri` is of no use."""
    party, other = make_party(parties), make_party(parties)
    ask = party.pushed(party.ask())
    assert ask.carried is not None
    browser = other.browser()
    landing = browser.visit(
        f"{other.url('authorization_endpoint')}?client_id={other.client.id}&request_uri={ask.carried['request_uri']}"
    )
    assert "code" not in landing.parameters


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param(["issuer", "issuer2"], id="par_test_array_as_audience_fails"),
        pytest.param("token_endpoint", id="par_test_token_endpoint_url_as_audience_fails"),
        pytest.param(PAR, id="par_test_par_endpoint_url_as_audience_fails"),
    ],
)
def test_assertion_for_another_audience(party: Party, audience: str | list[str]) -> None:
    """An assertion is for the issuer alone (RFC 7523bis)."""
    wrong = party.url(audience) if isinstance(audience, str) else [party.provider.issuer, "https://other.example.com"]
    ask = party.ask()
    answer = party.http.post(party.url(PAR), data={**ask.parameters, **assert_client(party.client, wrong)})
    assert refused(answer, "invalid_client")


@pytest.mark.parametrize(
    "changes",
    [{"exp": int(time.time()) - 3600}, {"exp": None}, {"jti": None}, {"iss": "somebody"}, {"sub": "somebody"}],
    ids=["expired", "no-exp", "no-jti", "other-iss", "other-sub"],
)
def test_client_assertion_that_does_not_hold(party: Party, changes: dict[str, Any]) -> None:
    """RFC 7523 §3."""
    proof = assert_client(party.client, party.provider.issuer, **changes)
    answer = party.http.post(party.url(PAR), data={**party.ask().parameters, **proof})
    assert refused(answer, "invalid_client", "invalid_request"), answer.text


def test_client_assertion_serves_once(party: Party) -> None:
    """RFC 7523 §3, item 7."""
    proof = assert_client(party.client, party.provider.issuer)
    first = party.http.post(party.url(PAR), data={**party.ask().parameters, **proof})
    assert first.status_code == 201, first.text
    again = party.http.post(party.url(PAR), data={**party.ask().parameters, **proof})
    assert refused(again, "invalid_client")


@pytest.mark.parametrize("shift", [-10, 10], ids=["before", "after"])
def test_ensure_dpopproof_with_iat_10seconds_succeeds(party: Party, shift: int) -> None:
    ask, code = approved(party)
    assert party.key is not None
    url = party.url("token_endpoint")
    proof = prove_possession(party.key, "POST", url, iat=int(time.time()) + shift)
    assert party.redeem(ask, code, {"dpop": proof}).status_code == 200


def symmetric_proof(url: str) -> str:
    """Return a proof by a key that the provider would have to know."""
    claims = f'{{"jti":"x","htm":"POST","htu":"{url}","iat":{int(time.time())}}}'
    key = OctKey.generate_key(256)
    header = {"typ": "dpop+jwt", "alg": "HS256", "jwk": key.as_dict(private=True)}
    return jws.serialize_compact(header, claims, key, algorithms=["HS256"])


HOLDER = make_key()
"""A key whose proofs are all wrong in one way."""
WRONG_PROOFS: dict[str, Callable[[str], str]] = {
    "wrong_method": lambda url: prove_possession(HOLDER, "GET", url),
    "wrong_url": lambda url: prove_possession(HOLDER, "POST", f"{url}/other"),
    "wrong_typ": lambda url: prove_possession(HOLDER, "POST", url, header={"typ": "JWT"}),
    "no_jti": lambda url: prove_possession(HOLDER, "POST", url, jti=None),
    "no_iat": lambda url: prove_possession(HOLDER, "POST", url, iat=None),
    "old": lambda url: prove_possession(HOLDER, "POST", url, iat=int(time.time()) - 3600),
    "early": lambda url: prove_possession(HOLDER, "POST", url, iat=int(time.time()) + 3600),
    "expired": lambda url: prove_possession(HOLDER, "POST", url, exp=int(time.time()) - 3600),
    "not_yet": lambda url: prove_possession(HOLDER, "POST", url, nbf=int(time.time()) + 3600),
    "private_key": lambda url: prove_possession(HOLDER, "POST", url, header={"jwk": HOLDER.as_dict(private=True)}),
    "other_key": lambda url: prove_possession(HOLDER, "POST", url, header={"jwk": make_key().as_dict(private=False)}),
    "symmetric": symmetric_proof,
    "nonsense": lambda _: "nonsense",
}
"""`dpop-negative-tests` and `check-dpop-proof-nbf-exp`, for the token endpoint."""


@pytest.mark.parametrize("wrong", WRONG_PROOFS)
def test_dpop_negative_tests(party: Party, wrong: str) -> None:
    """RFC 9449 §4.3: a proof that is wrong in one way is refused, and so is the request."""
    ask, code = approved(party)
    proof = WRONG_PROOFS[wrong](party.url("token_endpoint"))
    answer = party.redeem(ask, code, {"dpop": proof})
    assert refused(answer, "invalid_dpop_proof", "use_dpop_nonce"), answer.text


def test_dpop_proof_serves_once(party: Party) -> None:
    """RFC 9449 §11.1."""
    tokens = party.finish(party.pushed(party.ask()))
    assert party.key is not None
    url = party.url("userinfo_endpoint")
    proof = prove_possession(party.key, "GET", url, token=tokens.access)
    headers = {"authorization": f"DPoP {tokens.access}", "dpop": proof}
    assert party.http.get(url, headers=headers).status_code == 200
    again = party.http.get(url, headers=headers)
    assert again.status_code == 401
    assert again.headers["www-authenticate"].startswith("DPoP")


@pytest.mark.parametrize("wrong", ["bearer", "no_proof", "no_ath", "wrong_ath", "other_key", "twice"])
def test_dpop_bound_token_needs_its_key(party: Party, wrong: str) -> None:
    """RFC 9449 §7.1: a bound token is worth nothing to who does not hold the key."""
    tokens = party.finish(party.pushed(party.ask()))
    assert party.key is not None
    url = party.url("userinfo_endpoint")
    right = prove_possession(party.key, "GET", url, token=tokens.access)
    headers = {
        "bearer": [("authorization", f"Bearer {tokens.access}"), ("dpop", right)],
        "no_proof": [("authorization", f"DPoP {tokens.access}")],
        "no_ath": dpop(tokens.access, prove_possession(party.key, "GET", url)),
        "wrong_ath": dpop(tokens.access, prove_possession(party.key, "GET", url, token="other")),
        "other_key": dpop(tokens.access, prove_possession(make_key(), "GET", url, token=tokens.access)),
        "twice": [*dpop(tokens.access, right), ("dpop", right)],
    }[wrong]
    assert party.http.get(url, headers=headers).status_code in {400, 401}


def dpop(token: str, proof: str) -> list[tuple[str, str]]:
    """Return the headers of a request by a bound token."""
    return [("authorization", f"DPoP {token}"), ("dpop", proof)]


def test_access_token_type_header_case_sensitivity(party: Party) -> None:
    """RFC 9110 §11.1: the scheme's letters may be large or small."""
    tokens = party.finish(party.pushed(party.ask()))
    assert party.key is not None
    url = party.url("userinfo_endpoint")
    proof = prove_possession(party.key, "GET", url, token=tokens.access)
    assert party.http.get(url, headers={"authorization": f"dpop {tokens.access}", "dpop": proof}).status_code == 200


def test_ensure_mismatched_dpop_jkt_fails(party: Party) -> None:
    """RFC 9449 §10: a request that names its key gives a code for that key alone."""
    ask = party.ask(dpop_jkt=make_key().thumbprint())
    party.key, key = None, party.key
    pushed = party.push(ask)
    assert pushed.status_code == 201, pushed.text
    party.key = key
    landing = party.browser().visit(
        f"{party.url('authorization_endpoint')}?client_id={party.client.id}&request_uri={pushed.json()['request_uri']}"
    )
    assert refused(party.redeem(ask, party.code(ask, landing)), "invalid_grant", "invalid_dpop_proof")


@pytest.mark.parametrize(
    ("name", "length"),
    [
        pytest.param("nonce", 256, id="ensure_authorization_request_with_long_nonce"),
        pytest.param("state", 512, id="ensure_authorization_request_with_long_state"),
    ],
)
def test_long_values_come_back_whole(party: Party, name: str, length: int) -> None:
    ask = party.pushed(party.ask(**{name: "x" * length}))
    assert party.finish(ask).access


@pytest.mark.parametrize("kind", ["token", "code id_token"])
def test_ensure_response_type_fails(party: Party, kind: str) -> None:
    """`ensure-response-type-token-fails` and `ensure-response-type-code-idtoken-fails`."""
    assert refused(party.push(party.ask(response_type=kind)), "unsupported_response_type", "invalid_request")


def test_user_rejects_authentication(party: Party) -> None:
    ask = party.pushed(party.ask(prompt="consent"))
    assert party.refusal(ask, party.authorize(ask, wish=Wish(consent=False))) == "access_denied"


def test_refresh_token(parties: Callable[..., Party]) -> None:
    """A refresh token serves its own client alone, which proves who it is and, if it is public, its key."""
    party, other = make_party(parties), make_party(parties)
    tokens = party.finish(party.pushed(party.ask(scope="openid offline_access", prompt="consent")))
    assert refused(other.renew(tokens.refresh), "invalid_grant")
    bare = party.http.post(
        party.url("token_endpoint"),
        data={"grant_type": "refresh_token", "refresh_token": tokens.refresh, "client_id": party.client.id},
    )
    assert refused(bare, "invalid_client")
    renewed = party.read(party.renew(tokens.refresh), nonces=(None, tokens.claims["nonce"]))
    assert renewed.answer["token_type"] == "DPoP"
    assert party.userinfo(renewed.access).status_code == 200


def test_refresh_token_of_a_public_client_is_bound_to_its_key(parties: Callable[..., Party]) -> None:
    """RFC 9449 §5: who has no secret must show the key again."""
    party = parties(token_endpoint_auth_method="none", dpop_bound_access_tokens=True)
    party.key = make_key()
    tokens = party.sign_in(scope="openid offline_access", prompt="consent")
    party.key, key = make_key(), party.key
    assert refused(party.renew(tokens.refresh), "invalid_grant", "invalid_dpop_proof")
    party.key = key
    assert isinstance(key, ECKey)
    assert party.renew(tokens.refresh).status_code == 200
