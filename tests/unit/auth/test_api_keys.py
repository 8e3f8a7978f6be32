"""What API keys are, who gets them, and what they are exchanged for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.accounts import Granter
from services.auth.domain.api_keys import ApiKeys, KeyText, Listed, Wish, make_key, read_key
from services.auth.domain.errors import (
    ApiKeyExpiryInvalid,
    ApiKeyInvalid,
    ApiKeyOwnerInvalid,
    ApiKeyScopesExceedOwner,
    ApiKeysThrottled,
    ApiKeyUnknown,
    GrantExceedsOwn,
    TooManyApiKeys,
)
from services.auth.domain.exchanging import Exchanged, KeyExchange, Remembered, Uses
from services.auth.domain.sessions import Origin
from tests.fakes.auth import START, FakeClock, FakePeople, FakeRevocations, FakeTokens
from tests.fakes.auth_factors import FakeAudit
from tests.fakes.auth_machines import FakeApiKeys
from tests.fakes.auth_machines_conformance import ApiKeysConformance

if TYPE_CHECKING:
    from services.auth.domain.api_keys import ApiKey

ROBOT = "serviceAccounts/robot"
ADMIN = Granter(organization="default", subject="users/admin", held=frozenset({"*"}))


@dataclass
class FakeRevoked:
    """What was revoked, by the grant."""

    grants: set[str] = field(default_factory=set)

    def concerns(self, claims: Exchanged) -> bool:
        return claims.grant in self.grants


@dataclass
class Desk:
    """Keys, and their exchange, with a fake behind every port."""

    clock: FakeClock = field(default_factory=FakeClock)
    people: FakePeople = field(default_factory=FakePeople)
    kept: FakeApiKeys = field(default_factory=FakeApiKeys)
    revocations: FakeRevocations = field(default_factory=FakeRevocations)
    revoked: FakeRevoked = field(default_factory=FakeRevoked)
    audit: FakeAudit = field(default_factory=FakeAudit)

    def __post_init__(self) -> None:
        self.people.add_role("roles/administrator", "*")
        self.people.add_role("roles/reader", "library.*")
        self.people.add_user("users/admin", "roles/administrator")
        self.people.add_user(ROBOT, "roles/reader", email="none")
        self.tokens = FakeTokens(clock=self.clock)
        self.uses = Uses()
        self.keys = ApiKeys(
            kept=self.kept,
            directory=self.people,
            revocations=self.revocations,
            changes=self.people,
            audit=self.audit,
            clock=self.clock,
        )
        self.exchange = KeyExchange(
            kept=self.kept,
            directory=self.people,
            tokens=self.tokens,
            audit=self.audit,
            remembered=Remembered(revoked=self.revoked),
            uses=self.uses,
            clock=self.clock,
        )

    async def take(self, text: str) -> Exchanged:
        return await self.exchange.exchange(text, Origin(address="192.0.2.7", agent="robot/1"))

    async def make(
        self, *scopes: str, days: int = 0, granter: Granter = ADMIN, owner: str = ROBOT
    ) -> tuple[ApiKey, str]:
        expires = START + timedelta(days=days) if days else None
        wish = Wish(owner=owner, display_name="", scopes=scopes or ("library.*",), expires=expires)
        key, text = await self.keys.create(granter, wish)
        return key, str(text)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_key_is_read_as_it_was_written() -> None:
    for _ in range(50):
        key = make_key()
        assert read_key(str(key)) == key
        assert len(str(key)) == 3 + 1 + 12 + 1 + 32 + 1 + 6


def test_every_typo_of_one_letter_is_told_from_a_guess() -> None:
    """Auth statement 45."""
    text = str(KeyText(id="0" * 12, secret="a" * 32))
    for place in range(len(text)):
        for letter in "b1_é ":
            if text[place] != letter:
                assert read_key(text[:place] + letter + text[place + 1 :]) is None
    assert read_key(text[:-1]) is read_key(f" {text}") is read_key(f"{text}\n") is read_key("") is None


def test_keys_differ_and_their_secrets_have_more_than_128_bits() -> None:
    """Auth statement 45."""
    assert len({make_key().secret for _ in range(100)}) == 100
    assert 62**32 > 2**128


def test_a_secret_is_in_no_description() -> None:
    key = make_key()
    assert key.secret not in repr(key)


async def test_the_text_is_given_once_and_a_digest_kept(desk: Desk) -> None:
    """Auth statement 45."""
    key, text = await desk.make("library.books.get", "library.*")
    assert key.scopes == ("library.*",)
    assert text.split("_")[2] not in repr(desk.kept.keys)
    assert desk.audit.kinds() == ["api_key.created"]
    assert text.split("_")[2] not in repr(desk.audit.entries)


async def test_nobody_gets_a_key_that_opens_more_than_caller_and_owner_hold(desk: Desk) -> None:
    clerk = Granter(organization="default", subject="workload", held=frozenset({"library.*"}))
    with pytest.raises(GrantExceedsOwn):
        await desk.make("shop.*", granter=clerk)
    with pytest.raises(ApiKeyScopesExceedOwner):
        await desk.make("shop.*")
    await desk.make("library.books.get", granter=clerk)


async def test_nobody_gets_a_key_that_acts_as_somebody_mightier(desk: Desk) -> None:
    """However narrow its scopes are, it would reach what is the owner's own."""
    clerk = Granter(organization="default", subject="workload", held=frozenset({"library.books.get"}))
    for owner in (ROBOT, "users/admin"):
        with pytest.raises(GrantExceedsOwn):
            await desk.make("library.books.get", granter=clerk, owner=owner)
    narrowed = replace(ADMIN, held=frozenset({"library.books.get"}))
    key, _ = await desk.make("library.books.get", granter=narrowed, owner="users/admin")
    assert key.owner == "users/admin", "everybody gets keys of their own"


async def test_a_key_needs_an_owner_who_may_act(desk: Desk) -> None:
    with pytest.raises(ApiKeyOwnerInvalid):
        await desk.make(owner="serviceAccounts/none")
    desk.people.change(ROBOT, disabled=True)
    with pytest.raises(ApiKeyOwnerInvalid):
        await desk.make()


@pytest.mark.parametrize("days", [-1, 1828])
async def test_a_key_expires_within_five_years(desk: Desk, days: int) -> None:
    with pytest.raises(ApiKeyExpiryInvalid):
        await desk.make(days=days)


async def test_an_owner_has_so_many_keys_and_no_more(desk: Desk) -> None:
    for _ in range(50):
        await desk.make()
    with pytest.raises(TooManyApiKeys):
        await desk.make()


async def test_keys_of_others_are_as_if_they_were_not_there(desk: Desk) -> None:
    """Auth statement 46."""
    key, _ = await desk.make()
    for organization, owner in (("other", ""), ("default", "users/ann")):
        with pytest.raises(ApiKeyUnknown):
            await desk.keys.get(organization, key.name, owner=owner)
        stranger = replace(ADMIN, organization=organization)
        with pytest.raises(ApiKeyUnknown):
            await desk.keys.revoke(stranger, key.name, owner=owner)
        with pytest.raises(ApiKeyUnknown):
            await desk.keys.delete(stranger, key.name, owner=owner)
    assert await desk.keys.list(Listed(organization="other", limit=10)) == []


@pytest.mark.parametrize("how", ["revoke", "delete"])
async def test_who_ends_a_key_ends_its_tokens(desk: Desk, how: str) -> None:
    """Auth statement 45."""
    key, text = await desk.make()
    await desk.take(text)
    await getattr(desk.keys, how)(ADMIN, key.name)
    assert f"grant:{key.name}" in desk.revocations.kept
    desk.revoked.grants.add(key.name)
    with pytest.raises(ApiKeyInvalid):
        await desk.take(text)


async def test_a_token_of_a_key_has_no_session_and_what_owner_and_scopes_share(desk: Desk) -> None:
    """Auth statement 45."""
    key, text = await desk.make("library.*", days=1)
    desk.people.add_role("roles/reader", "library.books.*", "shop.*")
    await desk.take(text)
    grant = desk.tokens.issued[-1]
    assert (grant.subject, grant.permissions) == (ROBOT, frozenset({"library.books.*"}))
    assert (grant.session, grant.authentication, grant.family) == ("", None, key.name)
    assert grant.lifetime == timedelta(minutes=5)


async def test_a_token_is_given_again_until_it_is_old_or_revoked(desk: Desk) -> None:
    key, text = await desk.make()
    first = await desk.take(text)
    assert await desk.take(text) is first
    desk.revoked.grants.add(key.name)
    second = await desk.take(text)
    assert second.text != first.text
    desk.revoked.grants.clear()
    desk.clock.advance(minutes=9, seconds=1)
    assert (await desk.take(text)).text != second.text


async def test_few_tokens_are_remembered() -> None:
    remembered = Remembered(revoked=FakeRevoked(), capacity=2)
    token = Exchanged(text="t", expires=START + timedelta(hours=1), issued=0, subject=ROBOT, organization="default")
    for digest in (b"a", b"b", b"c"):
        remembered.keep(digest, token)
    assert [bool(remembered.find(digest, START)) for digest in (b"a", b"b", b"c")] == [False, True, True]


async def test_an_unknown_key_and_a_wrong_secret_cost_the_same_work(desk: Desk) -> None:
    """Auth statement 45."""
    key, _ = await desk.make()
    desk.kept.looked_up.clear()
    answers = set()
    for forged in (make_key(), KeyText(id=key.id, secret=make_key().secret)):
        with pytest.raises(ApiKeyInvalid) as refused:
            await desk.take(str(forged))
        answers.add((refused.value.message, str(refused.value.metadata)))
    assert len(answers) == 1
    assert len(desk.kept.looked_up) == 2
    assert not desk.tokens.issued


async def test_a_typo_asks_no_database(desk: Desk) -> None:
    _, text = await desk.make()
    with pytest.raises(ApiKeyInvalid):
        await desk.take(text[:-1] + ("0" if text[-1] != "0" else "1"))
    assert not desk.kept.looked_up


async def test_a_key_opens_nothing_once_it_is_over_or_its_owner_may_not_act(desk: Desk) -> None:
    _, text = await desk.make(days=1)
    desk.clock.advance(days=1)
    with pytest.raises(ApiKeyInvalid):
        await desk.take(text)
    _, other = await desk.make(days=3)
    desk.people.change(ROBOT, disabled=True)
    with pytest.raises(ApiKeyInvalid):
        await desk.take(other)


async def test_a_use_is_noted_once_a_minute(desk: Desk) -> None:
    """Auth statement 45."""
    key, text = await desk.make()
    await desk.take(text)
    assert dict(desk.uses.take()) == {key.id: START}
    for _ in range(5):
        desk.clock.advance(seconds=11)
        await desk.take(text)
    assert not desk.uses.take()
    desk.clock.advance(seconds=5)
    await desk.take(text)
    assert list(desk.uses.take()) == [key.id]


async def test_use_and_use_in_vain_are_written_down_with_where_from(desk: Desk) -> None:
    """Auth statement 49."""
    key, text = await desk.make()
    await desk.take(text)
    await desk.keys.revoke(ADMIN, key.name)
    desk.revoked.grants.add(key.name)
    with pytest.raises(ApiKeyInvalid):
        await desk.take(text)
    assert desk.audit.kinds() == ["api_key.created", "api_key.exchanged", "api_key.revoked", "api_key.refused"]
    refused = desk.audit.entries[-1]
    assert (refused.outcome, refused.address, refused.factor) == ("failure", "192.0.2.7", "api_key")
    assert text.split("_")[2] not in repr(desk.audit.entries)


async def test_a_key_that_is_over_does_not_fill_the_trail(desk: Desk) -> None:
    key, text = await desk.make()
    await desk.keys.revoke(ADMIN, key.name)
    for _ in range(5):
        with pytest.raises(ApiKeyInvalid):
            await desk.take(text)
    assert desk.audit.kinds().count("api_key.refused") == 1
    desk.clock.advance(minutes=1)
    with pytest.raises(ApiKeyInvalid):
        await desk.take(text)
    assert desk.audit.kinds().count("api_key.refused") == 2


class TestFakeApiKeys(ApiKeysConformance):
    """The fake of `ApiKeyStore`."""

    @pytest.fixture
    def kept(self) -> FakeApiKeys:
        return FakeApiKeys()


async def test_whoever_tries_bad_keys_waits_and_keys_in_use_do_not(desk: Desk) -> None:
    """A key is too long to be guessed: what is limited is the work that guessing makes."""
    _, text = await desk.make()
    await desk.take(text)
    _, unused = await desk.make()
    for _ in range(desk.exchange.guesses.free):
        with pytest.raises(ApiKeyInvalid):
            await desk.take(str(make_key()))
    for one in (str(make_key()), unused):
        with pytest.raises(ApiKeysThrottled) as refused:
            await desk.take(one)
        assert refused.value.retry_after == pytest.approx(0.2)
    await desk.take(text)
    await desk.exchange.exchange(unused, Origin(address="192.0.2.8", agent="robot/1"))
    desk.clock.advance(seconds=0.2)
    with pytest.raises(ApiKeyInvalid):
        await desk.take(str(make_key()))
    with pytest.raises(ApiKeysThrottled):
        await desk.take(str(make_key()))
