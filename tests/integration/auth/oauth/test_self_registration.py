"""Clients that register themselves (RFC 7591, RFC 7592; OIDC Dynamic Client Registration)."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from joserfc.jwk import ECKey

from tests.fakes.auth_provider import ISSUER, REDIRECT, Proof, Registered, claims_of, page_of, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.fakes.auth_provider import Authority

REGISTER = "/oauth2/register"
WEB = {"redirect_uris": [REDIRECT], "client_name": "Their application"}


@asynccontextmanager
async def serving(environ: dict[str, str], who: str = "open") -> AsyncIterator[Authority]:
    environ["TENON_REGISTRATION"] = who
    async with started(environ) as authority:
        yield authority


async def register(authority: Authority, document: Any = None, token: str = "", **fields: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    document = {**WEB, **fields} if document is None else document
    return await authority.http.post(REGISTER, json=document, headers=headers)


async def manage(authority: Authority, method: str, made: dict[str, Any], **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {made['registration_access_token']}"}
    return await authority.http.request(method, made["registration_client_uri"], headers=headers, **options)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def admin_token(authority: Authority) -> str:
    return str((await authority.admin())["metadata"][0][1].partition(" ")[2])


async def test_nobody_registers_a_client_unless_the_server_is_told_so(authority: Authority) -> None:
    """Registration is off where nobody has switched it on."""
    assert (await register(authority)).status_code == 404
    assert (await authority.http.get(f"{REGISTER}/x")).status_code == 404
    document = (await authority.http.get("/.well-known/openid-configuration")).json()
    assert "registration_endpoint" not in document


async def test_a_client_that_registers_itself_is_a_third_party_that_people_are_asked_about(
    environ: dict[str, str],
) -> None:
    """Auth statements 12 and 30; OIDF dynamic-registration."""
    async with serving(environ) as authority:
        document = (await authority.http.get("/.well-known/oauth-authorization-server")).json()
        assert document["registration_endpoint"] == ISSUER + REGISTER
        answer = await register(authority, grant_types=["authorization_code", "refresh_token"], unknown_member=1)
        assert answer.status_code == 201
        assert answer.headers["cache-control"] == "no-store"
        made = answer.json()
        assert made["client_secret_expires_at"] == 0
        assert made["client_id_issued_at"] > 0
        assert made["redirect_uris"] == [REDIRECT]
        assert made["scope"] == "openid profile email offline_access"
        assert made["token_endpoint_auth_method"] == "client_secret_basic"
        assert made["id_token_signed_response_alg"] == "RS256"
        assert "unknown_member" not in made
        client = Registered(id=made["client_id"], secret=made["client_secret"])
        await authority.sign_in()
        proof = Proof()
        asked = await authority.authorize(client, proof)
        assert page_of(asked) == "/account/consent"
        code = await authority.code(client, proof)
        assert (await authority.redeem(client, code, proof)).status_code == 200
        rows = await authority.pool.fetch("SELECT first_party, service_account, organization FROM auth.clients")
        kept = [tuple(row) for row in rows]
        assert (False, "", "default") in kept
        events = await authority.pool.fetch("SELECT kind FROM auth.audit_events WHERE kind = 'client.registered'")
        assert len(events) == 1


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": ["https://app.test/#x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["http://app.test/"]}, "invalid_redirect_uri"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
    ({"redirect_uris": "https://app.test/"}, "invalid_client_metadata"),
    ({"post_logout_redirect_uris": ["http://app.test/"]}, "invalid_redirect_uri"),
    ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
    ({"grant_types": ["password"]}, "invalid_client_metadata"),
    ({"grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"]}, "invalid_client_metadata"),
    ({"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}, "invalid_client_metadata"),
    ({"response_types": ["token"]}, "invalid_client_metadata"),
    ({"response_types": ["code id_token"]}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    (
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AA"}]}},
        "invalid_client_metadata",
    ),
    ({"jwks_uri": "http://127.0.0.1/keys"}, "invalid_client_metadata"),
    ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
    ({"id_token_signed_response_alg": "HS256"}, "invalid_client_metadata"),
    ({"backchannel_logout_uri": "http://127.0.0.1/"}, "invalid_client_metadata"),
    ({"scope": "commerce.* tenon"}, "invalid_client_metadata"),
    ({"client_name": 7}, "invalid_client_metadata"),
    ({"client_name": "x" * 300}, "invalid_client_metadata"),
    ({"client_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
)


async def test_what_no_client_may_be_is_refused(environ: dict[str, str]) -> None:
    """Auth statements 2 and 3; OIDF registration-*, redirect-uri-regfrag."""
    async with serving(environ) as authority:
        for fields, error in REFUSED:
            assert refusal(await register(authority, **fields)) == (400, error), fields
        assert await authority.pool.fetch("SELECT 1 FROM auth.clients") == [], "nothing is half-made"


async def test_what_is_no_document_is_refused(environ: dict[str, str]) -> None:
    async with serving(environ) as authority:
        assert refusal(await register(authority, ["x"])) == (400, "invalid_client_metadata")
        form = await authority.http.post(REGISTER, data={"client_name": "x"})
        assert refusal(form) == (400, "invalid_client_metadata")
        nonsense = await authority.http.post(REGISTER, content="{", headers={"content-type": "application/json"})
        assert refusal(nonsense) == (400, "invalid_client_metadata")
        long = await authority.http.post(REGISTER, content=b" " * 70_000, headers={"content-type": "application/json"})
        assert refusal(long) == (413, "invalid_client_metadata")
        assert (await authority.http.get(REGISTER)).status_code == 405


async def test_by_a_token_alone_a_client_is_registered_where_the_server_is_told_so(environ: dict[str, str]) -> None:
    """An initial access token is an access token that grants auth.clients.create."""
    async with serving(environ, "token") as authority:
        assert refusal(await register(authority)) == (401, "invalid_token")
        assert refusal(await register(authority, token="nonsense")) == (401, "invalid_token")
        client = await authority.register(first_party=True)
        weak = (await authority.tokens(client, scope="openid commerce.*"))["access_token"]
        assert refusal(await register(authority, token=weak)) == (403, "insufficient_scope")
        answer = await register(authority, token=await admin_token(authority), scope="openid commerce.* tenon")
        assert answer.json()["scope"] == "openid commerce.*", "people are asked for permissions, never for all of them"
        rows = await authority.pool.fetch("SELECT actor FROM auth.audit_events WHERE kind = 'client.registered'")
        assert [row["actor"] for row in rows] == [await authority.administrator()]
        made = answer.json()
        wider = {**WEB, "client_id": made["client_id"], "scope": "openid commerce.* library.*"}
        kept = (await manage(authority, "PUT", made, json=wider)).json()
        assert kept["scope"] == "openid commerce.*", "a client keeps what it was allowed, and gains no more by itself"


async def test_a_client_reads_changes_and_removes_itself(environ: dict[str, str]) -> None:
    """RFC 7592."""
    async with serving(environ) as authority:
        made = (await register(authority)).json()
        assert made["registration_client_uri"] == f"{ISSUER}{REGISTER}/{made['client_id']}"
        read = (await manage(authority, "GET", made)).json()
        without = {name: value for name, value in made.items() if not name.startswith("client_secret")}
        assert read == without, "a secret is told once"
        new = {**WEB, "client_id": made["client_id"], "client_name": "Renamed", "redirect_uris": ["https://new.test/"]}
        assert refusal(await manage(authority, "PUT", made, json=WEB)) == (400, "invalid_client_metadata")
        wrong = {**new, "redirect_uris": ["http://new.test/"]}
        assert refusal(await manage(authority, "PUT", made, json=wrong)) == (400, "invalid_redirect_uri")
        changed = (await manage(authority, "PUT", made, json=new)).json()
        assert (changed["client_name"], changed["redirect_uris"]) == ("Renamed", ["https://new.test/"])
        assert (await manage(authority, "GET", made)).json() == changed
        assert (await manage(authority, "DELETE", made)).status_code == 204
        assert refusal(await manage(authority, "GET", made)) == (401, "invalid_token")
        for table in ("clients", "client_secrets", "registration_tokens"):
            assert await authority.pool.fetch(f"SELECT 1 FROM auth.{table}") == []
        kinds = await authority.pool.fetch("SELECT kind FROM auth.audit_events WHERE client = $1", [made["client_id"]])
        assert {row["kind"] for row in kinds} >= {"client.registered", "client.changed", "client.deleted"}


async def test_a_clients_secret_comes_and_goes_with_how_it_proves_who_it_is(environ: dict[str, str]) -> None:
    """RFC 7592 §2.2."""
    async with serving(environ) as authority:
        made = (await register(authority)).json()
        same = {**WEB, "client_id": made["client_id"]}
        assert "client_secret" not in (await manage(authority, "PUT", made, json=same)).json()
        public = await manage(authority, "PUT", made, json={**same, "token_endpoint_auth_method": "none"})
        assert "client_secret" not in public.json()
        assert await authority.pool.fetch("SELECT 1 FROM auth.client_secrets") == []
        again = (await manage(authority, "PUT", made, json=same)).json()
        assert again["client_secret"] not in {"", made["client_secret"]}
        keys = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
        keyed = {**same, "token_endpoint_auth_method": "private_key_jwt", "jwks": keys}
        assert (await manage(authority, "PUT", made, json=keyed)).json()["jwks"] == keys


async def test_a_registration_is_opened_by_its_own_token_alone_which_opens_nothing_else(
    environ: dict[str, str],
) -> None:
    """Auth statements 20 and 46: another client's token, an access token, or none."""
    async with serving(environ) as authority:
        one, two = (await register(authority)).json(), (await register(authority)).json()
        token = one["registration_access_token"]
        for stranger in (two["registration_access_token"], await admin_token(authority), token[:-4] + "AAAA", ""):
            mixed = {**one, "registration_access_token": stranger}
            for method in ("GET", "PUT", "DELETE"):
                answer = await manage(authority, method, mixed, json={"client_id": one["client_id"], **WEB})
                assert refusal(answer) == (401, "invalid_token")
                assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert (await authority.verify(token)).header["typ"] == "registration+jwt"
        assert claims_of(token)["aud"] == one["registration_client_uri"]
        told = await authority.introspect(Registered(id=one["client_id"], secret=one["client_secret"]), token)
        assert told == {"active": False}
        userinfo = await authority.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {token}"})
        assert userinfo.status_code == 401


async def test_what_others_have_said_of_a_client_stays_and_a_disabled_one_is_shut_out(environ: dict[str, str]) -> None:
    async with serving(environ) as authority:
        made = (await register(authority)).json()
        name = f"clients/{made['client_id']}"
        await authority.pool.fetch("UPDATE auth.clients SET audiences = '{https://api.test}' WHERE name = $1", [name])
        await manage(authority, "PUT", made, json={**WEB, "client_id": made["client_id"]})
        rows = await authority.pool.fetch("SELECT audiences FROM auth.clients WHERE name = $1", [name])
        assert rows[0]["audiences"] == ["https://api.test"]
        await authority.pool.fetch("UPDATE auth.clients SET first_party = true WHERE name = $1", [name])
        own = {"client_id": made["client_id"], "redirect_uris": ["https://evil.test/"]}
        assert refusal(await manage(authority, "PUT", made, json=own)) == (403, "access_denied")
        assert refusal(await manage(authority, "DELETE", made)) == (403, "access_denied")
        await authority.pool.fetch("UPDATE auth.clients SET disabled = true WHERE name = $1", [name])
        assert refusal(await manage(authority, "GET", made)) == (401, "invalid_token")
