"""What a client may know of a person, and of the provider."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.auth.domain.signing_keys import Rotation
from services.auth.storage.signing_keys import SqlSigningKeys
from services.chassis.keyring import Keyring
from tests.fakes.auth_provider import EMAIL, ISSUER, claims_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.auth_provider import Authority

PATH = "/oauth2/userinfo"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_token_comes_in_a_header_or_a_form_and_never_in_an_address(authority: Authority) -> None:
    """Auth statement 32: also the form of refusals (RFC 6750 §3)."""
    client = await authority.register(first_party=True)
    token = (await authority.tokens(client, scope="openid email"))["access_token"]
    known = {"sub": await authority.administrator(), "email": EMAIL, "email_verified": False}
    for answer in (
        await authority.http.get(PATH, headers=bearer(token)),
        await authority.http.post(PATH, headers=bearer(token)),
        await authority.http.post(PATH, data={"access_token": token}),
    ):
        assert (answer.status_code, answer.json()) == (200, known)
        assert answer.headers["cache-control"] == "no-store"
    in_query = await authority.http.get(PATH, params={"access_token": token})
    both = await authority.http.post(PATH, data={"access_token": token}, headers=bearer(token))
    for refused in (in_query, both):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    silent = await authority.http.get(PATH)
    assert (silent.status_code, silent.headers["www-authenticate"], silent.content) == (401, "Bearer", b"")
    wrong = await authority.http.get(PATH, headers=bearer("wrong"))
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    unasked = (await authority.tokens(client, scope="commerce.*"))["access_token"]
    refused = await authority.http.get(PATH, headers=bearer(unasked))
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


async def test_claims_are_given_by_scope_and_by_name(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    user = await authority.add_user("ada@x.test", display_name="Ada", given_name="Ada", zone="Europe/Berlin")
    await authority.sign_in(user)
    plain = await authority.tokens(client, scope="openid")
    assert (await authority.http.get(PATH, headers=bearer(plain["access_token"]))).json() == {"sub": user}
    asked = json.dumps({"userinfo": {"name": {"essential": True}}, "id_token": {"email": None, "nonsense": None}})
    named = await authority.tokens(client, scope="openid", claims=asked)
    told = (await authority.http.get(PATH, headers=bearer(named["access_token"]))).json()
    assert told == {"sub": user, "name": "Ada"}
    assert claims_of(named["id_token"])["email"] == "ada@x.test"
    assert "email" not in claims_of(plain["id_token"])
    profile = await authority.tokens(client, scope="openid profile")
    told = (await authority.http.get(PATH, headers=bearer(profile["access_token"]))).json()
    assert (told["name"], told["preferred_username"], told["zoneinfo"]) == ("Ada", "ada@x.test", "Europe/Berlin")
    assert not {"email", "family_name", "picture"} & told.keys()


async def test_what_is_told_is_signed_where_the_client_wants_it_so(authority: Authority) -> None:
    client = await authority.register(
        first_party=True, id_token_signed_response_alg="RS256", userinfo_signed_response_alg="RS256"
    )
    tokens = await authority.tokens(client)
    identity = await authority.verify(tokens["id_token"], "RS256")
    answer = await authority.http.get(PATH, headers=bearer(tokens["access_token"]))
    assert answer.headers["content-type"] == "application/jwt"
    told = await authority.verify(answer.text, "RS256")
    assert (told.claims["iss"], told.claims["aud"]) == (ISSUER, client.id)
    assert told.claims["sub"] == identity.claims["sub"]


async def test_a_person_who_is_disabled_or_gone_is_not_told_of(authority: Authority) -> None:
    client = await authority.register(first_party=True)
    await authority.sign_in(await authority.add_user("ada@x.test"))
    token = (await authority.tokens(client))["access_token"]
    await authority.pool.fetch("UPDATE auth.users SET disabled = true WHERE email = 'ada@x.test'")
    assert (await authority.http.get(PATH, headers=bearer(token))).status_code == 401


async def test_the_metadata_is_at_both_places_and_all_of_it_below_the_issuer(authority: Authority) -> None:
    """Auth statement 30."""
    places = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
    documents = [(await authority.http.get(place)).json() for place in places]
    assert documents[0] == documents[1]
    document = documents[0]
    assert document["issuer"] == ISSUER
    endpoints = [name for name in document if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) >= 7
    assert all(document[name].startswith(f"{ISSUER}/") for name in endpoints)
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    keys = await authority.http.get(document["jwks_uri"])
    assert keys.status_code == 200


async def test_keys_are_published_before_they_sign_and_never_in_private(
    authority: Authority, environ: dict[str, str], tmp_path: Path
) -> None:
    """Auth statement 23: for both algorithms."""
    document = (await authority.http.get("/auth/v1/jwks.json")).json()
    assert {key["alg"] for key in document["keys"]} == {"ES256", "RS256"}
    assert len({key["kid"] for key in document["keys"]}) == 2
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in document["keys"] for name in key}
    sealer = Keyring.from_file(tmp_path / "root.key").sealer("auth signing key")
    keys, rotation, now = SqlSigningKeys(authority.pool, sealer, ("ES256", "RS256")), Rotation(), datetime.now(UTC)
    due = now + rotation.period - rotation.lead + timedelta(seconds=5)
    staged = await keys.rotate(rotation, now=due)
    assert sorted(key.algorithm for key in staged) == ["ES256", "ES256", "RS256", "RS256"]
    assert all(key.activates > due for key in staged if key.activates > now + timedelta(days=1))
    left = await keys.rotate(rotation, now=due + rotation.lead + rotation.trail + timedelta(minutes=1))
    assert sorted(key.algorithm for key in left) == ["ES256", "RS256"]
    assert {key.id for key in left} <= {key.id for key in staged if key.activates > now + timedelta(days=1)}
