"""Whether the tokens that auth signs are those that the chassis takes, and keys come and go as they must."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.errors import SigningKeyMissing, TokenTooLarge
from services.auth.domain.signing_keys import Rotation, SigningKey, current_key
from services.auth.domain.tokens import Grant
from services.auth.http.keys import render_jwks
from services.auth.storage.signing_keys import RememberedKeys, generate_key
from services.auth.storage.tokens import JwtTokens
from services.chassis.errors import Unavailable
from services.chassis.jwks import Jwks
from services.chassis.revocations import NothingRevoked
from services.chassis.tokens import AudienceMismatch, TokenExpired, TokenVerifier
from tests.fakes.auth import START, FakeClock, FakeSigningKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

ROTATION = Rotation()


def grant(*permissions: str) -> Grant:
    return Grant(
        subject="users/1", organization="acme", permissions=frozenset(permissions), client="tenon", session="s1"
    )


def payload_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def keys(clock: FakeClock) -> FakeSigningKeys:
    made = FakeSigningKeys()
    await made.rotate(ROTATION, now=clock())
    return made


@pytest.fixture
def tokens(keys: FakeSigningKeys, clock: FakeClock) -> JwtTokens:
    return JwtTokens(keys, issuer="https://tenon.test", audience="tenon", clock=clock)


def verifier_of(keys: FakeSigningKeys, clock: FakeClock, *, audience: str = "tenon") -> TokenVerifier:
    jwks = Jwks(fetch=lambda: render_jwks(keys), clock=clock.seconds)
    return TokenVerifier(
        keys=jwks, revoked=NothingRevoked(), issuer="https://tenon.test", audience=audience, clock=clock.seconds
    )


async def test_a_signed_token_is_taken_by_the_chassis_until_it_expires(
    tokens: JwtTokens, keys: FakeSigningKeys, clock: FakeClock
) -> None:
    token = await tokens.issue(grant("shop.*", "auth.users.get"))
    verifier = verifier_of(keys, clock)
    claims = await verifier.verify(token.text)
    assert (claims.subject, claims.organization, claims.session, claims.client) == ("users/1", "acme", "s1", "tenon")
    assert claims.permissions == {"shop.*", "auth.users.get"}
    assert claims.expires == token.expires.timestamp() == (START + timedelta(minutes=10)).timestamp()
    clock.advance(minutes=10, seconds=5)
    with pytest.raises(TokenExpired):
        await verifier.verify(token.text)


async def test_a_token_is_refused_by_another_audience(
    tokens: JwtTokens, keys: FakeSigningKeys, clock: FakeClock
) -> None:
    token = await tokens.issue(grant("*"))
    with pytest.raises(AudienceMismatch):
        await verifier_of(keys, clock, audience="other").verify(token.text)


async def test_a_token_has_the_claims_of_the_profile_and_no_two_are_alike(tokens: JwtTokens) -> None:
    payloads = [payload_of((await tokens.issue(grant("*"))).text) for _ in range(2)]
    assert payloads[0].keys() >= {"iss", "aud", "sub", "org", "permissions", "exp", "iat", "nbf", "jti", "client_id"}
    assert payloads[0]["jti"] != payloads[1]["jti"]


async def test_permissions_are_a_list_without_what_a_wider_one_covers(tokens: JwtTokens) -> None:
    token = await tokens.issue(grant("shop.*", "shop.orders.*", "shop.orders.get", "auth.users.get"))
    assert payload_of(token.text)["permissions"] == ["auth.users.get", "shop.*"]
    assert payload_of((await tokens.issue(grant())).text)["permissions"] == []


async def test_a_token_that_would_be_too_large_is_not_signed(tokens: JwtTokens) -> None:
    with pytest.raises(TokenTooLarge, match="Grant wider patterns"):
        await tokens.issue(grant(*(f"a_long_service_name.resource{n}.*" for n in range(120))))
    token = await tokens.issue(grant(*(f"service.resource{n}.*" for n in range(100))))
    assert len(token.text) <= 4000


async def test_tokens_of_the_old_key_are_taken_after_the_new_one_signs(
    tokens: JwtTokens, keys: FakeSigningKeys, clock: FakeClock
) -> None:
    verifier = verifier_of(keys, clock)
    clock.now = START + ROTATION.period - ROTATION.lead
    await keys.rotate(ROTATION, now=clock())
    clock.advance(minutes=14, seconds=59)
    old = await tokens.issue(grant("*"))
    await verifier.verify(old.text)
    clock.advance(seconds=1)
    new = await tokens.issue(grant("*"))
    assert old.text.split(".")[0] != new.text.split(".")[0]
    await verifier.verify(new.text)
    clock.advance(minutes=9)
    await keys.rotate(ROTATION, now=clock())
    await verifier_of(keys, clock).verify(old.text)


async def test_only_public_members_are_published(keys: FakeSigningKeys) -> None:
    document = json.loads(await render_jwks(keys))
    assert [key.keys() for key in document["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]


async def test_without_a_key_nothing_is_signed(clock: FakeClock) -> None:
    tokens = JwtTokens(FakeSigningKeys(), issuer="https://tenon.test", audience="tenon", clock=clock)
    with pytest.raises(SigningKeyMissing):
        await tokens.issue(grant("*"))


def test_a_key_that_cannot_be_unsealed_is_replaced_at_once_and_stays_published() -> None:
    lost = generate_key(START)
    lost = SigningKey(id=lost.id, public=lost.public, private=None, activates=START)
    now = START + timedelta(hours=1)
    assert ROTATION.next_activation([lost], now) == now
    fresh = generate_key(now)
    assert current_key([lost, fresh], now).id == fresh.id
    assert ROTATION.outdated([lost, fresh], now + ROTATION.trail) == []
    assert ROTATION.outdated([lost, fresh], now + ROTATION.trail + timedelta(seconds=1)) == [lost.id]


async def test_keys_are_remembered_through_an_outage(clock: FakeClock) -> None:
    class Flaky(FakeSigningKeys):
        down = False

        async def list(self) -> Sequence[SigningKey]:
            if self.down:
                raise Unavailable("down")
            return tuple(self.keys)

    kept = Flaky()
    remembered = RememberedKeys(kept, clock=clock.seconds)
    kept.down = True
    with pytest.raises(Unavailable):
        await remembered.list()
    kept.down = False
    await kept.rotate(ROTATION, now=clock())
    assert len(await remembered.list()) == 1
    kept.down = True
    clock.advance(minutes=5)
    assert len(await remembered.list()) == 1


def test_no_private_key_is_printed() -> None:
    key = generate_key(START)
    assert key.private is not None
    assert key.private["d"] not in repr(key)
