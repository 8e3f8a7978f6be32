"""How clients sign people out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from services.auth.storage.database import Database
from services.auth.storage.oauth_tokens import JwtSigner
from services.auth.storage.signing_keys import RememberedKeys, SqlSigningKeys
from tests.fakes.auth_provider import COOKIE, ISSUER, claims_of, page_of

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority, Registered

LOGOUT = "/oauth2/logout"
BYE = "https://app.test/bye"


async def application(authority: Authority, **fields: Any) -> Registered:
    return await authority.register(first_party=True, post_logout_redirect_uris=[BYE, f"{BYE}?lang=en"], **fields)


async def leave(authority: Authority, **fields: str) -> httpx.Response:
    return await authority.http.get(LOGOUT, params=fields)


async def is_alive(authority: Authority, session: str) -> bool:
    rows = await authority.pool.fetch("SELECT end_time FROM auth.sessions WHERE id = $1", [session])
    return rows[0]["end_time"] is None


async def sign(authority: Authority, claims: dict[str, Any]) -> str:
    database = Database(authority.frame.settings.database_url)
    try:
        keys = RememberedKeys(SqlSigningKeys(database, authority.frame.keyring.sealer("auth signing key"), ("ES256",)))
        return await JwtSigner(keys, issuer=ISSUER).sign(claims, algorithm="ES256")
    finally:
        await database.close()


async def confirm(authority: Authority, path: str, *, signs_in: bool = False) -> httpx.Response:
    if signs_in:
        await authority.sign_in()
    page = await authority.http.get(path)
    found = dict(re.findall(r'name="(form_token|back)" value="([^"]*)"', page.text))
    return await authority.http.post("/account/sign-out", data=found, headers={"origin": ISSUER})


async def test_oidcc_rp_initiated_logout(authority: Authority) -> None:
    """Auth statement 31: a hint whose signature is good, an exact place, and the state."""
    client = await application(authority)
    session = await authority.sign_in()
    tokens = await authority.tokens(client, scope="openid offline_access")
    asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE, "state": "a b&c"}
    answer = await leave(authority, **asked, client_id=client.id)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{BYE}?state=a+b%26c"
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]
    assert not await is_alive(authority, session)
    renewed = await authority.token(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.json()["error"] == "invalid_grant"
    assert await authority.introspect(client, tokens["access_token"]) == {"active": False}
    rows = await authority.pool.fetch("SELECT kind, session FROM auth.audit_events WHERE kind = 'session.ended'")
    assert [(row["kind"], row["session"]) for row in rows] == [("session.ended", session)]


async def test_an_expired_hint_will_do(authority: Authority) -> None:
    """Auth statement 31: expired is allowed."""
    client = await application(authority)
    session = await authority.sign_in()
    claims = dict(claims_of((await authority.tokens(client))["id_token"]))
    hint = await sign(authority, {**claims, "iat": 1, "exp": 2})
    answer = await leave(authority, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert answer.headers["location"] == BYE
    assert not await is_alive(authority, session)


async def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(authority: Authority) -> None:
    """Auth statement 31: the place is compared to the letter; a query that was added is another place."""
    client = await application(authority)
    session = await authority.sign_in()
    hint = (await authority.tokens(client))["id_token"]
    for uri in ("https://evil.test/", f"{BYE}/", f"{BYE}?added=1", "https://app.test/callback"):
        answer = await leave(authority, id_token_hint=hint, post_logout_redirect_uri=uri)
        assert answer.status_code == 400
        assert "location" not in answer.headers
    assert await is_alive(authority, session)


async def test_oidcc_rp_initiated_logout_modified_id_token_hint(authority: Authority) -> None:
    """Auth statement 31: without a valid hint the person is asked, and nobody is sent anywhere."""
    client = await application(authority)
    session = await authority.sign_in()
    tokens = await authority.tokens(client)
    head, payload, signature = tokens["id_token"].split(".")
    flipped = ("A" if signature[5] != "A" else "B") + signature[6:]
    forged = f"{head}.{payload}.{signature[:5]}{flipped}"
    for hint in (forged, "nonsense", tokens["access_token"]):
        answer = await leave(authority, id_token_hint=hint, client_id=client.id, post_logout_redirect_uri=BYE)
        assert answer.headers["location"] == "/account/sign-out"
    assert await is_alive(authority, session)


async def test_oidcc_rp_initiated_logout_no_params_and_only_state(authority: Authority) -> None:
    """Auth statement 31: the person is asked by a page, and signed out once they have said so."""
    session = await authority.sign_in()
    for fields in ({}, {"state": "x"}, {"post_logout_redirect_uri": BYE}):
        assert (await leave(authority, **fields)).headers["location"] == "/account/sign-out"
    assert await is_alive(authority, session)
    assert page_of(await confirm(authority, "/account/sign-out")) == "/account/sign-in"
    assert not await is_alive(authority, session)
    assert page_of(await leave(authority)) == "/account/sign-in"


async def test_oidcc_rp_initiated_logout_no_id_token_hint(authority: Authority) -> None:
    """Auth statement 31: a client without a hint has the person asked, who then goes where it has registered."""
    client = await application(authority)
    session = await authority.sign_in()
    answer = await leave(authority, client_id=client.id, post_logout_redirect_uri=BYE, state="s")
    assert page_of(answer) == "/account/sign-out"
    page = await authority.http.get(answer.headers["location"])
    assert "form-action 'self' https://app.test;" in page.headers["content-security-policy"]
    assert await is_alive(authority, session)
    assert (await confirm(authority, answer.headers["location"])).headers["location"] == f"{BYE}?state=s"
    assert not await is_alive(authority, session)
    forged = await confirm(authority, "/account/sign-out?back=aHR0cHM6Ly9ldmlsLnRlc3Q", signs_in=True)
    assert page_of(forged) == "/account/sign-in"


async def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri_and_no_state(authority: Authority) -> None:
    """Auth statement 31."""
    client = await application(authority)
    for fields, place in (({}, "/account/sign-in?done=signed-out"), ({"post_logout_redirect_uri": BYE}, BYE)):
        session = await authority.sign_in()
        hint = (await authority.tokens(client))["id_token"]
        assert (await leave(authority, id_token_hint=hint, **fields)).headers["location"] == place
        assert not await is_alive(authority, session)


async def test_somebody_elses_hint_signs_nobody_out_unasked(authority: Authority) -> None:
    """Auth statement 31: a hint proves nothing about whoever else is signed in."""
    client = await application(authority)
    await authority.sign_in()
    hint = (await authority.tokens(client))["id_token"]
    other = await authority.sign_in(await authority.add_user("ada@x.test", "commerce.orders.get"))
    assert page_of(await leave(authority, id_token_hint=hint)) == "/account/sign-out"
    assert await is_alive(authority, other)
    second = await application(authority)
    mixed = await leave(authority, id_token_hint=hint, client_id=second.id)
    assert mixed.status_code == 400


async def test_a_form_of_another_site_is_followed_by_a_request_with_the_cookie(authority: Authority) -> None:
    client = await application(authority)
    session = await authority.sign_in()
    hint = (await authority.tokens(client))["id_token"]
    cookie = authority.http.cookies[COOKIE]
    authority.http.cookies.clear()
    form = {"id_token_hint": hint, "post_logout_redirect_uri": BYE}
    answer = await authority.http.post(LOGOUT, data=form)
    assert page_of(answer) == LOGOUT
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query)) == form
    authority.http.cookies.set(COOKIE, cookie, domain="tenon.test")
    assert (await authority.http.post(LOGOUT, data=form)).headers["location"] == BYE
    assert not await is_alive(authority, session)


async def test_the_metadata_tells_of_logout(authority: Authority) -> None:
    """Auth statement 30."""
    document = (await authority.http.get("/.well-known/openid-configuration")).json()
    assert document["end_session_endpoint"] == ISSUER + LOGOUT
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
