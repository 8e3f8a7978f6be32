"""How devices without a browser come by tokens (RFC 8628)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tenon.auth.v1 import consent_service_pb2

from services.auth.domain.oauth.clients import DEVICE_CODE
from tests.fakes.auth_provider import ISSUER, claims_of

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority, Registered

BEGIN = "/oauth2/device_authorization"
HEADERS = {"origin": ISSUER}


async def television(authority: Authority, **fields: Any) -> Registered:
    described = {
        "display_name": "Television",
        "token_endpoint_auth_method": "none",
        "redirect_uris": [],
        "grant_types": [DEVICE_CODE, "refresh_token"],
    }
    return await authority.register(**{**described, **fields})


async def begin(authority: Authority, client: Registered, scope: str = "openid offline_access") -> dict[str, Any]:
    answer = await authority.post(BEGIN, client, scope=scope)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def ask(authority: Authority, client: Registered, codes: dict[str, Any]) -> httpx.Response:
    return await authority.token(client, grant_type=DEVICE_CODE, device_code=codes["device_code"])


async def rest(authority: Authority) -> None:
    """Let the device have waited as long as it was told."""
    await authority.pool.fetch("UPDATE auth.device_authorizations SET poll_time = poll_time - poll_interval")


async def post_page(authority: Authority, **fields: str) -> httpx.Response:
    page = await authority.http.get("/account/device")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token is not None, page.text
    return await authority.http.post("/account/device", data={"form_token": token[1], **fields}, headers=HEADERS)


async def decide(authority: Authority, codes: dict[str, Any], decision: str = "allow") -> None:
    answer = await post_page(authority, user_code=codes["user_code"], decision=decision)
    assert (answer.status_code, urlsplit(answer.headers["location"]).path) == (303, "/account/device"), answer.text
    assert dict(parse_qsl(urlsplit(answer.headers["location"]).query))["done"]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_a_device_gets_tokens_once_a_person_has_confirmed_its_code(authority: Authority) -> None:
    """Auth statement 26: eight letters of twenty, pending until the person confirms the code that is shown."""
    client = await television(authority)
    codes = await begin(authority, client)
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", codes["user_code"])
    assert codes["verification_uri"] == f"{ISSUER}/account/device"
    assert codes["verification_uri_complete"] == f"{ISSUER}/account/device?user_code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert refusal(await ask(authority, client, codes)) == (400, "authorization_pending")
    await authority.sign_in()
    page = await authority.http.get("/account/device", params={"user_code": codes["user_code"].lower()})
    assert "Television" in page.text
    assert codes["user_code"] in page.text
    await decide(authority, codes)
    await rest(authority)
    answer = await ask(authority, client, codes)
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert claims_of(tokens["id_token"])["sub"] == await authority.administrator()
    assert (await authority.token(client, grant_type="refresh_token", refresh_token=tokens["refresh_token"])).is_success
    kinds = await authority.pool.fetch("SELECT kind, actor FROM auth.audit_events WHERE client = $1", [client.id])
    assert ("device.approved", await authority.administrator()) in {(row["kind"], row["actor"]) for row in kinds}
    assert ("token.granted", f"clients/{client.id}") in {(row["kind"], row["actor"]) for row in kinds}


async def test_who_asks_too_soon_waits_five_seconds_longer_each_time(authority: Authority) -> None:
    """Auth statement 26: slow_down adds five seconds."""
    client = await television(authority)
    codes = await begin(authority, client)
    answers = [refusal(await ask(authority, client, codes)) for _ in range(3)]
    assert answers == [(400, "authorization_pending"), (400, "slow_down"), (400, "slow_down")]
    rows = await authority.pool.fetch("SELECT poll_interval FROM auth.device_authorizations")
    assert rows[0]["poll_interval"].total_seconds() == 15
    await rest(authority)
    assert refusal(await ask(authority, client, codes)) == (400, "authorization_pending")


async def test_a_device_that_was_turned_away_or_has_expired_is_told_so(authority: Authority) -> None:
    """Auth statement 26: access_denied and expired_token."""
    client = await television(authority)
    await authority.sign_in()
    denied, expired = await begin(authority, client), await begin(authority, client)
    await decide(authority, denied, "deny")
    assert refusal(await ask(authority, client, denied)) == (400, "access_denied")
    await authority.pool.fetch("UPDATE auth.device_authorizations SET expire_time = now() - interval '1 second'")
    assert refusal(await ask(authority, client, expired)) == (400, "expired_token")
    late = await authority.http.get("/account/device", params={"user_code": expired["user_code"]})
    assert late.status_code == 404


async def test_of_parallel_askers_one_device_gets_tokens(authority: Authority) -> None:
    """Auth statement 26: a device code is good once."""
    client = await television(authority)
    await authority.sign_in()
    codes = await begin(authority, client)
    await decide(authority, codes)
    answers = await asyncio.gather(*(ask(authority, client, codes) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    assert {answer.json().get("error") for answer in answers} == {None, "invalid_grant"}
    rows = await authority.pool.fetch("SELECT count(*) FROM auth.refresh_sessions WHERE client = $1", [client.id])
    assert rows[0]["count"] == 1


async def test_a_device_code_is_its_clients_own_and_a_client_has_to_be_registered_for_devices(
    authority: Authority,
) -> None:
    """Auth statements 14 and 26."""
    client, other = await television(authority), await television(authority)
    codes = await begin(authority, client)
    assert refusal(await ask(authority, other, codes)) == (400, "invalid_grant")
    web = await authority.register()
    assert refusal(await authority.post(BEGIN, web, scope="openid")) == (400, "unauthorized_client")
    assert refusal(await ask(authority, web, codes)) == (400, "unauthorized_client")
    assert refusal(await authority.post(BEGIN, client, scope="library.*")) == (400, "invalid_scope")
    assert refusal(await authority.post(BEGIN, client)) == (400, "invalid_scope")
    unknown = await authority.http.post(BEGIN, data={"client_id": "nobody", "scope": "openid"})
    assert refusal(unknown) == (401, "invalid_client")


async def test_codes_are_not_guessed(authority: Authority) -> None:
    """Auth statement 26: a person tries few codes in vain, and a code of their own buys no more."""
    client = await television(authority)
    await authority.sign_in()
    own = await begin(authority, client)
    statuses = []
    for _ in range(7):
        statuses.append((await authority.http.get("/account/device?user_code=BBBB-BBBB")).status_code)
        await authority.http.get("/account/device", params={"user_code": own["user_code"]})
    assert statuses[:5] == [404] * 5
    assert set(statuses[6:]) == {429}


async def test_what_a_device_holds_ends_with_the_session_and_with_the_consent(authority: Authority) -> None:
    client = await television(authority)
    session = await authority.sign_in()
    codes = await begin(authority, client)
    await decide(authority, codes)
    consents = await authority.pool.fetch("SELECT client, scopes FROM auth.consents")
    assert [(row["client"], set(row["scopes"])) for row in consents] == [(client.id, {"offline_access", "openid"})]
    await authority.pool.fetch("UPDATE auth.sessions SET end_time = now() WHERE id = $1", [session])
    assert refusal(await ask(authority, client, codes)) == (400, "invalid_grant")


async def test_a_device_that_was_let_and_has_no_tokens_yet_ends_with_the_consent(authority: Authority) -> None:
    client = await television(authority)
    await authority.sign_in()
    codes = await begin(authority, client)
    await decide(authority, codes)
    request = consent_service_pb2.RevokeConsentRequest(client_id=client.id)
    await authority.consents.RevokeConsent(request, **await authority.admin())
    assert refusal(await ask(authority, client, codes)) == (400, "invalid_grant")


async def test_an_application_of_another_organization_is_not_connected(authority: Authority) -> None:
    client = await television(authority)
    await authority.sign_in()
    await authority.pool.fetch(
        "UPDATE auth.clients SET organization = 'elsewhere' WHERE name = $1", [f"clients/{client.id}"]
    )
    codes = await begin(authority, client)
    answer = await post_page(authority, user_code=codes["user_code"], decision="allow")
    assert answer.status_code == 403
    rows = await authority.pool.fetch("SELECT state FROM auth.device_authorizations")
    assert [row["state"] for row in rows] == ["waiting"]


async def test_the_metadata_tells_of_devices(authority: Authority) -> None:
    """Auth statement 30."""
    document = (await authority.http.get("/.well-known/openid-configuration")).json()
    assert document["device_authorization_endpoint"] == ISSUER + BEGIN
    assert DEVICE_CODE in document["grant_types_supported"]
