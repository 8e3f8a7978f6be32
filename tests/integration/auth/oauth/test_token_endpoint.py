"""Who gets tokens, what they say, and how they are renewed and ended."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.families import Family, Successor
from services.auth.domain.families import Proof as ProofOfClient
from services.auth.storage.database import Database
from services.auth.storage.families import SqlFamilies
from services.auth.storage.sessions import SqlSessions
from tests.fakes.auth_provider import ISSUER, Proof, Registered, claims_of

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority

CONFIDENTIAL = ("/oauth2/token", "/oauth2/par", "/oauth2/introspect", "/oauth2/revoke")
OFFLINE = "openid offline_access commerce.*"
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json().get("error"))


async def renew(authority: Authority, client: Registered, token: str, **fields: str) -> httpx.Response:
    return await authority.token(client, grant_type="refresh_token", refresh_token=token, **fields)


async def test_a_confidential_client_proves_who_it_is_everywhere(authority: Authority) -> None:
    """Auth statement 13."""
    client = await authority.register()
    wrong = Registered(id=client.id, secret="wrong")
    nobody = Registered(id="nobody", secret="wrong")
    for path in CONFIDENTIAL:
        fields = {"grant_type": "refresh_token", "token": "x", "refresh_token": "x"}
        for who in (wrong, nobody):
            answer = await authority.post(path, who, **fields)
            assert refusal(answer) == (401, "invalid_client")
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert answer.headers["cache-control"] == "no-store"
        silent = await authority.post(path, Registered(id=client.id, secret=""), **fields)
        assert refusal(silent) == (401, "invalid_client")
        assert "www-authenticate" not in silent.headers
        posted = await authority.post(path, Registered(id=client.id, secret=""), client_secret=client.secret, **fields)
        assert refusal(posted) == (401, "invalid_client"), "registered for Basic"
        twice = await authority.post(path, client, client_secret=client.secret, **fields)
        assert refusal(twice) == (400, "invalid_request")
        named = await authority.post(path, client, client_id="another", **fields)
        assert refusal(named) == (400, "invalid_request")
        header = {"authorization": "Basic " + base64.b64encode(b"no colon").decode()}
        assert refusal(await authority.http.post(path, data=fields, headers=header)) == (401, "invalid_client")
    rows = await authority.pool.fetch("SELECT DISTINCT kind FROM auth.audit_events WHERE outcome = 'failure'")
    assert [row["kind"] for row in rows] == ["client.refused"]


async def test_a_secret_in_the_body_is_for_clients_that_are_registered_so(authority: Authority) -> None:
    client = await authority.register(
        token_endpoint_auth_method="client_secret_post",
        grant_types=["client_credentials"],
        redirect_uris=[],
    )
    form = {"grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret}
    assert (await authority.http.post("/oauth2/token", data=form)).status_code == 200
    assert refusal(await authority.token(client, grant_type="client_credentials")) == (401, "invalid_client")


async def test_only_grants_that_a_client_is_registered_for_are_given_and_nobody_keeps_answers(
    authority: Authority,
) -> None:
    """Auth statements 3 and 14."""
    client = await authority.register(grant_types=["client_credentials"], redirect_uris=[])
    granted = await authority.token(client, grant_type="client_credentials")
    assert granted.status_code == 200
    assert granted.headers["cache-control"] == "no-store"
    password = {"grant_type": "password", "username": "admin@tenon.local", "password": "x"}
    assert refusal(await authority.token(client, **password)) == (400, "unsupported_grant_type")
    assert refusal(await renew(authority, client, "x")) == (400, "unauthorized_client")
    assert refusal(await authority.token(client)) == (400, "invalid_request")
    web = await authority.register()
    assert refusal(await authority.token(web, grant_type="client_credentials")) == (400, "unauthorized_client")
    json_body = await authority.http.post("/oauth2/token", json={"grant_type": "client_credentials"}, auth=client.auth)
    assert refusal(json_body) == (400, "invalid_request")
    assert (await authority.http.get("/oauth2/token")).status_code == 405
    twice = await authority.http.post(
        "/oauth2/token",
        content="grant_type=client_credentials&grant_type=client_credentials",
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=client.auth,
    )
    assert refusal(twice) == (400, "invalid_request")


async def test_a_refresh_token_is_its_clients_own_and_grants_no_more_than_before(authority: Authority) -> None:
    """Auth statement 16."""
    client, other = await authority.register(first_party=True), await authority.register(first_party=True)
    tokens = await authority.tokens(client, scope=OFFLINE)
    token = tokens["refresh_token"]
    assert refusal(await renew(authority, other, token)) == (400, "invalid_grant")
    wider = "openid offline_access library.*"
    assert refusal(await renew(authority, client, token, scope=wider)) == (400, "invalid_scope")
    narrow = (await renew(authority, client, token, scope="commerce.orders.get commerce.*")).json()
    assert narrow == {"error": "invalid_scope", "error_description": "The scope is more than was granted."}
    less = (await renew(authority, client, token, scope="openid")).json()
    assert less["scope"] == "openid"
    assert claims_of(less["access_token"])["permissions"] == []
    full = (await renew(authority, client, less["refresh_token"])).json()
    assert full["scope"] == OFFLINE
    assert claims_of(full["access_token"])["permissions"] == ["commerce.*"]
    assert claims_of(full["id_token"])["auth_time"] == claims_of(tokens["id_token"])["auth_time"]


async def test_a_public_clients_refresh_token_is_exchanged_each_time(authority: Authority) -> None:
    """Auth statement 16: a public client is named, and its token rotates."""
    app = await authority.register(token_endpoint_auth_method="none", first_party=True)
    token = (await authority.tokens(app, scope=OFFLINE))["refresh_token"]
    renewed = (await renew(authority, app, token)).json()
    assert renewed["refresh_token"] != token
    unnamed = {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]}
    assert refusal(await authority.http.post("/oauth2/token", data=unnamed)) == (401, "invalid_client")


async def test_a_client_without_offline_access_gets_no_refresh_token(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    assert "refresh_token" not in await authority.tokens(client, scope="openid")


async def test_reuse_beyond_the_grace_ends_all_of_it_and_is_written_down(authority: Authority) -> None:
    """Auth statement 17: within the grace the same successor comes again, later reuse revokes the family."""
    client = await authority.register(first_party=True)
    tokens = await authority.tokens(client, scope=OFFLINE)
    first = (await renew(authority, client, tokens["refresh_token"])).json()
    again = (await renew(authority, client, tokens["refresh_token"])).json()
    assert again["refresh_token"] == first["refresh_token"]
    await authority.pool.fetch("UPDATE auth.refresh_tokens SET use_time = use_time - interval '1 minute'")
    assert refusal(await renew(authority, client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert refusal(await renew(authority, client, first["refresh_token"])) == (400, "invalid_grant")
    assert await authority.introspect(client, again["access_token"]) == {"active": False}
    rows = await authority.pool.fetch("SELECT kind, client FROM auth.audit_events WHERE outcome = 'denied'")
    assert [(row["kind"], row["client"]) for row in rows] == [("token.reused", client.id)]


async def test_fifty_parallel_refreshes_give_one_successor(authority: Authority) -> None:
    """Auth statement 18: one successor, not siblings."""
    client = await authority.register(first_party=True)
    token = (await authority.tokens(client, scope=OFFLINE))["refresh_token"]
    answers = await asyncio.gather(*(renew(authority, client, token) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    rows = await authority.pool.fetch(
        "SELECT count(*) AS living FROM auth.refresh_tokens t JOIN auth.refresh_sessions s ON s.id = t.session_id"
        " WHERE s.client = $1 AND t.use_time IS NULL",
        [client.id],
    )
    assert rows[0]["living"] == 1


async def test_a_refresh_against_a_revocation_leaves_nothing_valid(authority: Authority) -> None:
    """Auth statement 18: the race with revoke."""
    client = await authority.register(first_party=True)
    for _ in range(5):
        tokens = await authority.tokens(client, scope=OFFLINE)
        token = tokens["refresh_token"]
        renewed, revoked = await asyncio.gather(
            renew(authority, client, token), authority.post("/oauth2/revoke", client, token=token)
        )
        assert revoked.status_code == 200
        held = [tokens["access_token"], token]
        if renewed.status_code == 200:
            held += [renewed.json()["access_token"], renewed.json()["refresh_token"]]
        for one in held:
            assert await authority.introspect(client, one) == {"active": False}
        assert refusal(await renew(authority, client, held[-1])) == (400, "invalid_grant")


async def test_a_refresh_token_ends_however_often_it_is_used(authority: Authority) -> None:
    """Auth statement 19: absolute expiry, though it slides."""
    client = await authority.register(first_party=True)
    token = (await authority.tokens(client, scope=OFFLINE))["refresh_token"]
    await authority.pool.fetch("UPDATE auth.refresh_sessions SET expire_time = now() + interval '1 minute'")
    renewed = (await renew(authority, client, token)).json()
    rows = await authority.pool.fetch("SELECT max(expire_time - now()) AS left FROM auth.refresh_tokens")
    assert rows[0]["left"].total_seconds() > 3600, "the used one says what it was"
    left = "SELECT expire_time - now() AS left FROM auth.refresh_tokens WHERE use_time IS NULL AND session_id = $1"
    family = claims_of(renewed["access_token"])["grant"]
    assert (await authority.pool.fetch(left, [family]))[0]["left"].total_seconds() <= 60
    await authority.pool.fetch("UPDATE auth.refresh_sessions SET expire_time = now()")
    assert refusal(await renew(authority, client, renewed["refresh_token"])) == (400, "invalid_grant")


async def test_an_access_token_says_what_the_standard_asks_and_an_id_token_is_none(authority: Authority) -> None:
    """Auth statement 20: RFC 9068, and an id token opens nothing."""
    client = await authority.register(first_party=True)
    tokens = await authority.tokens(client, scope="openid commerce.*", nonce="n")
    access = await authority.verify(tokens["access_token"])
    assert access.header["typ"] == "at+jwt"
    wanted = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "auth_time", "acr", "amr", "sid", "grant", "scope"}
    assert wanted <= access.claims.keys()
    identity = (await authority.verify(tokens["id_token"])).claims
    assert (identity["iss"], identity["aud"], identity["azp"]) == (ISSUER, client.id, client.id)
    assert (identity["sub"], identity["nonce"]) == (access.claims["sub"], "n")
    bearer = {"authorization": f"Bearer {tokens['id_token']}"}
    assert (await authority.http.get("/oauth2/userinfo", headers=bearer)).status_code == 401
    assert await authority.introspect(client, tokens["id_token"]) == {"active": False}


async def test_a_client_that_acts_by_itself_is_nobody_else(authority: Authority) -> None:
    client = await authority.register(
        grant_types=["client_credentials"],
        redirect_uris=[],
        scopes=["openid", "commerce.*"],
    )
    granted = (await authority.token(client, grant_type="client_credentials")).json()
    claims = claims_of(granted["access_token"])
    assert (claims["sub"], claims["permissions"]) == (f"clients/{client.id}", [])
    assert granted.keys() == {"access_token", "token_type", "expires_in", "scope"}
    asked = {"grant_type": "client_credentials", "scope": "library.*"}
    assert refusal(await authority.token(client, **asked)) == (400, "invalid_scope")


async def test_a_token_is_meant_for_whom_the_client_may_name(authority: Authority) -> None:
    """Auth statement 22: a token for one service is refused by another."""
    api = "https://api.test"
    client = await authority.register(
        first_party=True,
        audiences=[api],
        grant_types=["authorization_code", "client_credentials"],
    )
    granted = await authority.token(client, grant_type="client_credentials", resource=api)
    assert claims_of(granted.json()["access_token"])["aud"] == api
    wrong = await authority.token(client, grant_type="client_credentials", resource="https://other.test")
    assert refusal(wrong) == (400, "invalid_target")
    tokens = await authority.tokens(client, resource=api)
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await authority.http.get("/oauth2/userinfo", headers=bearer)).status_code == 401
    proof = Proof()
    code = await authority.code(client, proof)
    assert refusal(await authority.redeem(client, code, proof, resource=api)) == (400, "invalid_target")


async def test_a_client_acts_as_its_service_account_as_far_as_its_scopes_go(authority: Authority) -> None:
    account = await authority.add_service_account("commerce.*", "library.books.get")
    client = await authority.register(
        grant_types=["client_credentials"],
        redirect_uris=[],
        scopes=["commerce.orders.*", "library.*"],
        service_account=account,
    )
    asked = {"grant_type": "client_credentials"}
    claims = claims_of((await authority.token(client, **asked)).json()["access_token"])
    assert claims["sub"] == account
    assert sorted(claims["permissions"]) == ["commerce.orders.*", "library.books.get"]
    less = claims_of((await authority.token(client, scope="library.books.get", **asked)).json()["access_token"])
    assert less["permissions"] == ["library.books.get"]
    await authority.pool.fetch("UPDATE auth.service_accounts SET disabled = true")
    assert refusal(await authority.token(client, **asked)) == (400, "unauthorized_client")


async def test_a_sign_out_ends_what_is_opened_at_the_same_moment(authority: Authority, database: str) -> None:
    """Auth statement 41: who signs out waits for a code that is being redeemed, and ends what it has opened."""
    session, now, opened = await authority.sign_in(), datetime.now(UTC), Database(database)
    families = SqlFamilies(opened)
    family = Family(
        id="f",
        session=session,
        organization="default",
        user=await authority.administrator(),
        client="app",
        expires=now + timedelta(hours=1),
    )
    async with opened.together():
        assert await families.open(family, b"digest", family.expires)
        ending = asyncio.create_task(SqlSessions(authority.pool).end(session, now=now))
        while not await authority.pool.fetch(_WAITING):
            pass
    await ending
    kept = await families.find(b"digest")
    assert kept is not None
    assert kept.revoked
    assert await families.find_living(family.id, now=now) is None
    successor = Successor(digest=b"next", sealed=b"", expires=family.expires)
    assert await families.rotate(b"digest", ProofOfClient(client="app"), successor, now=now) is None
    await opened.close()


async def test_what_is_renewed_lives_as_long_as_its_session(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    tokens = await authority.tokens(client, scope=OFFLINE)
    await authority.pool.fetch("UPDATE auth.sessions SET end_time = now()")
    assert refusal(await renew(authority, client, tokens["refresh_token"])) == (400, "invalid_grant")
    assert await authority.introspect(client, tokens["refresh_token"]) == {"active": False}
