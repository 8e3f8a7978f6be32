"""That a code is redeemed once, soon, and by whoever asked for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.fakes.auth_provider import Proof

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority, Registered


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json().get("error"))


async def prepared(authority: Authority) -> Registered:
    client = await authority.register(first_party=True)
    await authority.sign_in()
    return client


async def test_a_wrong_verifier_redeems_nothing_and_uses_nothing_up(authority: Authority) -> None:
    """Auth statement 5."""
    client, proof = await prepared(authority), Proof()
    code = await authority.code(client, proof)
    for verifier in (Proof().verifier, proof.challenge, proof.verifier[:-1], "short"):
        assert refusal(await authority.redeem(client, code, proof, code_verifier=verifier)) == (400, "invalid_grant")
    assert refusal(await authority.redeem(client, code, proof, code_verifier=None)) == (400, "invalid_request")
    assert (await authority.redeem(client, code, proof)).status_code == 200


async def test_a_code_is_of_one_client_and_came_to_one_place(authority: Authority) -> None:
    """Auth statement 6: bound to client and redirect_uri."""
    client, proof = await prepared(authority), Proof()
    other = await authority.register(first_party=True)
    code = await authority.code(client, proof)
    assert refusal(await authority.redeem(other, code, proof)) == (400, "invalid_grant")
    elsewhere = "https://app.test/other"
    assert refusal(await authority.redeem(client, code, proof, redirect_uri=elsewhere)) == (400, "invalid_grant")
    assert (await authority.redeem(client, code, proof, redirect_uri=None)).status_code == 200


async def test_a_code_that_is_used_twice_takes_back_what_it_gave(authority: Authority) -> None:
    """Auth statement 6: single use, and all tokens of the code are revoked."""
    client, proof = await prepared(authority), Proof()
    code = await authority.code(client, proof, scope="openid offline_access")
    tokens = (await authority.redeem(client, code, proof)).json()
    assert (await authority.introspect(client, tokens["access_token"]))["active"]
    assert refusal(await authority.redeem(client, code, proof)) == (400, "invalid_grant")
    assert await authority.introspect(client, tokens["access_token"]) == {"active": False}
    renewal = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert refusal(await authority.token(client, **renewal)) == (400, "invalid_grant")
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await authority.http.get("/oauth2/userinfo", headers=bearer)).status_code == 401
    rows = await authority.pool.fetch("SELECT 1 FROM auth.audit_events WHERE kind = 'token.reused'")
    assert len(rows) == 1


async def test_a_stranger_with_a_used_code_ends_nothing(authority: Authority) -> None:
    client, proof = await prepared(authority), Proof()
    other = await authority.register()
    code = await authority.code(client, proof)
    tokens = (await authority.redeem(client, code, proof)).json()
    assert refusal(await authority.redeem(other, code, proof)) == (400, "invalid_grant")
    assert (await authority.introspect(client, tokens["access_token"]))["active"]


async def test_a_code_lives_for_a_minute(authority: Authority) -> None:
    """Auth statement 7: the lifetime."""
    client, proof = await prepared(authority), Proof()
    code = await authority.code(client, proof)
    rows = await authority.pool.fetch("SELECT expire_time - now() AS left FROM auth.authorization_codes")
    assert 50 < rows[0]["left"].total_seconds() <= 60
    await authority.pool.fetch("UPDATE auth.authorization_codes SET expire_time = now() - interval '1 second'")
    assert refusal(await authority.redeem(client, code, proof)) == (400, "invalid_grant")


async def test_of_parallel_redemptions_exactly_one_succeeds(authority: Authority) -> None:
    """Auth statement 7: the race."""
    client, proof = await prepared(authority), Proof()
    for _ in range(5):
        code = await authority.code(client, proof)
        both = await asyncio.gather(*(authority.redeem(client, code, proof) for _ in range(2)))
        assert sorted(answer.status_code for answer in both) == [200, 400]


async def test_a_session_that_has_ended_meanwhile_gives_nothing_and_leaves_nothing(authority: Authority) -> None:
    client, proof = await prepared(authority), Proof()
    code = await authority.code(client, proof)
    await authority.pool.fetch("UPDATE auth.sessions SET end_time = now()")
    assert refusal(await authority.redeem(client, code, proof)) == (400, "invalid_grant")
    left = "SELECT use_time, (SELECT count(*) FROM auth.refresh_sessions WHERE client = c.client) AS families"
    rows = await authority.pool.fetch(f"{left} FROM auth.authorization_codes c")
    assert (rows[0]["use_time"], rows[0]["families"]) == (None, 0)


async def test_a_code_is_kept_by_its_hash(authority: Authority) -> None:
    client, proof = await prepared(authority), Proof()
    code = await authority.code(client, proof)
    rows = await authority.pool.fetch("SELECT c::text AS row FROM auth.authorization_codes c")
    assert code not in rows[0]["row"]
    assert code.encode().hex() not in rows[0]["row"]
