"""Tokens that are bound to a key of the client's (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.jwk import ECKey

from tests.fakes.auth_provider import ISSUER, Proof, answer_of, claims_of, started

if TYPE_CHECKING:
    import httpx

    from tests.fakes.auth_provider import Authority, Registered

TOKEN = "/oauth2/token"
OFFLINE = "openid offline_access commerce.*"


@dataclass
class Key:
    """A client's key, and the proofs that it makes."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    nonce: str = ""

    @property
    def thumbprint(self) -> str:
        return self.key.thumbprint()

    def prove(self, path: str = TOKEN, *, method: str = "POST", token: str = "", **claims: Any) -> dict[str, str]:
        said = {"htm": method, "htu": ISSUER + path, "iat": int(time.time()), "jti": secrets.token_urlsafe(8)}
        if token:
            said["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        if self.nonce:
            said["nonce"] = self.nonce
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return {"dpop": jws.serialize_compact(head, json.dumps(said | claims), self.key, algorithms=["ES256"])}


async def ask(
    authority: Authority, client: Registered, proof: dict[str, str], path: str = TOKEN, **fields: str
) -> httpx.Response:
    if client.secret:
        return await authority.http.post(path, data=fields, headers=proof, auth=client.auth)
    return await authority.http.post(path, data={"client_id": client.id, **fields}, headers=proof)


async def redeem(
    authority: Authority, client: Registered, key: dict[str, str], *, verifier: Proof | None = None, **fields: str
) -> httpx.Response:
    verifier = verifier or Proof()
    code = await authority.code(client, verifier, scope=OFFLINE, **fields)
    asked = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier.verifier}
    return await ask(authority, client, key, **asked)


async def renew(authority: Authority, client: Registered, key: dict[str, str], token: str) -> httpx.Response:
    return await ask(authority, client, key, grant_type="refresh_token", refresh_token=token)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_a_token_is_bound_to_the_key_that_was_proven(authority: Authority) -> None:
    """Auth statement 28: cnf.jkt in the token and in introspection, and token_type DPoP."""
    client, key = await authority.register(first_party=True), Key()
    await authority.sign_in()
    tokens = (await redeem(authority, client, key.prove())).json()
    assert tokens["token_type"] == "DPoP"
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": key.thumbprint}
    told = await authority.introspect(client, tokens["access_token"])
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": key.thumbprint})
    machine = await authority.register(grant_types=["client_credentials"], redirect_uris=[])
    granted = (await ask(authority, machine, key.prove(), grant_type="client_credentials")).json()
    assert granted["token_type"] == "DPoP"
    assert claims_of(granted["access_token"])["cnf"] == {"jkt": key.thumbprint}


async def test_a_public_clients_refresh_token_is_bound_to_its_key(authority: Authority) -> None:
    """Auth statements 16 and 28: the refresh token of a client without a secret is of no use without the key."""
    app = await authority.register(token_endpoint_auth_method="none", first_party=True)
    await authority.sign_in()
    key = Key()
    token = (await redeem(authority, app, key.prove())).json()["refresh_token"]
    assert refusal(await renew(authority, app, {}, token)) == (400, "invalid_grant")
    assert refusal(await renew(authority, app, Key().prove(), token)) == (400, "invalid_grant")
    renewed = (await renew(authority, app, key.prove(), token)).json()
    assert claims_of(renewed["access_token"])["cnf"] == {"jkt": key.thumbprint}


async def test_a_client_that_proves_itself_may_take_another_key(authority: Authority) -> None:
    """Auth statement 28: a refresh token of a client with a secret is bound to the client, not to its key."""
    client = await authority.register(first_party=True)
    await authority.sign_in()
    token = (await redeem(authority, client, Key().prove())).json()["refresh_token"]
    other = Key()
    renewed = (await renew(authority, client, other.prove(), token)).json()
    assert renewed["token_type"] == "DPoP"
    assert claims_of(renewed["access_token"])["cnf"] == {"jkt": other.thumbprint}


async def test_a_code_is_bound_to_the_key_that_its_request_names(authority: Authority) -> None:
    """Auth statement 28, FAPI2 ensure-mismatched-dpop-jkt-fails."""
    client, key = await authority.register(first_party=True), Key()
    await authority.sign_in()
    for proof in ({}, Key().prove()):
        answer = await redeem(authority, client, proof, dpop_jkt=key.thumbprint)
        assert refusal(answer) == (400, "invalid_grant")
    assert (await redeem(authority, client, key.prove(), dpop_jkt=key.thumbprint)).status_code == 200


async def test_a_pushed_request_is_bound_to_the_key_that_it_proves(authority: Authority) -> None:
    """Auth statements 28 and 29."""
    client, key, verifier = await authority.register(first_party=True), Key(), Proof()
    await authority.sign_in()
    asked = {
        "response_type": "code",
        "redirect_uri": "https://app.test/callback",
        "scope": "openid",
        "code_challenge": verifier.challenge,
        "code_challenge_method": "S256",
    }
    other = await ask(authority, client, key.prove("/oauth2/par"), "/oauth2/par", dpop_jkt=Key().thumbprint, **asked)
    assert refusal(other) == (400, "invalid_dpop_proof")
    elsewhere = await ask(authority, client, key.prove(), "/oauth2/par", **asked)
    assert refusal(elsewhere) == (400, "invalid_dpop_proof")
    pushed = await ask(authority, client, key.prove("/oauth2/par"), "/oauth2/par", **asked)
    uri = pushed.json()["request_uri"]
    where = await authority.http.get("/oauth2/authorize", params={"client_id": client.id, "request_uri": uri})
    code = answer_of(where)["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier.verifier}
    assert refusal(await ask(authority, client, Key().prove(), **form)) == (400, "invalid_grant")
    assert (await ask(authority, client, key.prove(), **form)).json()["token_type"] == "DPoP"


WRONG: tuple[dict[str, Any], ...] = (
    {"htm": "GET"},
    {"htu": f"{ISSUER}/oauth2/par"},
    {"htu": "https://elsewhere.test/oauth2/token"},
    {"iat": int(time.time()) - 3600},
    {"iat": int(time.time()) + 3600},
    {"exp": 1},
    {"jti": ""},
    {"nonce": "none of ours"},
)


async def test_a_proof_of_something_else_is_refused(authority: Authority) -> None:
    """Auth statement 28, FAPI2 dpop-negative-tests and check-dpop-proof-nbf-exp."""
    machine = await authority.register(grant_types=["client_credentials"], redirect_uris=[])
    for claims in WRONG:
        answer = await ask(authority, machine, Key().prove(**claims), grant_type="client_credentials")
        expected = "use_dpop_nonce" if "nonce" in claims else "invalid_dpop_proof"
        assert refusal(answer) == (400, expected), claims
        assert answer.headers["cache-control"] == "no-store"


async def test_a_proof_is_good_once(authority: Authority) -> None:
    """Auth statement 28: jti once; two proofs at a time are none."""
    machine = await authority.register(grant_types=["client_credentials"], redirect_uris=[])
    key = Key()
    proof = key.prove()
    assert (await ask(authority, machine, proof, grant_type="client_credentials")).status_code == 200
    assert refusal(await ask(authority, machine, proof, grant_type="client_credentials")) == (400, "invalid_dpop_proof")
    twice = [("dpop", key.prove()["dpop"]), ("dpop", key.prove()["dpop"])]
    form = {"grant_type": "client_credentials"}
    answer = await authority.http.post(TOKEN, data=form, headers=twice, auth=machine.auth)
    assert refusal(answer) == (400, "invalid_dpop_proof")


async def test_a_client_that_is_registered_for_bound_tokens_gets_no_others(authority: Authority) -> None:
    """Auth statement 28."""
    machine = await authority.register(
        grant_types=["client_credentials"], redirect_uris=[], dpop_bound_access_tokens=True
    )
    assert refusal(await ask(authority, machine, {}, grant_type="client_credentials")) == (400, "invalid_dpop_proof")
    assert (await ask(authority, machine, Key().prove(), grant_type="client_credentials")).status_code == 200


async def test_userinfo_takes_a_bound_token_with_its_proof_alone(authority: Authority) -> None:
    """Auth statement 28: ath and cnf.jkt at a resource."""
    client, key, path = await authority.register(first_party=True), Key(), "/oauth2/userinfo"
    await authority.sign_in()
    token = (await redeem(authority, client, key.prove())).json()["access_token"]

    async def get(scheme: str, proof: dict[str, str]) -> httpx.Response:
        return await authority.http.get(path, headers={"authorization": f"{scheme} {token}", **proof})

    assert (await get("DPoP", key.prove(path, method="GET", token=token))).status_code == 200
    for scheme, proof in (
        ("Bearer", {}),
        ("DPoP", {}),
        ("Bearer", key.prove(path, method="GET", token=token)),
        ("DPoP", key.prove(path, method="GET")),
        ("DPoP", key.prove(path, method="GET", token="another")),
        ("DPoP", Key().prove(path, method="GET", token=token)),
    ):
        assert (await get(scheme, proof)).status_code == 401
    wrong = await get("DPoP", key.prove(path, method="POST", token=token))
    assert wrong.headers["www-authenticate"].startswith('DPoP error="invalid_dpop_proof", algs="ES256 ')


async def test_a_nonce_is_asked_for_where_the_server_is_told_so(environ: dict[str, str]) -> None:
    """Auth statement 28: nonce challenge."""
    environ["TENON_DPOP_NONCES"] = "1"
    async with started(environ) as authority:
        machine = await authority.register(grant_types=["client_credentials"], redirect_uris=[])
        key = Key()
        challenge = await ask(authority, machine, key.prove(), grant_type="client_credentials")
        assert refusal(challenge) == (400, "use_dpop_nonce")
        key.nonce = challenge.headers["dpop-nonce"]
        assert (await ask(authority, machine, key.prove(), grant_type="client_credentials")).status_code == 200


async def test_the_metadata_tells_of_proofs(authority: Authority) -> None:
    """Auth statement 30."""
    document = (await authority.http.get("/.well-known/oauth-authorization-server")).json()
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    assert "none" not in document["dpop_signing_alg_values_supported"]
