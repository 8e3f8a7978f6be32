"""Whether proofs of possession are taken only for the request that they were made for (RFC 9449)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from services.auth.domain.errors import DpopNonceNeeded, DpopProofInvalid, ReplayUnavailable
from services.auth.domain.oauth.dpop import ProofVerifier
from services.auth.storage.dpop import JoseProofReader, SealedNonces
from services.chassis.keyring import Keyring, RootKey
from tests.fakes.auth import START, FakeClock
from tests.fakes.auth_machines import FakeReplays
from tests.fakes.auth_machines_conformance import ReplaysConformance

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://tenon.test/oauth2/token"
NOW = START.timestamp()
TOKEN = "an access token"
KEY = ECKey.generate_key("P-256")


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


ATH = base64url(hashlib.sha256(TOKEN.encode()).digest())


def prove(key: Any = KEY, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return a proof that is good but for what is said; a claim of None is left out."""
    body = {"jti": "one", "htm": "POST", "htu": URL, "iat": int(NOW), **claims}
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}
    kept = {name: value for name, value in body.items() if value is not None}
    return jwt.encode({k: v for k, v in head.items() if v is not None}, kept, key, algorithms=[head["alg"]])


@dataclass
class Desk:
    """A verifier with what is around it."""

    clock: FakeClock
    replays: FakeReplays
    proofs: ProofVerifier

    async def take(self, proof: str, *, method: str = "POST", url: str = URL, **more: Any) -> str:
        return await self.proofs.verify_proof(proof, method=method, url=url, **more)


@pytest.fixture
def desk() -> Desk:
    clock = FakeClock()
    replays = FakeReplays(clock=clock)
    sealer = Keyring([RootKey(id="k", secret=b"k" * 32)]).sealer("auth dpop nonce")
    nonces = SealedNonces(sealer, clock=clock)
    return Desk(clock, replays, ProofVerifier(reader=JoseProofReader(), replays=replays, nonces=nonces, clock=clock))


async def test_a_proof_says_the_thumbprint_of_its_key(desk: Desk) -> None:
    """Auth statement 28."""
    assert await desk.take(prove()) == KEY.thumbprint()


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        ("ES256", lambda: ECKey.generate_key("P-256")),
        ("ES384", lambda: ECKey.generate_key("P-384")),
        ("RS256", lambda: RSAKey.generate_key(2048)),
        ("PS256", lambda: RSAKey.generate_key(2048)),
        ("Ed25519", lambda: OKPKey.generate_key("Ed25519")),
    ],
)
async def test_every_announced_algorithm_is_taken(desk: Desk, algorithm: str, make: Callable[[], Any]) -> None:
    """Auth statement 28."""
    key = make()
    assert await desk.take(prove(key, header={"alg": algorithm})) == key.thumbprint()


def hmac_proof() -> str:
    secret = OctKey.import_key(b"s" * 32)
    head = {"typ": "dpop+jwt", "alg": "HS256", "jwk": secret.as_dict(private=True)}
    return jwt.encode(head, {"jti": "one", "htm": "POST", "htu": URL, "iat": int(NOW)}, secret, algorithms=["HS256"])


def unsigned_proof() -> str:
    head = {"typ": "dpop+jwt", "alg": "none", "jwk": KEY.as_dict(private=False)}
    return f"{base64url(json.dumps(head).encode())}.{prove().split('.')[1]}."


BAD: dict[str, Callable[[], str]] = {
    "no proof": lambda: "",
    "no JWT": lambda: "x.y",
    "two proofs": lambda: f"{prove()},{prove(jti='two')}",
    "too long": lambda: prove(more="x" * 9000),
    "another type": lambda: prove(header={"typ": "at+jwt"}),
    "no type": lambda: prove(header={"typ": None}),
    "a header that says more": lambda: prove(header={"x5u": "https://evil.example"}),
    "a private key in it": lambda: prove(header={"jwk": KEY.as_dict(private=True)}),
    "another key in it": lambda: prove(header={"jwk": ECKey.generate_key("P-256").as_dict(private=False)}),
    "a key of another curve": lambda: prove(header={"jwk": ECKey.generate_key("P-384").as_dict(private=False)}),
    "a short RSA key": lambda: prove(
        RSAKey.generate_key(2048), header={"alg": "RS256", "jwk": {"kty": "RSA", "n": "q" * 170, "e": "AQAB"}}
    ),
    "no key": lambda: prove(header={"jwk": None}),
    "a shared secret": hmac_proof,
    "no signature": unsigned_proof,
    "another method": lambda: prove(htm="GET"),
    "the method in small letters": lambda: prove(htm="post"),
    "another path": lambda: prove(htu="https://tenon.test/oauth2/par"),
    "another host": lambda: prove(htu="https://evil.example/oauth2/token"),
    "another port": lambda: prove(htu="https://tenon.test:444/oauth2/token"),
    "another scheme": lambda: prove(htu="http://tenon.test/oauth2/token"),
    "no address": lambda: prove(htu=None),
    "no method": lambda: prove(htm=None),
    "a broken address": lambda: prove(htu="https://[::1/oauth2/token"),
    "no time": lambda: prove(iat=None),
    "too old": lambda: prove(iat=int(NOW) - 61),
    "of the future": lambda: prove(iat=int(NOW) + 16),
    "a time that is no number": lambda: prove(iat="now"),
    "a time that is true": lambda: prove(iat=True),
    "expired": lambda: prove(exp=int(NOW) - 1),
    "not good yet": lambda: prove(nbf=int(NOW) + 60),
    "no id": lambda: prove(jti=None),
    "an empty id": lambda: prove(jti=""),
    "a huge id": lambda: prove(jti="x" * 257),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_proof_that_is_not_of_this_request_is_refused(desk: Desk, name: str) -> None:
    """Auth statement 28."""
    with pytest.raises(DpopProofInvalid):
        await desk.take(BAD[name]())
    assert not desk.replays.used, "what is refused uses up nothing"


async def test_ten_seconds_before_and_after_are_now(desk: Desk) -> None:
    """Auth statement 28."""
    for number, seconds in enumerate((-10, 10)):
        await desk.take(prove(iat=int(NOW) + seconds, jti=f"{number}"))


@pytest.mark.parametrize(
    "url", [f"{URL}?a=1#x", "HTTPS://TENON.test/oauth2/token", "https://tenon.test:443/oauth2/token"]
)
async def test_an_address_is_compared_without_query_and_in_one_form(desk: Desk, url: str) -> None:
    """Auth statement 28."""
    await desk.take(prove(htu=url), url=f"{URL}?b=2")


async def test_a_proof_counts_once_for_as_long_as_it_is_good(desk: Desk) -> None:
    """Auth statement 28."""
    proof = prove()
    await desk.take(proof)
    for _ in range(3):
        desk.clock.advance(seconds=19)
        with pytest.raises(DpopProofInvalid, match="before"):
            await desk.take(proof)
    other = ECKey.generate_key("P-256")
    desk.clock.advance(seconds=-57)
    # The id of somebody else's proof is not ours.
    await desk.take(prove(other))


async def test_nothing_is_taken_while_nobody_can_tell_what_was_used(desk: Desk) -> None:
    """Auth statement 49."""
    desk.replays.away = True
    with pytest.raises(ReplayUnavailable):
        await desk.take(prove())


async def test_at_a_resource_a_proof_is_of_one_token(desk: Desk) -> None:
    """Auth statement 28."""
    await desk.take(prove(ath=ATH), access_token=TOKEN)
    for ath in (None, "x", 7, ATH[:-1], base64url(hashlib.sha256(b"another").digest())):
        with pytest.raises(DpopProofInvalid, match="ath"):
            await desk.take(prove(ath=ath, jti="two"), access_token=TOKEN)


async def test_whoever_needs_a_nonce_is_told_it_and_comes_again(desk: Desk) -> None:
    """Auth statement 28."""
    with pytest.raises(DpopNonceNeeded) as told:
        await desk.take(prove(), needs_nonce=True)
    await desk.take(prove(nonce=told.value.nonce), needs_nonce=True)
    for wrong in ("x", told.value.nonce[:-2], "é"):
        with pytest.raises(DpopNonceNeeded):
            await desk.take(prove(nonce=wrong, jti="two"))
    desk.clock.advance(minutes=6)
    old = prove(nonce=told.value.nonce, jti="three", iat=int(NOW) + 360)
    with pytest.raises(DpopNonceNeeded):
        await desk.take(old, needs_nonce=True)


class TestFakeReplays(ReplaysConformance):
    """The fake of `Replays`."""

    @pytest.fixture
    def replays(self) -> FakeReplays:
        return FakeReplays(clock=FakeClock())


def test_the_window_is_what_the_standards_ask_for() -> None:
    assert ProofVerifier.__dataclass_fields__["past"].default == timedelta(seconds=60)
