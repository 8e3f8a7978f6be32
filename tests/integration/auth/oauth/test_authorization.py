"""What the authorization endpoint takes, refuses, and tells to whom."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlsplit

import pytest

from tests.fakes.auth_provider import ISSUER, REDIRECT, Proof, answer_of, claims_of, page_of

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority, Registered


_MOVED_SESSION = "UPDATE auth.sessions SET organization = 'elsewhere' WHERE user_name = $1"


async def error_of(authority: Authority, client: Registered, **fields: Any) -> str:
    """Return the refusal that goes to the client, which always says who refuses, and to what."""
    answer = answer_of(await authority.authorize(client, **fields))
    assert (answer["iss"], answer["state"]) == (ISSUER, "state 1")
    assert "code" not in answer
    return answer["error"]


def flow_of(response: httpx.Response) -> str:
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))["flow"]


async def test_a_redirect_uri_is_one_of_the_list_to_the_letter_or_nothing_is_sent(authority: Authority) -> None:
    """Auth statement 1: mismatch shows a page, and redirects nowhere."""
    client = await authority.register(redirect_uris=[REDIRECT, f"{REDIRECT}?tab=1"])
    await authority.sign_in()
    for uri in (
        f"{REDIRECT}/",
        f"{REDIRECT}?tab=2",
        f"{REDIRECT}?tab=1&more=1",
        REDIRECT.upper(),
        "https://app.test:443/callback",
        "https://evil.test/callback",
        "https://app.test/call%62ack",
        None,
    ):
        answer = await authority.authorize(client, redirect_uri=uri)
        assert (answer.status_code, "location" in answer.headers) == (400, False), uri
    unknown = await authority.http.get("/oauth2/authorize", params={"client_id": "nobody", "redirect_uri": REDIRECT})
    assert (unknown.status_code, "location" in unknown.headers) == (400, False)


async def test_an_app_on_the_persons_machine_listens_at_any_port(authority: Authority) -> None:
    """Auth statement 1: the port of a native app's loopback address is free, and nothing else of it."""
    app = await authority.register(redirect_uris=["http://127.0.0.1/done"], token_endpoint_auth_method="none")
    await authority.sign_in()
    uri = "http://127.0.0.1:51004/done"
    assert "code" in answer_of(await authority.agree(await authority.authorize(app, redirect_uri=uri)), uri)
    for wrong in ("http://127.0.0.1:51004/other", "http://127.0.0.2:51004/done", "http://127.0.0.1:5/done?x=1"):
        assert (await authority.authorize(app, redirect_uri=wrong)).status_code == 400
    web = await authority.register(redirect_uris=["http://127.0.0.1:3000/done"])
    assert (await authority.authorize(web, redirect_uri="http://127.0.0.1:3001/done")).status_code == 400


async def test_only_codes_are_given_and_only_with_pkce(authority: Authority) -> None:
    """Auth statements 3 and 4."""
    client = await authority.register()
    await authority.sign_in()
    for kind in ("token", "id_token", "id_token token", "code id_token", "none"):
        assert await error_of(authority, client, response_type=kind) == "unsupported_response_type"
    assert await error_of(authority, client, response_type=None) == "invalid_request"
    for method, challenge in (("plain", "a" * 43), (None, "a" * 43), ("S256", None), ("S256", "short"), (None, None)):
        assert (
            await error_of(authority, client, code_challenge=challenge, code_challenge_method=method)
            == "invalid_request"
        )
    assert "password" not in (await authority.http.get("/.well-known/openid-configuration")).text


async def test_whatever_a_client_keeps_in_state_comes_back_to_the_byte(authority: Authority) -> None:
    """Auth statement 8: state is echoed, long ones too, and each answer names its issuer."""
    client = await authority.register(first_party=True)
    await authority.sign_in()
    asked = urlsplit(str((await authority.authorize(client, state=None)).request.url)).query
    for state in ("%00%ff%FE", quote("ü €+%26 /?#"), "a" * 5000):
        answer = await authority.http.get(f"/oauth2/authorize?{asked}&state={state}")
        told = answer.headers["location"].split("state=")[1].split("&")[0]
        assert unquote_to_bytes(told.replace("+", " ")) == unquote_to_bytes(state)
    long = "n" * 5000
    proof = Proof()
    redeemed = await authority.redeem(client, await authority.code(client, proof, nonce=long), proof)
    assert claims_of(redeemed.json()["id_token"])["nonce"] == long
    document = (await authority.http.get("/.well-known/openid-configuration")).json()
    assert document["authorization_response_iss_parameter_supported"] is True


async def test_nothing_frames_it_and_nothing_is_posted_on(authority: Authority) -> None:
    """Auth statement 9: 303 after a POST, no frame, no CORS."""
    client = await authority.register(first_party=True)
    await authority.sign_in()
    asked = dict(parse_qsl(urlsplit(str((await authority.authorize(client)).request.url)).query))
    answers = [
        await authority.http.post("/oauth2/authorize", data=asked, headers={"origin": "https://app.test"}),
        await authority.http.post("/oauth2/authorize", data={**asked, "client_id": "nobody"}),
        await authority.authorize(client, response_mode="form_post"),
    ]
    assert [answer.status_code for answer in answers] == [303, 400, 200]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


async def test_an_answer_may_come_as_a_form(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    page = await authority.authorize(client, response_mode="form_post", state='"><script>')
    assert f'action="{REDIRECT}"' in page.text
    assert 'name="code"' in page.text
    assert 'name="iss"' in page.text
    assert "&quot;&gt;&lt;script&gt;" in page.text
    refused = await authority.authorize(client, response_mode="form_post", response_type="token")
    assert 'value="unsupported_response_type"' in refused.text


async def test_without_a_session_nobody_is_asked_where_nobody_may_be(authority: Authority) -> None:
    """Auth statement 10: prompt=none."""
    client = await authority.register()
    assert await error_of(authority, client, prompt="none") == "login_required"
    assert page_of(await authority.authorize(client)) == "/account/sign-in"
    await authority.sign_in()
    assert await error_of(authority, client, prompt="none") == "consent_required"
    assert await error_of(authority, client, prompt="none login") == "invalid_request"
    own = await authority.register(first_party=True)
    assert "code" in answer_of(await authority.authorize(own, prompt="none"))


async def test_a_sign_in_that_is_asked_for_is_made_anew(authority: Authority) -> None:
    """Auth statement 10: prompt=login, select_account, max_age, and what auth_time says."""
    client = await authority.register(first_party=True)
    await authority.sign_in(ago=timedelta(hours=1))
    assert "code" in answer_of(await authority.authorize(client, max_age="4000"))
    for name, value in (("prompt", "login"), ("prompt", "select_account"), ("max_age", "1"), ("max_age", "0")):
        fields: dict[str, Any] = {name: value}
        asked = await authority.authorize(client, **fields)
        assert page_of(asked) == "/account/sign-in"
        again = await authority.http.get("/oauth2/continue", params={"flow": flow_of(asked)})
        assert page_of(again) == "/account/sign-in"
    assert await error_of(authority, client, max_age="1", prompt="none") == "login_required"
    proof = Proof()
    asked = await authority.authorize(client, proof, prompt="login", max_age="1")
    await authority.sign_in()
    done = await authority.http.get("/oauth2/continue", params={"flow": flow_of(asked)})
    tokens = (await authority.redeem(client, answer_of(done)["code"], proof)).json()
    identity, access = claims_of(tokens["id_token"]), claims_of(tokens["access_token"])
    assert identity["auth_time"] == access["auth_time"]
    assert identity["iat"] - identity["auth_time"] < 60


async def test_a_level_of_assurance_is_reached_or_asked_for(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    assert "code" in answer_of(await authority.authorize(client, acr_values="aal1 aal3 unknown"))
    assert page_of(await authority.authorize(client, acr_values="aal2")) == "/account/sign-in"
    essential = json.dumps({"id_token": {"acr": {"essential": True, "values": ["aal2"]}}})
    assert page_of(await authority.authorize(client, claims=essential)) == "/account/sign-in"
    assert await error_of(authority, client, acr_values="aal3", prompt="none") == "unmet_authentication_requirements"
    await authority.sign_in(methods=("pwd", "otp"))
    tokens = await authority.tokens(client, acr_values="aal2")
    identity = claims_of(tokens["id_token"])
    assert (identity["acr"], set(identity["amr"])) == ("aal2", {"pwd", "otp", "mfa"})


async def test_parameters_that_nobody_knows_are_passed_over_and_repeated_ones_refused(authority: Authority) -> None:
    """Auth statement 11."""
    client = await authority.register(first_party=True)
    await authority.sign_in()
    known: dict[str, Any] = {
        "display": "popup",
        "claims_locales": "se",
        "ui_locales": "se",
        "login_hint": "x",
        "extra": "foobar",
    }
    assert "code" in answer_of(await authority.authorize(client, **known))
    query = urlsplit(str((await authority.authorize(client)).request.url)).query
    for twice in ("scope=openid", "nonce=a&nonce=b", "extra=a&extra=b"):
        assert answer_of(await authority.http.get(f"/oauth2/authorize?{query}&{twice}"))["error"] == "invalid_request"
    for twice in (f"client_id={client.id}", f"redirect_uri={quote(REDIRECT)}"):
        assert (await authority.http.get(f"/oauth2/authorize?{query}&{twice}")).status_code == 400
    refused = answer_of(await authority.http.get(f"/oauth2/authorize?{query}&state=other"))
    assert (refused["error"], "state" in refused) == ("invalid_request", False)


async def test_request_objects_are_refused_and_never_followed(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    assert await error_of(authority, client, request="eyJhbGciOiJub25lIn0.e30.") == "request_not_supported"
    assert await error_of(authority, client, request_uri="https://app.test/r") == "request_uri_not_supported"


async def test_an_expected_person_is_who_answers(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    hint = (await authority.tokens(client))["id_token"]
    assert "code" in answer_of(await authority.authorize(client, id_token_hint=hint, prompt="none"))
    own = json.dumps({"id_token": {"sub": {"value": await authority.administrator()}}})
    assert "code" in answer_of(await authority.authorize(client, claims=own))
    await authority.sign_in(await authority.add_user("other@x.test"))
    assert await error_of(authority, client, id_token_hint=hint, prompt="none") == "login_required"
    assert page_of(await authority.authorize(client, id_token_hint=hint)) == "/account/sign-in"
    assert await error_of(authority, client, claims=own, prompt="none") == "login_required"
    assert await error_of(authority, client, id_token_hint="forged", prompt="none") == "login_required"


async def test_people_of_another_organization_do_not_get_in(authority: Authority) -> None:
    """Auth statement 46: a client serves its own organization, unless it is registered for all."""
    client = await authority.register(first_party=True)
    stranger = await authority.add_user("stranger@x.test")
    await authority.sign_in(stranger)
    for moved in ("UPDATE auth.users SET organization = 'elsewhere' WHERE name = $1", _MOVED_SESSION):
        await authority.pool.fetch(moved, [stranger])
    assert await error_of(authority, client, prompt="none") == "login_required"
    shared = await authority.register(first_party=True, any_organization=True)
    assert "code" in answer_of(await authority.authorize(shared, prompt="none"))


@pytest.mark.parametrize("scope", ["", "library.books.get", "tenon", "unknown"])
async def test_a_client_gets_none_of_what_it_is_not_registered_for(authority: Authority, scope: str) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    assert await error_of(authority, client, scope=scope) == "invalid_scope"
    if scope:
        tokens = await authority.tokens(client, scope=f"openid commerce.orders.get {scope}")
        assert tokens["scope"] == "openid commerce.orders.get"
        assert claims_of(tokens["access_token"])["permissions"] == ["commerce.orders.get"]


async def test_what_waits_for_a_person_is_short(authority: Authority) -> None:
    """Anybody may have a request kept, and refusals repeat `state`: neither grows without bounds."""
    client = await authority.register()
    for state in ("s" * 20_000, "%41" * 6000):
        form = {"client_id": client.id, "state": state}
        assert (await authority.http.post("/oauth2/authorize", data=form)).status_code == 413
        assert (await authority.http.get("/oauth2/authorize", params=form)).status_code == 414
        assert (await authority.post("/oauth2/par", client, state=state)).status_code == 413
    rows = await authority.pool.fetch("SELECT 1 FROM auth.authorization_requests")
    assert not rows


async def test_claims_however_deep_are_passed_over(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    for depth in (50, 700, 2000):
        deep = '{"id_token": {"email": {"value": %s}}}' % ("[" * depth + "]" * depth)
        answer = answer_of(await authority.authorize(client, claims=deep))
        assert answer.get("error", "invalid_request") == "invalid_request"
        assert ("code" in answer) is (depth < 1000)


async def test_whoever_only_looks_uses_nothing_up(authority: Authority) -> None:
    client = await authority.register()
    await authority.sign_in()
    flow = (await authority.authorize(client)).headers["location"].split("flow=")[1]
    await authority.pool.fetch("UPDATE auth.authorization_requests SET denied = true WHERE id = $1", [flow])
    looked = [
        await authority.http.head(path, params={"flow": flow}) for path in ("/oauth2/continue", "/oauth2/authorize")
    ]
    assert [answer.status_code for answer in looked] == [405, 405]
    answer = answer_of(await authority.http.get("/oauth2/continue", params={"flow": flow}))
    assert answer["error"] == "access_denied"
