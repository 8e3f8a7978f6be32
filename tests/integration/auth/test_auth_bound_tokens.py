"""Tokens that are bound to a key are exchanged where the key is proven, against the whole service (RFC 9449 §7)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from services.auth.domain.authentication import Authentication
from services.auth.domain.revocations import of_token
from services.auth.domain.tokens import Grant
from services.auth.storage.database import Database
from services.auth.storage.dpop import RedisReplays
from services.auth.storage.revocations import SqlRevocations
from services.auth.storage.signing_keys import RememberedKeys, SqlSigningKeys
from services.auth.storage.tokens import JwtTokens
from tests.fakes.auth_machines_conformance import ReplaysConformance
from tests.integration.auth.test_auth_machines import ISSUER, LOOK, Machines, machines  # noqa: F401 - a fixture
from tests.integration.auth.test_auth_service import claims_of, environ  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from redis.asyncio import Redis

PATH = "/library/v1/books/1?readMask=name"


@dataclass
class Holder:
    """Somebody with a key, and what auth would have given them."""

    machines: Machines
    database: Database
    key: ECKey

    async def token(self, *, key: ECKey | None = None, **changes: Any) -> str:
        """Return a token that is bound to the holder's key, or to another."""
        keyring = self.machines.service.frame.keyring
        keys = RememberedKeys(SqlSigningKeys(self.database, keyring.sealer("auth signing key")))
        grant = {
            "subject": "users/ann",
            "organization": "default",
            "permissions": frozenset({"library.*"}),
            "client": "app",
            "session": "one",
            "family": "two",
            "scope": "library.*",
            "confirmation": (key or self.key).thumbprint(),
            "authentication": Authentication(time=datetime.now(UTC), methods=("pwd", "otp")),
            **changes,
        }
        return (await JwtTokens(keys, issuer=ISSUER, audience="tenon").issue(Grant(**grant))).text

    def prove(self, token: str, *, key: ECKey | None = None, **claims: Any) -> str:
        """Return a proof for one call with that token."""
        ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        body = {"jti": uuid.uuid4().hex, "htm": "GET", "htu": f"{ISSUER}/library/v1/books/1", "iat": int(time.time())}
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": (key or self.key).as_dict(private=False)}
        return jwt.encode(head, {**body, "ath": ath, **claims}, key or self.key, algorithms=["ES256"])

    async def call(self, token: str, *proofs: str, **headers: str) -> httpx.Response:
        """Ask as the edge does, for a call over REST."""
        sent = [("authorization", f"DPoP {token}"), *(("dpop", proof) for proof in proofs)]
        sent += [("x-envoy-original-method", "GET"), ("x-envoy-original-path", PATH)]
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await self.machines.http.post(LOOK, headers=sent)


@pytest.fixture
async def holder(machines: Machines, database: str) -> AsyncIterator[Holder]:  # noqa: F811
    opened = Database(database)
    yield Holder(machines=machines, database=opened, key=ECKey.generate_key("P-256"))
    await opened.close()


async def test_a_proven_token_is_exchanged_for_one_that_says_the_same(holder: Holder) -> None:
    """Auth statement 28."""
    token = await holder.token()
    answer = await holder.call(token, holder.prove(token))
    assert answer.status_code == 200
    plain = answer.headers["authorization"].removeprefix("Bearer ")
    bound, claims = dict(claims_of(token)), dict(claims_of(plain))
    assert bound.pop("cnf") == {"jkt": holder.key.thumbprint()}
    assert claims["exp"] - time.time() <= 300
    assert {**claims, "exp": 0} == {**bound, "exp": 0}
    assert (await holder.machines.verify(plain)).confirmation == ""
    again = await holder.call(token, holder.prove(token))
    assert again.headers["authorization"] == answer.headers["authorization"]


async def test_a_call_over_grpc_is_proven_by_its_own_path(holder: Holder) -> None:
    """Auth statement 28."""
    token = await holder.token()
    path = LOOK.removeprefix("/internal/exchange")
    headers = {
        "authorization": f"DPoP {token}",
        "dpop": holder.prove(token, htm="POST", htu=f"{ISSUER}{path}"),
    }
    assert (await holder.machines.http.post(LOOK, headers=headers)).status_code == 200


async def test_every_other_proof_or_token_is_refused_alike(holder: Holder) -> None:
    """Auth statement 28."""
    token, other = await holder.token(), ECKey.generate_key("P-256")
    proof = holder.prove(token)
    assert (await holder.call(token, proof)).status_code == 200
    unbound = await holder.token(confirmation="")
    expired = await holder.token(lifetime=timedelta(seconds=-10))
    somebodys = await holder.token(key=other)
    abroad = await holder.token(audience=("elsewhere",))
    refused = {
        "used before": await holder.call(token, proof),
        "none": await holder.call(token),
        "two": await holder.call(token, holder.prove(token), holder.prove(token)),
        "of another key": await holder.call(token, holder.prove(token, key=other)),
        "of another token": await holder.call(token, holder.prove(unbound)),
        "of another method": await holder.call(token, holder.prove(token, htm="POST")),
        "of another path": await holder.call(token, holder.prove(token, htu=f"{ISSUER}/library/v1/books/2")),
        "old": await holder.call(token, holder.prove(token, iat=int(time.time()) - 100)),
        "of a token of somebody else": await holder.call(somebodys, holder.prove(somebodys)),
        "of a token that is bound to nothing": await holder.call(unbound, holder.prove(unbound)),
        "of an expired token": await holder.call(expired, holder.prove(expired)),
        "of a token for others": await holder.call(abroad, holder.prove(abroad)),
        "of no token": await holder.call("x", holder.prove("x")),
        "beside a key": await holder.call(token, holder.prove(token), x_api_key="tnk_x"),
        "with a nonce that is not ours": await holder.call(token, holder.prove(token, nonce="x")),
    }
    assert {name for name, answer in refused.items() if answer.status_code != 401} == set()
    assert all(answer.headers["www-authenticate"].startswith("DPoP ") for answer in refused.values())
    assert not [name for name, answer in refused.items() if "authorization" in answer.headers]
    challenge = refused["with a nonce that is not ours"].headers
    assert 'error="use_dpop_nonce"' in challenge["www-authenticate"]
    retried = await holder.call(token, holder.prove(token, nonce=challenge["dpop-nonce"]))
    assert retried.status_code == 200


async def test_a_revoked_token_is_exchanged_no_more_within_five_seconds(holder: Holder) -> None:
    """Auth statement 25."""
    token = await holder.token()
    assert (await holder.call(token, holder.prove(token))).status_code == 200
    await SqlRevocations(holder.database).revoke([of_token(claims_of(token)["jti"])])
    end = time.monotonic() + 5
    while (await holder.call(token, holder.prove(token))).status_code == 200:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


class TestRedisReplays(ReplaysConformance):
    """The adapter of `Replays` in Redis."""

    @pytest.fixture
    def replays(self, redis: Redis) -> RedisReplays:
        return RedisReplays(redis, "test")

    async def test_what_was_used_is_forgotten_when_it_cannot_be_used_again(self, redis: Redis) -> None:
        await RedisReplays(redis, "test").is_first("a", timedelta(seconds=90))
        assert 60 < await redis.ttl("auth:once:test:a") <= 91
