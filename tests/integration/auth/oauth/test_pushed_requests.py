"""Requests that clients push before they send a person here."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.auth_provider import REDIRECT, Proof, Registered, answer_of, page_of

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority


async def push(authority: Authority, client: Registered, proof: Proof, **fields: str) -> httpx.Response:
    asked = {
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid",
        "state": "pushed",
        "code_challenge": proof.challenge,
        "code_challenge_method": "S256",
        **fields,
    }
    return await authority.post("/oauth2/par", client, **asked)


async def come(authority: Authority, client: Registered, uri: str, **fields: str) -> httpx.Response:
    asked = {"client_id": client.id, "request_uri": uri, **fields}
    return await authority.http.get("/oauth2/authorize", params=asked)


async def test_a_pushed_request_is_its_clients_own_short_lived_and_used_once(authority: Authority) -> None:
    """Auth statement 29."""
    client, other = await authority.register(first_party=True), await authority.register(first_party=True)
    await authority.sign_in()
    proof = Proof()
    pushed = await push(authority, client, proof)
    assert pushed.status_code == 201
    assert 5 <= pushed.json()["expires_in"] <= 600
    uri = pushed.json()["request_uri"]
    assert (await come(authority, other, uri)).status_code == 400
    answer = answer_of(await come(authority, client, uri, state="changed", scope="commerce.*"))
    assert answer["state"] == "pushed"
    assert (await authority.redeem(client, answer["code"], proof)).json()["scope"] == "openid"
    assert (await come(authority, client, uri)).status_code == 400
    expired = (await push(authority, client, proof)).json()["request_uri"]
    await authority.pool.fetch("UPDATE auth.pushed_requests SET expire_time = now()")
    assert (await come(authority, client, expired)).status_code == 400


async def test_what_cannot_be_granted_is_refused_at_once(authority: Authority) -> None:
    """Auth statement 29: no request_uri within, POST alone; statement 4: PKCE; statement 1: the redirect URI."""
    client = await authority.register(first_party=True)
    proof = Proof()
    for fields in (
        {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
        {"redirect_uri": "https://evil.test"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
    ):
        refused = await push(authority, client, proof, **fields)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    refused = await push(authority, client, proof, request="e30.e30.")
    assert (refused.status_code, refused.json()["error"]) == (400, "request_not_supported")
    for method in ("GET", "PUT", "DELETE"):
        assert (await authority.http.request(method, "/oauth2/par")).status_code == 405


async def test_a_person_may_take_their_time_and_the_request_is_used_up_at_the_end(authority: Authority) -> None:
    client = await authority.register(first_party=True, require_pushed_authorization_requests=True)
    proof = Proof()
    uri = (await push(authority, client, proof)).json()["request_uri"]
    waiting = [await come(authority, client, uri) for _ in range(2)]
    assert [page_of(one) for one in waiting] == ["/account/sign-in"] * 2
    await authority.pool.fetch("UPDATE auth.pushed_requests SET expire_time = now()")
    await authority.sign_in()
    flows = [dict(parse_qsl(urlsplit(one.headers["location"]).query))["flow"] for one in waiting]
    done = [await authority.http.get("/oauth2/continue", params={"flow": flow}) for flow in flows]
    assert [one.status_code for one in done] == [303, 400]
    assert answer_of(await authority.authorize(client))["error"] == "invalid_request", "it has to push"
    rows = await authority.pool.fetch("SELECT count(*) AS left FROM auth.pushed_requests")
    assert rows[0]["left"] == 0


async def test_no_secret_of_a_client_is_kept_with_its_request(authority: Authority) -> None:
    client = await authority.register(token_endpoint_auth_method="client_secret_post")
    form = {"client_id": client.id, "client_secret": client.secret, "scope": "openid", "response_type": "code"}
    proof = {"code_challenge": Proof().challenge, "code_challenge_method": "S256"}
    assert (await authority.http.post("/oauth2/par", data={**form, **proof})).status_code == 201
    rows = await authority.pool.fetch("SELECT convert_from(parameters, 'UTF8') AS kept FROM auth.pushed_requests")
    assert client.secret not in rows[0]["kept"]
