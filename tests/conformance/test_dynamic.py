"""The modules of `oidcc-dynamic-certification-test-plan`, by their names, as far as OAuth 2.1 leaves them a subject."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc import jws, jwt

from tests.conformance.party import Ask, Party
from tests.conformance.proofs import make_key, make_rsa_key
from tests.conformance.provider import CALLBACK, SECONDS, Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import ECKey, RSAKey

    from tests.conformance.client_site import ClientSite
    from tests.conformance.provider import Provider

CODE_FLOW = {"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}


@pytest.fixture
def registered(provider: Provider, request: pytest.FixtureRequest) -> Callable[..., Party]:
    """Make clients by the registration endpoint."""

    def make(key: ECKey | RSAKey | None = None, **metadata: Any) -> Party:
        asked = {"redirect_uris": [CALLBACK], **CODE_FLOW, **metadata}
        if key is not None and "jwks_uri" not in asked:
            asked["jwks"] = {"keys": [key.as_dict(private=False)]}
        answer = provider.register(**asked)
        assert answer.status_code == 201, answer.text
        assert "no-store" in answer.headers["cache-control"]
        made = answer.json()
        client = Client(
            id=made["client_id"],
            secret=made.get("client_secret", ""),
            method=made["token_endpoint_auth_method"],
            key=key,
            metadata=made,
        )
        party = Party(provider, client)
        request.addfinalizer(party.close)
        return party

    return make


def refused(answer: httpx.Response, *errors: str) -> bool:
    """Whether the registration endpoint has refused with one of the errors (RFC 7591 §3.2.2)."""
    return answer.status_code == 400 and answer.json()["error"] in errors


def test_oidcc_dynamic_server(registered: Callable[..., Party]) -> None:
    """`oidcc-server`, its client registered at the endpoint and proving itself by its key."""
    party = registered(key=make_key(), token_endpoint_auth_method="private_key_jwt")
    assert party.sign_in().claims["sub"]


def test_oidcc_registration_says_what_was_registered(registered: Callable[..., Party]) -> None:
    """RFC 7591 §3.2.1: the answer holds all registered metadata, and what the secret's life is."""
    made = registered(client_name="Registered").client.metadata
    assert made["client_name"] == "Registered"
    assert made["redirect_uris"] == [CALLBACK]
    assert made["client_secret_expires_at"] == 0 or made["client_secret_expires_at"] > time.time()


def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(registered: Callable[..., Party]) -> None:
    party = registered(key=make_rsa_key(), token_endpoint_auth_method="private_key_jwt")
    assert party.sign_in().access


def test_oidcc_ensure_redirect_uri_in_authorization_request(registered: Callable[..., Party]) -> None:
    party = registered(redirect_uris=[CALLBACK, f"{CALLBACK}/second"])
    landing = party.authorize(party.ask(redirect_uri=None))
    assert not landing.left
    assert landing.status == 400


def test_oidcc_dynamic_ensure_request_object_with_redirect_uri(registered: Callable[..., Party]) -> None:
    """A request object by RS256 is used as it says, or refused as not supported."""
    key = make_rsa_key()
    party = registered(key=key, token_endpoint_auth_method="private_key_jwt")
    ask = party.ask()
    claims = {"iss": party.client.id, "aud": party.provider.issuer, "exp": int(time.time()) + 60, **ask.parameters}
    signed = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, algorithms=["RS256"])
    sent = Ask(parameters={**ask.parameters, "request": signed}, verifier=ask.verifier)
    if party.provider.metadata.get("request_parameter_supported"):
        assert party.finish(sent).claims["sub"]
    else:
        assert party.refusal(sent, party.authorize(sent)) == "request_not_supported"


def test_oidcc_idtoken_rs256(registered: Callable[..., Party]) -> None:
    tokens = registered(id_token_signed_response_alg="RS256").sign_in()
    header = jws.extract_compact(tokens.id.encode()).headers()
    assert header["alg"] == "RS256"
    assert header["kid"]


def test_oidcc_dynamic_idtoken_unsigned(provider: Provider) -> None:
    answer = provider.register(redirect_uris=[CALLBACK], id_token_signed_response_alg="none")
    assert refused(answer, "invalid_client_metadata")


def test_oidcc_userinfo_rs256(provider: Provider, registered: Callable[..., Party]) -> None:
    """Userinfo comes as a signed JWT to a client that registered for it, or the client is refused."""
    if "RS256" not in provider.metadata.get("userinfo_signing_alg_values_supported", []):
        answer = provider.register(redirect_uris=[CALLBACK], userinfo_signed_response_alg="RS256")
        assert refused(answer, "invalid_client_metadata")
        return
    party = registered(userinfo_signed_response_alg="RS256")
    tokens = party.sign_in()
    told = party.userinfo(tokens.access)
    assert told.headers["content-type"].startswith("application/jwt")
    decoded = jwt.decode(told.text, party.keys(), algorithms=["RS256"])
    assert decoded.claims["sub"] == tokens.claims["sub"]
    assert decoded.claims["iss"] == provider.issuer
    assert decoded.claims["aud"] in (party.client.id, [party.client.id])
    assert "nonce" not in decoded.claims


def test_oidcc_redirect_uri_query_ok(registered: Callable[..., Party]) -> None:
    """`oidcc-redirect-uri-query-OK`: the answer is added to the query that was registered."""
    tokens = registered(redirect_uris=[f"{CALLBACK}?tenant=a"]).sign_in()
    assert tokens.landing is not None
    assert tokens.landing.parameters["tenant"] == "a"


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        pytest.param(f"{CALLBACK}?tenant=a", f"{CALLBACK}?tenant=b", id="oidcc_redirect_uri_query_mismatch"),
        pytest.param(CALLBACK, f"{CALLBACK}?tenant=a", id="oidcc_redirect_uri_query_added"),
    ],
)
def test_oidcc_redirect_uri(registered: Callable[..., Party], known: str, asked: str) -> None:
    party = registered(redirect_uris=[known])
    landing = party.authorize(party.ask(redirect_uri=asked))
    assert not landing.left
    assert landing.status == 400


def test_oidcc_redirect_uri_regfrag(provider: Provider) -> None:
    answer = provider.register(redirect_uris=[f"{CALLBACK}#fragment"], **CODE_FLOW)
    assert refused(answer, "invalid_redirect_uri", "invalid_client_metadata")


def test_oidcc_dynamic_refresh_token(registered: Callable[..., Party]) -> None:
    party = registered(key=make_key(), token_endpoint_auth_method="private_key_jwt")
    first = party.sign_in(scope="openid offline_access", prompt="consent")
    second = party.read(party.renew(first.refresh), nonces=(None, first.claims["nonce"]))
    assert second.access != first.access
    assert second.claims["sub"] == first.claims["sub"]


def test_oidcc_registration_jwks_uri(registered: Callable[..., Party], site: ClientSite) -> None:
    """The provider fetches the client's keys."""
    key = make_key()
    site.documents["/jwks"] = {"keys": [key.as_dict(private=False)]}
    party = registered(key=key, jwks_uri=f"{site.url}/jwks", token_endpoint_auth_method="private_key_jwt")
    assert party.sign_in().access
    assert "/jwks" in site.fetched


def test_oidcc_refresh_token_rp_key_rotation(
    provider: Provider, registered: Callable[..., Party], site: ClientSite
) -> None:
    """A client that has exchanged its key since, and says so at its `jwks_uri`, refreshes by the new one."""
    old, new = make_key(), make_key()
    site.documents["/jwks"] = {"keys": [old.as_dict(private=False)]}
    party = registered(key=old, jwks_uri=f"{site.url}/jwks", token_endpoint_auth_method="private_key_jwt")
    first = party.sign_in(scope="openid offline_access", prompt="consent")
    site.documents["/jwks"] = {"keys": [new.as_dict(private=False)]}
    provider.forget_client_keys()
    rotated = Client(id=party.client.id, method="private_key_jwt", key=new, metadata=party.client.metadata)
    after = Party(provider, rotated)
    try:
        assert after.renew(first.refresh).status_code == 200
    finally:
        after.close()


@pytest.mark.only("oracle", reason="Ours keeps a client's name and address alone: no picture, policy or terms yet.")
@pytest.mark.parametrize(
    "member",
    [
        pytest.param("logo_uri", id="oidcc_registration_logo_uri"),
        pytest.param("policy_uri", id="oidcc_registration_policy_uri"),
        pytest.param("tos_uri", id="oidcc_registration_tos_uri"),
    ],
)
def test_oidcc_registration(registered: Callable[..., Party], member: str) -> None:
    """What the client says of itself is shown to the person who is asked."""
    shown = f"https://rp.example.com/{member}"
    party = registered(**{member: shown})
    assert party.client.metadata[member] == shown
    landing = party.authorize(party.ask())
    where = {address for page in landing.pages for address in (*page.links, *page.pictures)}
    assert shown in where


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("sector", id="oidcc_registration_sector_uri"),
        pytest.param("bad", id="oidcc_registration_sector_bad"),
    ],
)
def test_oidcc_registration_sector(provider: Provider, name: str) -> None:
    """Neither provider has pairwise subjects, so a client that wants them is refused and not quietly given others."""
    assert provider.metadata["subject_types_supported"] == ["public"]
    sector = f"https://rp.example.com/{name}.json"
    answer = provider.register(redirect_uris=[CALLBACK], subject_type="pairwise", sector_identifier_uri=sector)
    assert refused(answer, "invalid_client_metadata")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("signed", id="oidcc_request_uri_signed_rs256"),
        pytest.param("unsigned", id="oidcc_request_uri_unsigned"),
    ],
)
def test_oidcc_request_uri(registered: Callable[..., Party], site: ClientSite, kind: str) -> None:
    """Neither provider fetches a request from elsewhere: it would be sent to any address (RFC 9126 §1)."""
    party = registered()
    landing = party.authorize(party.ask(request_uri=f"{site.url}/{kind}"))
    assert landing.parameters.get("error", "request_uri_not_supported") == "request_uri_not_supported"
    assert landing.left or landing.status == 400
    assert site.fetched == []


def test_oidcc_server_rotate_keys(provider: Provider, party: Party) -> None:
    """The new key is published before it signs, and what the old one signed still holds."""
    before = party.sign_in()
    known = {key.kid for key in party.keys().keys}
    provider.rotate_keys()
    assert known < {key.kid for key in party.keys().keys}
    after = party.sign_in()
    assert after.claims["sub"] == before.claims["sub"]
    assert party.check_id_token(before.id, nonces=(before.claims["nonce"],))


def test_a_registered_client_reads_and_ends_its_registration(registered: Callable[..., Party]) -> None:
    """RFC 7592 §2: by its own registration token, and by no other."""
    party = registered()
    made = party.client.metadata
    url, token = made["registration_client_uri"], made["registration_access_token"]
    with httpx.Client(timeout=SECONDS) as http:
        assert http.get(url).status_code in {400, 401}
        assert http.get(url, headers={"authorization": "Bearer wrong"}).status_code == 401
        read = http.get(url, headers={"authorization": f"Bearer {token}"})
        assert read.json()["client_id"] == party.client.id
        newest = read.json().get("registration_access_token", token)
        assert http.delete(url, headers={"authorization": f"Bearer {newest}"}).status_code == 204
    ended = party.post("token_endpoint", {"grant_type": "refresh_token", "refresh_token": "any"})
    assert (ended.status_code, ended.json()["error"]) == (401, "invalid_client")
