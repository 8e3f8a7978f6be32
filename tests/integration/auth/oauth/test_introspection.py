"""Who may know whether a token is good, and who may end it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.fakes.auth_provider import Registered

if TYPE_CHECKING:
    from tests.fakes.auth_provider import Authority

INACTIVE = {"active": False}
OFFLINE = "openid offline_access"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_only_a_client_that_proves_itself_learns_of_tokens(authority: Authority) -> None:
    """Auth statement 24: authenticated callers only."""
    client = await authority.register(first_party=True)
    public = await authority.register(token_endpoint_auth_method="none")
    token = (await authority.tokens(client))["access_token"]
    for who in (public, Registered(id=client.id, secret=""), Registered(id=client.id, secret="x")):
        assert (await authority.post("/oauth2/introspect", who, token=token)).status_code == 401
    assert (await authority.post("/oauth2/introspect", client)).status_code == 400


async def test_a_good_token_is_told_and_any_other_is_no_more_than_inactive(authority: Authority) -> None:
    """Auth statement 24: unknown, expired, truncated, padded, changed or foreign is inactive and nothing else."""
    client = await authority.register(first_party=True)
    other = await authority.register()
    tokens = await authority.tokens(client, scope=OFFLINE)
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    told = await authority.introspect(client, access)
    assert told["active"] is True
    assert (told["client_id"], told["token_type"], told["scope"]) == (client.id, "Bearer", OFFLINE)
    assert (await authority.introspect(client, refresh))["token_type"] == "refresh_token"
    header, payload, signature = access.split(".")
    none = part({"alg": "none", "typ": "at+jwt", "kid": "x"})
    jwk = part({"alg": "ES256", "typ": "at+jwt", "kid": "x", "jwk": {"kty": "EC"}})
    for bad in (
        *("unknown", "a.b.c", f"{access}=", f"{access} ", access[:-1], access[:-8], f" {access}", "."),
        *(f"{header}.{payload}.", f"{none}.{payload}.", f"{jwk}.{payload}.{signature}"),
        *(refresh[:-1], f"{refresh}=", f"{refresh}A"),
    ):
        assert await authority.introspect(client, bad) == INACTIVE, bad
    for token in (access, refresh):
        assert await authority.introspect(other, token) == INACTIVE


async def test_a_resource_server_learns_of_tokens_that_are_meant_for_it(authority: Authority) -> None:
    """Auth statement 24: a foreign audience is inactive."""
    api = "https://api.test"
    client = await authority.register(first_party=True, audiences=[api])
    server = await authority.register(redirect_uris=[], grant_types=["client_credentials"], audiences=[api])
    token = (await authority.tokens(client, resource=api))["access_token"]
    assert (await authority.introspect(server, token))["aud"] == api
    usual = (await authority.tokens(client))["access_token"]
    assert await authority.introspect(server, usual) == INACTIVE


async def test_introspection_writes_nothing(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    tokens = await authority.tokens(client, scope=OFFLINE)
    await authority.pool.fetch(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());"
        " END $$"
    )
    await authority.pool.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert (await authority.introspect(client, token))["active"]
    renewed = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await authority.token(client, **renewed)


async def test_a_client_ends_its_own_tokens_and_unknown_ones_are_as_good_as_ended(authority: Authority) -> None:
    """Auth statement 25."""
    client, other = await authority.register(first_party=True), await authority.register()
    tokens = await authority.tokens(client, scope=OFFLINE)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        refused = await authority.post("/oauth2/revoke", other, token=token)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert (await authority.introspect(client, tokens["access_token"]))["active"]
    for unknown in ("unknown", "a.b.c"):
        answer = await authority.post("/oauth2/revoke", client, token=unknown, token_type_hint="nonsense")
        assert (answer.status_code, answer.content) == (200, b"")
    again = await authority.tokens(client, scope=OFFLINE)
    assert (await authority.post("/oauth2/revoke", client, token=again["access_token"])).status_code == 200
    assert await authority.introspect(client, again["access_token"]) == INACTIVE
    assert (await authority.introspect(client, again["refresh_token"]))["active"]
    assert (await authority.post("/oauth2/revoke", client, token=tokens["refresh_token"])).status_code == 200
    assert await authority.introspect(client, tokens["refresh_token"]) == INACTIVE
    assert await authority.introspect(client, tokens["access_token"]) == INACTIVE
    rows = await authority.pool.fetch("SELECT key FROM auth.revocations ORDER BY key")
    assert [row["key"].partition(":")[0] for row in rows] == ["grant", "token"]


async def test_whoever_guesses_in_a_loop_does_not_fill_the_audit_trail(authority: Authority) -> None:
    """Auth statement 50: refusals are written down, those that are alike as one."""
    client, other = await authority.register(), await authority.register()
    for guessed in (client, other):
        for _ in range(5):
            wrong = Registered(id=guessed.id, secret="wrong")
            assert (await authority.post("/oauth2/introspect", wrong, token="x")).status_code == 401
    rows = await authority.pool.fetch("SELECT client FROM auth.audit_events WHERE kind = 'client.refused'")
    assert sorted(row["client"] for row in rows) == sorted((client.id, other.id))
