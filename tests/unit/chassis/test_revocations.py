"""A token that was taken back is refused from the next look on, and what is known outlives an outage of auth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from services.chassis.errors import Unavailable
from services.chassis.jwks import Jwks
from services.chassis.revocations import NothingRevoked, RevokedTokens, keys_of, read_revocations, write_revocations
from services.chassis.tokens import Claims, RevocationsUnavailable, TokenRevoked, TokenVerifier
from tests.fakes.chassis_frame import fake_telemetry
from tests.unit.chassis.test_tokens import KEY, NOW, Clock, Issuer, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.revocations import Revoked

FOR_EVER = float(2**53)
CLAIMS = Claims(
    subject="users/1",
    organization="default",
    permissions=frozenset(),
    expires=NOW + 600,
    issued=NOW,
    session="s",
    client="tenon",
    grant="g",
    token_id="j",
    key_id="k",
)


@dataclass
class Source:
    """Where revocations come from; it can be down, and says nothing where nothing has changed."""

    before: dict[str, float] = field(default_factory=dict)
    error: Exception | None = None
    unchanged: bool = False
    looks: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self) -> Mapping[str, float] | None:
        self.looks += 1
        self.looked.set()
        if self.error is not None:
            raise self.error
        return None if self.unchanged else dict(self.before)


def verifier_of(revoked: Revoked, clock: Clock) -> TokenVerifier:
    keys = Jwks(fetch=Issuer().fetch, clock=clock)
    return TokenVerifier(keys=keys, revoked=revoked, issuer="https://tenon.test", audience="tenon", clock=clock)


@pytest.mark.parametrize(
    "key",
    [
        *("session:s", "grant:g", "subject:users/1", "client:tenon", "token:j"),
        *("organization:default", "acting:default/users/1", f"key:{KEY.kid}"),
    ],
)
async def test_a_token_is_taken_back_by_whatever_it_belongs_to(key: str) -> None:
    """Auth statement 41: whatever ends takes its access tokens along."""
    source = Source()
    revoked = RevokedTokens(fetch=source.fetch)
    verifier = verifier_of(revoked, Clock())
    await revoked.look()
    token = sign(grant="g")
    assert (await verifier.verify(token)).grant == "g"
    source.before = {key: FOR_EVER}
    await revoked.look()
    for _ in range(2):
        with pytest.raises(TokenRevoked) as caught:
            await verifier.verify(token)
        assert caught.value.claims is not None
        assert caught.value.claims.subject == "users/1"
    with pytest.raises(TokenRevoked):
        await verifier_of(revoked, Clock()).verify(token)


@pytest.mark.parametrize(
    "key",
    [
        *("session:", "session:s2", "session:users/1", "subject:s", "subject:users/12", "token:", "grant:s", "s"),
        *("acting:other/users/1", "acting:default/users/12"),
    ],
)
async def test_a_token_is_not_taken_back_by_what_it_does_not_belong_to(key: str) -> None:
    revoked = RevokedTokens(fetch=Source(before={key: FOR_EVER}).fetch)
    await revoked.look()
    assert not revoked.concerns(CLAIMS)


@pytest.mark.parametrize(("before", "good"), [(NOW, True), (NOW + 1, False), (NOW - 1, True), (FOR_EVER, False)])
async def test_what_is_issued_later_is_good_again(before: float, good: bool) -> None:
    """Auth statement 47: a change of roles takes back the tokens before it, and none after it."""
    revoked = RevokedTokens(fetch=Source(before={"subject:users/1": before}).fetch)
    await revoked.look()
    assert revoked.concerns(CLAIMS) is not good


async def test_a_token_that_does_not_say_when_it_was_issued_is_old() -> None:
    revoked = RevokedTokens(fetch=Source(before={"subject:users/1": 1}).fetch)
    await revoked.look()
    with pytest.raises(TokenRevoked):
        await verifier_of(revoked, Clock()).verify(sign(iat=None))


async def test_what_is_pruned_is_forgotten() -> None:
    source = Source(before={"session:s": FOR_EVER})
    revoked = RevokedTokens(fetch=source.fetch)
    verifier = verifier_of(revoked, Clock())
    await revoked.look()
    with pytest.raises(TokenRevoked):
        await verifier.verify(sign())
    source.before = {}
    await revoked.look()
    await verifier.verify(sign())


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("down"), OSError("no certificate"), ValueError("no set"), Unavailable("no database")],
    ids=lambda error: type(error).__name__,
)
async def test_the_set_outlives_an_outage_of_auth(error: Exception) -> None:
    clock = Clock()
    source = Source(before={"session:s": FOR_EVER})
    revoked = RevokedTokens(fetch=source.fetch, clock=clock)
    verifier = verifier_of(revoked, clock)
    assert await revoked.look()
    source.error = error
    for _ in range(7):
        clock.now += 10
        assert not await revoked.look()
    assert revoked.age == 70
    with pytest.raises(TokenRevoked):
        await verifier.verify(sign())
    await verifier.verify(sign(sid="another"))
    source.error = None
    assert await revoked.look()
    assert revoked.age == 0


async def test_while_nothing_is_known_nobody_is_let_in() -> None:
    """Auth statement 49: where it cannot be decided, the answer is no."""
    revoked = RevokedTokens(fetch=Source(error=httpx.ConnectError("down")).fetch)
    verifier = verifier_of(revoked, Clock())
    assert not await revoked.look()
    for _ in range(2):
        with pytest.raises(RevocationsUnavailable):
            await verifier.verify(sign())


async def test_an_empty_set_is_known() -> None:
    revoked = RevokedTokens(fetch=Source().fetch)
    await revoked.look()
    await verifier_of(revoked, Clock()).verify(sign())


async def test_what_has_not_changed_is_as_fresh_as_what_has() -> None:
    clock = Clock()
    source = Source(before={"session:s": FOR_EVER})
    revoked = RevokedTokens(fetch=source.fetch, clock=clock)
    await revoked.look()
    version, source.unchanged = revoked.version, True
    clock.now += 30
    assert await revoked.look()
    assert (revoked.age, revoked.version) == (0, version)
    assert revoked.before == source.before


async def test_the_set_is_looked_for_often_until_it_is_there() -> None:
    source = Source(error=httpx.ConnectError("down"))
    revoked = RevokedTokens(fetch=source.fetch, period=0.05)
    task = asyncio.create_task(revoked.run())
    async with asyncio.timeout(5):
        await source.looked.wait()
        source.error = None
        while not revoked.version:
            source.looked.clear()
            await source.looked.wait()
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_age_and_the_size_of_the_set_are_measured() -> None:
    telemetry = fake_telemetry()
    clock = Clock()
    revoked = RevokedTokens(fetch=Source(before={"session:s": FOR_EVER}).fetch, clock=clock)
    revoked.measure(telemetry)
    assert b"tenon_revocations_age" not in telemetry.render_metrics()
    await revoked.look()
    clock.now += 7
    metrics = telemetry.render_metrics().decode()
    assert "tenon_revocations_age_seconds 7.0" in metrics
    assert "tenon_revocations_size 1.0" in metrics


def test_a_document_says_what_its_set_says() -> None:
    before = {"session:s": FOR_EVER, "subject:users/ü": 1_800_000_000.0}
    assert read_revocations(write_revocations(before)) == before


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"revocations": []}',
        b'{"revocations": {"a": "1"}}',
        b'{"revocations": {"a": true}}',
        b"\xff",
    ],
)
def test_what_is_no_set_is_not_taken_for_an_empty_one(document: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of Python's reader or ours
        read_revocations(document)


def test_a_claim_that_is_not_there_has_no_key() -> None:
    bare = Claims(subject="users/1", organization="", permissions=frozenset(), expires=NOW)
    assert keys_of(bare) == ("subject:users/1",)
    assert not NothingRevoked().concerns(bare)
