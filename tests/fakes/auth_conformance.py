"""What every adapter of auth's ports must do, the fakes too: subclass a suite and give it the adapter as a fixture."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.authentication import Authentication
from services.auth.domain.errors import SignInThrottled
from services.auth.domain.families import Family, Proof, Successor
from services.auth.domain.sessions import Session
from services.auth.domain.signing_keys import Rotation, current_key
from services.auth.domain.throttle import Allowance, Attempt, Limits
from tests.fakes.auth import START

if TYPE_CHECKING:
    from services.auth.domain.families import RefreshFamilies
    from services.auth.domain.sessions import SessionStore
    from services.auth.domain.signing_keys import SigningKeys
    from services.auth.domain.throttle import Throttle
    from tests.fakes.auth import FakeClock

HOUR = timedelta(hours=1)
LIMITS = Limits(pair=Allowance(free=2), address=Allowance(free=5), account=Allowance(free=4))


def family_named(name: str, *, session: str = "", client: str = "tenon", confirmation: str = "") -> Family:
    return Family(
        id=name,
        session=session,
        organization="default",
        user="users/1",
        client=client,
        confirmation=confirmation,
        expires=START + 10 * HOUR,
    )


def session_named(name: str, *, user: str = "users/1", organization: str = "default") -> Session:
    return Session(
        id=name,
        organization=organization,
        user=user,
        authentication=Authentication(time=START, methods=("pwd",)),
        created=START,
        used=START,
        expires=START + 10 * HOUR,
    )


async def use(
    kept: RefreshFamilies,
    token: bytes,
    successor: bytes,
    *,
    after: timedelta = timedelta(),
    proof: Proof | None = None,
) -> bool:
    """Rotate a token, and return whether it was good."""
    made = Successor(digest=successor, sealed=b"sealed " + successor, expires=START + 20 * HOUR)
    used = await kept.rotate(token, proof or Proof(), made, now=START + after)
    return used is not None


class FamiliesConformance:
    """For `RefreshFamilies` and `SessionStore`; needs the fixtures `kept` and `sessions`, empty and of one store."""

    async def test_a_token_is_used_once_and_its_successor_after_it(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        assert await use(kept, b"a", b"b")
        assert not await use(kept, b"a", b"c")
        assert await use(kept, b"b", b"d")
        assert await kept.find(b"c") is None

    async def test_of_many_parallel_uses_exactly_one_succeeds(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        results = await asyncio.gather(*(use(kept, b"a", f"b{n}".encode()) for n in range(50)))
        assert sum(results) == 1
        winner = f"b{results.index(True)}".encode()
        found = await kept.find(b"a")
        assert found is not None
        assert found.sealed_successor == b"sealed " + winner
        assert [n for n in range(50) if await kept.find(f"b{n}".encode())] == [results.index(True)]

    async def test_a_successor_does_not_outlive_its_family(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        await use(kept, b"a", b"b")
        found = await kept.find(b"b")
        assert found is not None
        assert found.expires == START + 10 * HOUR

    async def test_an_expired_token_is_not_used(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        assert not await use(kept, b"a", b"b", after=HOUR)
        found = await kept.find(b"a")
        assert found is not None
        assert found.used is None

    async def test_a_token_of_an_ended_family_is_not_used(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        await kept.end("s1", now=START)
        assert not await use(kept, b"a", b"b")
        found = await kept.find(b"a")
        assert found is not None
        assert found.revoked

    async def test_an_unknown_token_is_nothing(self, kept: RefreshFamilies) -> None:
        assert not await use(kept, b"a", b"b")
        assert await kept.find(b"a") is None

    async def test_a_successor_that_was_used_is_told_no_more(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        await kept.open(family_named("s2"), b"x", START + HOUR)
        for token, successor in ((b"x", b"y"), (b"a", b"b"), (b"b", b"c")):
            assert await use(kept, token, successor)
        told = [found.sealed_successor for found in [await kept.find(token) for token in (b"a", b"b", b"x")] if found]
        assert told == [b"", b"sealed c", b"sealed y"]

    async def test_a_token_is_used_by_its_client_and_its_key_alone(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1", client="shop", confirmation="key"), b"a", START + HOUR)
        for wrong in (Proof(client="other", confirmation="key"), Proof(client="shop"), Proof(confirmation="other")):
            assert not await use(kept, b"a", b"x", proof=wrong)
        assert await use(kept, b"a", b"b", proof=Proof(client="shop", confirmation="key"))

    async def test_a_users_sessions_end_together_but_for_one_and_nobody_elses(
        self, kept: RefreshFamilies, sessions: SessionStore
    ) -> None:
        opened = [session_named("1"), session_named("2"), session_named("3", user="users/2")]
        for session in (*opened, session_named("4", organization="other")):
            await sessions.open(session, None)
            family = replace(
                family_named(f"f{session.id}", session=session.id), user=session.user, organization=session.organization
            )
            await kept.open(family, session.id.encode(), START + HOUR)
        await kept.open(family_named("alone"), b"5", START + HOUR)
        await sessions.end_all("default", "users/1", now=START, keep="2")
        tokens = (b"1", b"2", b"3", b"4", b"5")
        assert [await use(kept, token, token * 2) for token in tokens] == [False, True, True, True, False]
        assert [session.id for session in await sessions.list_living("default", "users/1", now=START)] == ["2"]

    async def test_nothing_is_opened_in_a_session_that_has_ended(
        self, kept: RefreshFamilies, sessions: SessionStore
    ) -> None:
        await sessions.open(session_named("1"), b"cookie")
        assert await kept.open(family_named("f1", session="1"), b"a", START + HOUR)
        await sessions.end("1", now=START)
        assert not await kept.open(family_named("f2", session="1"), b"b", START + HOUR)
        assert not await use(kept, b"a", b"c")
        assert await sessions.find_by_cookie(b"cookie") is None

    async def test_a_stronger_session_has_another_cookie(self, sessions: SessionStore) -> None:
        await sessions.open(session_named("1"), b"planted")
        stronger = Authentication(time=START + HOUR, methods=("pwd", "otp"))
        await sessions.strengthen("1", stronger, b"new")
        assert await sessions.find_by_cookie(b"planted") is None
        found = await sessions.find_by_cookie(b"new")
        assert found is not None
        assert found.authentication == stronger

    async def test_pruning_forgets_successors_after_the_grace_and_expired_families(self, kept: RefreshFamilies) -> None:
        await kept.open(family_named("s1"), b"a", START + HOUR)
        await use(kept, b"a", b"b")
        await kept.prune(now=START + timedelta(seconds=5), grace=timedelta(seconds=10))
        found = await kept.find(b"a")
        assert found is not None
        assert found.sealed_successor
        await kept.prune(now=START + timedelta(seconds=15), grace=timedelta(seconds=10))
        found = await kept.find(b"a")
        assert found is not None
        assert found.used == START
        assert not found.sealed_successor
        await kept.prune(now=START + 11 * HOUR, grace=timedelta(seconds=10))
        assert await kept.find(b"a") is None


class ThrottleConformance:
    """For `Throttle` with `LIMITS`; needs the fixtures `throttle`, empty, and `clock`, which it reads."""

    async def test_failures_beyond_the_free_ones_make_longer_and_longer_waits(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        attempt = attempt_from("192.0.2.1")
        for _ in range(3):
            await throttle.admit(attempt)
        assert await wait_of(throttle, attempt) == pytest.approx(1, abs=0.01)
        clock.advance(seconds=1.01)
        await throttle.admit(attempt)
        assert await wait_of(throttle, attempt) == pytest.approx(2, abs=0.01)

    async def test_somebody_who_fails_elsewhere_keeps_nobody_out(self, throttle: Throttle, clock: FakeClock) -> None:
        for _ in range(3):
            await throttle.admit(attempt_from("192.0.2.1"))
        assert await wait_of(throttle, attempt_from("192.0.2.1")) > 0
        await throttle.admit(attempt_from("192.0.2.2"))

    async def test_success_forgets_the_failures_of_the_account_at_its_address(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        attempt = attempt_from("192.0.2.1")
        for _ in range(3):
            await throttle.admit(attempt)
        await throttle.forgive(attempt)
        await throttle.admit(attempt)
        await throttle.admit(attempt)

    async def test_an_attempt_that_was_not_made_does_not_count_and_ends_no_wait(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        attempt = attempt_from("192.0.2.1")
        for _ in range(10):
            await throttle.admit(attempt)
            await throttle.withdraw(attempt)
        for _ in range(3):
            await throttle.admit(attempt)
        await throttle.withdraw(attempt)
        assert await wait_of(throttle, attempt) > 0

    async def test_one_guess_for_each_of_many_accounts_is_stopped_at_its_address(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        for n in range(6):
            await throttle.admit(attempt_from("192.0.2.1", email=f"user{n}@x.test"))
        assert await wait_of(throttle, attempt_from("192.0.2.1", email="user9@x.test")) > 0
        await throttle.admit(attempt_from("192.0.2.2", email="user9@x.test"))

    async def test_many_addresses_cannot_guess_one_password_for_ever(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        for n in range(5):
            await throttle.admit(attempt_from(f"192.0.2.{n}"))
        assert await wait_of(throttle, attempt_from("192.0.2.99")) > 0

    async def test_an_address_that_the_user_signed_in_from_is_never_kept_out_by_others(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        home = attempt_from("198.51.100.1")
        await throttle.admit(home)
        await throttle.forgive(home)
        for n in range(5):
            await throttle.admit(attempt_from(f"192.0.2.{n}"))
        assert await wait_of(throttle, attempt_from("192.0.2.99")) > 0
        await throttle.admit(home)

    async def test_an_address_that_the_user_signed_in_from_gets_its_mails_whoever_else_asks_for_them(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        await throttle.admit(attempt_from("198.51.100.1"))
        await throttle.forgive(attempt_from("198.51.100.1"))
        for n in range(5):
            await throttle.admit(mail_from(f"192.0.2.{n}"))
        assert await wait_of(throttle, mail_from("192.0.2.99")) > 0
        await throttle.admit(mail_from("198.51.100.1"))

    async def test_a_right_password_buys_no_guesses_at_another_factor(
        self, throttle: Throttle, clock: FakeClock
    ) -> None:
        await throttle.admit(attempt_from("198.51.100.1"))
        await throttle.forgive(attempt_from("198.51.100.1"))
        for n in range(5):
            await throttle.admit(replace(attempt_from(f"192.0.2.{n}"), kind="totp"))
        assert await wait_of(throttle, replace(attempt_from("198.51.100.1"), kind="totp")) > 0

    async def test_another_organization_gives_no_further_allowance(self, throttle: Throttle, clock: FakeClock) -> None:
        """Auth statement 35: a member of many organizations has one password, at home."""
        for n in range(3):
            await throttle.admit(replace(attempt_from("192.0.2.1"), organization=f"org{n}"))
        assert await wait_of(throttle, replace(attempt_from("192.0.2.1"), organization="org9")) > 0
        for n in range(2, 4):
            await throttle.admit(replace(attempt_from(f"192.0.2.{n}"), organization=f"org{n}"))
        assert await wait_of(throttle, replace(attempt_from("192.0.2.99"), organization="org9")) > 0

    async def test_success_elsewhere_gives_no_further_guesses(self, throttle: Throttle, clock: FakeClock) -> None:
        """Whoever makes an account with somebody's address in an organization of their own gains nothing by it."""
        own = replace(attempt_from("192.0.2.1"), organization="own")
        for _ in range(2):
            await throttle.admit(attempt_from("192.0.2.1"))
            await throttle.admit(own)
            await throttle.forgive(own)
            clock.advance(seconds=1.01)
        await throttle.admit(attempt_from("192.0.2.1"))
        assert await wait_of(throttle, attempt_from("192.0.2.1")) > 0
        assert await wait_of(throttle, own) > 0

    async def test_parallel_tries_are_all_counted(self, throttle: Throttle, clock: FakeClock) -> None:
        tries = (throttle.admit(attempt_from("192.0.2.1")) for _ in range(20))
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, SignInThrottled) for result in results) == 17


def attempt_from(address: str, *, email: str = "ann@x.test") -> Attempt:
    return Attempt(organization="default", email=email, address=address)


def mail_from(address: str) -> Attempt:
    return replace(attempt_from(address), kind="mail", is_guess=False)


async def wait_of(throttle: Throttle, attempt: Attempt) -> float:
    """Return the seconds that the next attempt has to wait."""
    with pytest.raises(SignInThrottled) as caught:
        await throttle.admit(attempt)
    return caught.value.retry_after or 0.0


class SigningKeysConformance:
    """For `SigningKeys`; needs a fixture `keys`, empty."""

    async def test_the_first_key_signs_at_once(self, keys: SigningKeys) -> None:
        await keys.rotate(Rotation(), now=START)
        key = current_key(await keys.list(), START)
        assert key.private is not None
        assert key.public.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}

    async def test_rotating_twice_makes_one_key(self, keys: SigningKeys) -> None:
        await asyncio.gather(*(keys.rotate(Rotation(), now=START) for _ in range(5)))
        assert len(await keys.list()) == 1

    async def test_the_next_key_is_published_before_it_signs_and_the_old_one_after(self, keys: SigningKeys) -> None:
        rotation = Rotation()
        await keys.rotate(rotation, now=START)
        first = current_key(await keys.list(), START).id
        due = START + rotation.period - rotation.lead
        await keys.rotate(rotation, now=due)
        assert len(await keys.list()) == 2
        assert current_key(await keys.list(), due).id == first
        later = due + rotation.lead
        await keys.rotate(rotation, now=later)
        second = current_key(await keys.list(), later).id
        assert second != first
        assert {key.id for key in await keys.list()} == {first, second}
        await keys.rotate(rotation, now=later + rotation.trail + timedelta(seconds=1))
        assert [key.id for key in await keys.list()] == [second]
