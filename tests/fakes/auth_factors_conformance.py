"""What every adapter of the ports of sign-in and factors must do, the fakes too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from services.auth.domain.factors.authenticators import PASSKEY, TOTP, Authenticator, Enrolment
from services.auth.domain.factors.kinds import Factor
from services.auth.domain.factors.mailed import MailedProof
from services.auth.domain.sign_in_attempts import SignInAttempt
from tests.fakes.auth import START

if TYPE_CHECKING:
    from services.auth.domain.factors.authenticators import Authenticators, Enrolments
    from services.auth.domain.factors.mailed import MailedProofs
    from services.auth.domain.sign_in_attempts import SignInAttempts

LATER = START + timedelta(minutes=10)
ATTEMPT = SignInAttempt(
    id=b"a" * 32,
    organization="default",
    email="nul\ufffd@x.test",
    user="users/1",
    level="aal2",
    session="s",
    prior=("pwd",),
    shown=(Factor.PASSKEY, Factor.TOTP),
    methods=("hwk", "otp"),
    time=START,
    challenge=b"c",
    failures=2,
    mails=1,
    expires=LATER,
)
CODE = MailedProof(
    handle=b"h" * 32,
    purpose="sign_in",
    organization="default",
    email="a@x.test",
    user="users/1",
    code=b"c" * 32,
    expires=LATER,
)
LINK = replace(CODE, handle=b"g" * 32, code=b"", link=b"l" * 32)
APP = Authenticator(
    id="app", organization="default", user="users/1", kind=TOTP, display_name="Phone", created=START, seed=b"sealed"
)
KEY = Authenticator(
    id="key",
    organization="default",
    user="users/1",
    kind=PASSKEY,
    display_name="Key",
    created=START + timedelta(seconds=1),
    credential=b"id",
    public_key=b"public",
    sign_count=3,
    backup_eligible=True,
    transports=("usb", "nfc"),
)
ENROLMENT = Enrolment(
    id=b"e" * 32,
    organization="default",
    user="users/1",
    kind=PASSKEY,
    display_name="Key",
    seed=b"s",
    challenge=b"c",
    expires=LATER,
)


class AttemptsConformance:
    """For adapters of `SignInAttempts`."""

    async def test_an_attempt_comes_back_as_it_was_until_it_expires(self, attempts: SignInAttempts) -> None:
        await attempts.open(ATTEMPT)
        assert await attempts.find(ATTEMPT.id, now=START) == ATTEMPT
        assert await attempts.find(ATTEMPT.id, now=LATER) is None
        assert await attempts.find(b"another", now=START) is None

    async def test_of_many_steps_at_once_one_counts(self, attempts: SignInAttempts) -> None:
        await attempts.open(ATTEMPT)
        steps = [attempts.save(replace(ATTEMPT, failures=n)) for n in range(20)]
        saved = await asyncio.gather(*steps)
        assert sum(saved) == 1
        found = await attempts.find(ATTEMPT.id, now=START)
        assert found == replace(ATTEMPT, failures=saved.index(True), version=1)
        assert await attempts.save(replace(ATTEMPT, version=1))

    async def test_it_is_closed_once_and_not_behind_a_step(self, attempts: SignInAttempts) -> None:
        await attempts.open(ATTEMPT)
        await attempts.save(ATTEMPT)
        assert not await attempts.close(ATTEMPT.id, 0)
        assert sum(await asyncio.gather(*(attempts.close(ATTEMPT.id, 1) for _ in range(10)))) == 1
        assert await attempts.find(ATTEMPT.id, now=START) is None
        assert not await attempts.save(replace(ATTEMPT, version=1))

    async def test_what_has_expired_is_forgotten(self, attempts: SignInAttempts) -> None:
        await attempts.open(ATTEMPT)
        await attempts.prune(now=LATER)
        assert await attempts.find(ATTEMPT.id, now=START) is not None
        await attempts.prune(now=LATER + timedelta(seconds=1))
        assert await attempts.find(ATTEMPT.id, now=START) is None


class MailedProofsConformance:
    """For adapters of `MailedProofs`."""

    async def test_a_code_bears_so_many_tries_however_many_come_at_once(self, proofs: MailedProofs) -> None:
        await proofs.keep(CODE)
        tried = await asyncio.gather(*(proofs.try_code(CODE.handle, tries=5, now=START) for _ in range(20)))
        assert sum(one == CODE for one in tried) == 5
        assert sum(one is None for one in tried) == 15

    async def test_a_new_code_takes_the_place_of_the_one_before(self, proofs: MailedProofs) -> None:
        await proofs.keep(CODE)
        for _ in range(5):
            await proofs.try_code(CODE.handle, tries=5, now=START)
        other = replace(CODE, code=b"d" * 32)
        await proofs.keep(other)
        assert await proofs.try_code(CODE.handle, tries=5, now=START) == other

    async def test_a_link_is_found_until_it_expires_and_is_no_code(self, proofs: MailedProofs) -> None:
        await proofs.keep(LINK)
        assert await proofs.find_link(LINK.link, now=START) == LINK
        assert await proofs.find_link(LINK.link, now=LATER) is None
        assert await proofs.find_link(b"another", now=START) is None
        assert await proofs.try_code(LINK.handle, tries=5, now=START) is None

    async def test_each_is_used_once(self, proofs: MailedProofs) -> None:
        await proofs.keep(CODE)
        await proofs.keep(LINK)
        for one in (CODE, LINK):
            assert sum(await asyncio.gather(*(proofs.use(one.handle) for _ in range(10)))) == 1
        assert await proofs.try_code(CODE.handle, tries=5, now=START) is None
        assert await proofs.find_link(LINK.link, now=START) is None

    async def test_what_has_expired_does_nothing_and_is_forgotten(self, proofs: MailedProofs) -> None:
        await proofs.keep(CODE)
        assert await proofs.try_code(CODE.handle, tries=5, now=LATER) is None
        await proofs.prune(now=LATER + timedelta(seconds=1))
        assert not await proofs.use(CODE.handle)


class AuthenticatorsConformance:
    """For adapters of `Authenticators`."""

    async def test_they_come_back_as_they_were_the_oldest_first(self, kept: Authenticators) -> None:
        assert await kept.add(KEY)
        assert await kept.add(APP)
        assert list(await kept.list_of("default", "users/1")) == [APP, KEY]
        assert list(await kept.list_of("other", "users/1")) == []
        assert await kept.find_passkey(b"id") == KEY
        assert await kept.find_passkey(b"") is None

    async def test_a_passkey_is_one_users_and_apps_are_many(self, kept: Authenticators) -> None:
        assert await kept.add(KEY)
        assert not await kept.add(replace(KEY, id="other", user="users/2", organization="other"))
        assert await kept.add(APP)
        assert await kept.add(replace(APP, id="second"))

    async def test_a_code_is_used_up_once_and_none_before_it_is_good_after(self, kept: Authenticators) -> None:
        await kept.add(APP)
        used = await asyncio.gather(*(kept.use_step("app", 7, now=START) for _ in range(10)))
        assert sum(used) == 1
        assert not await kept.use_step("app", 6, now=START)
        assert await kept.use_step("app", 8, now=START)
        assert [one.used for one in await kept.list_of("default", "users/1")] == [START]

    async def test_a_count_that_goes_back_suspends(self, kept: Authenticators) -> None:
        await kept.add(KEY)
        assert await kept.count_signature("key", 4, now=START)
        assert not await kept.count_signature("key", 4, now=START)
        found = await kept.find_passkey(b"id")
        assert found is not None
        assert (found.suspended, found.sign_count) == (True, 4)
        assert not await kept.count_signature("key", 5, now=START)

    async def test_a_passkey_that_never_counts_is_believed(self, kept: Authenticators) -> None:
        await kept.add(replace(KEY, sign_count=0))
        assert await kept.count_signature("key", 0, now=START)
        assert await kept.count_signature("key", 1, now=START)
        assert not await kept.count_signature("key", 0, now=START)

    async def test_only_its_owner_renames_and_removes_one(self, kept: Authenticators) -> None:
        await kept.add(APP)
        for organization, user in (("default", "users/2"), ("other", "users/1")):
            assert await kept.rename(organization, user, "app", "mine") is None
            assert await kept.remove(organization, user, "app") is None
        assert await kept.rename("default", "users/1", "app", "Old") == replace(APP, display_name="Old")
        removed = await kept.remove("default", "users/1", "app")
        assert removed is not None
        assert removed.display_name == "Old"
        assert await kept.remove("default", "users/1", "app") is None

    async def test_recovery_codes_are_replaced_and_each_is_used_once(self, kept: Authenticators) -> None:
        await kept.replace_codes("default", "users/1", [b"1", b"2"])
        await kept.replace_codes("default", "users/1", [b"2", b"3"])
        assert await kept.count_codes("default", "users/1") == 2
        assert not await kept.use_code("default", "users/1", b"1", now=START)
        assert not await kept.use_code("default", "users/2", b"2", now=START)
        used = await asyncio.gather(*(kept.use_code("default", "users/1", b"2", now=START) for _ in range(10)))
        assert sum(used) == 1
        assert await kept.count_codes("default", "users/1") == 1

    async def test_everything_of_a_user_is_forgotten_and_nothing_of_others(self, kept: Authenticators) -> None:
        await kept.add(APP)
        await kept.add(replace(KEY, user="users/2"))
        for user in ("users/1", "users/2"):
            await kept.replace_codes("default", user, [b"1"])
        await kept.forget("default", "users/1")
        assert list(await kept.list_of("default", "users/1")) == []
        assert await kept.count_codes("default", "users/1") == 0
        assert len(await kept.list_of("default", "users/2")) == await kept.count_codes("default", "users/2") == 1


class EnrolmentsConformance:
    """For adapters of `Enrolments`."""

    async def test_one_is_found_until_it_expires_and_finished_once(self, enrolments: Enrolments) -> None:
        await enrolments.open(ENROLMENT)
        await enrolments.count_failure(ENROLMENT.id)
        assert await enrolments.find(ENROLMENT.id, now=START) == replace(ENROLMENT, failures=1)
        assert await enrolments.find(ENROLMENT.id, now=LATER) is None
        assert sum(await asyncio.gather(*(enrolments.close(ENROLMENT.id) for _ in range(10)))) == 1
        assert await enrolments.find(ENROLMENT.id, now=START) is None

    async def test_what_has_expired_is_forgotten(self, enrolments: Enrolments) -> None:
        await enrolments.open(ENROLMENT)
        await enrolments.prune(now=LATER + timedelta(seconds=1))
        assert not await enrolments.close(ENROLMENT.id)
