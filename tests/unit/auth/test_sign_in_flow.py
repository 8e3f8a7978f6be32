"""Whether a sign-in asks for what it must, and tells nobody more than they have shown they may know."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.authentication import Authentication
from services.auth.domain.errors import (
    FactorNotOffered,
    SignInExpired,
    SignInFailed,
    SignInThrottled,
    SignInUnfinished,
)
from services.auth.domain.factors.kinds import FIRST, Factor, Held
from services.auth.domain.sessions import Origin
from services.auth.domain.sign_in_attempts import SignInAttempt
from tests.fakes.auth import START
from tests.fakes.auth_factors import assertion
from tests.fakes.auth_factors_world import HERE, FactorWorld

if TYPE_CHECKING:
    from services.auth.domain.sign_in_flow import SignInState

CLERK, PASSWORD = "clerk@x.test", "clerk's password"


@pytest.fixture
def world() -> FactorWorld:
    """A clerk with a password."""
    made = FactorWorld()
    made.people.add_role("roles/clerk", "shop.*")
    made.people.add_user("users/clerk", "roles/clerk", password_hash=f"hash:{PASSWORD}")
    made.people.add_user("users/gone", password_hash="hash:gone")
    made.people.change("users/gone", disabled=True)
    return made


async def shown_password(world: FactorWorld, *, level: str = "") -> SignInState:
    begun = await world.flow.begin(email=CLERK, level=level)
    return await world.flow.password(begun.attempt, PASSWORD, HERE)


async def test_a_password_is_enough_where_there_is_no_second_factor(world: FactorWorld) -> None:
    state = await shown_password(world)
    assert (state.done, state.offered, state.user) == (True, (), "users/clerk")
    opened = await world.flow.finish(state.attempt, HERE)
    assert (opened.session.user, opened.session.authentication.level) == ("users/clerk", "aal1")
    assert opened.session.origin == HERE
    assert opened.cookie


async def test_nothing_is_opened_before_enough_was_shown(world: FactorWorld) -> None:
    await world.give_totp()
    begun = await world.flow.begin(email=CLERK)
    for state in (begun, await world.flow.password(begun.attempt, PASSWORD, HERE)):
        assert not state.done
        with pytest.raises(SignInUnfinished):
            await world.flow.finish(state.attempt, HERE)
    assert world.kept.sessions == {}


async def test_a_sign_in_is_finished_once(world: FactorWorld) -> None:
    state = await shown_password(world)
    opened = await asyncio.gather(*(world.flow.finish(state.attempt, HERE) for _ in range(5)), return_exceptions=True)
    assert sum(not isinstance(one, SignInExpired) for one in opened) == 1
    assert len(world.kept.sessions) == 1


async def test_a_sign_in_is_over_after_ten_minutes(world: FactorWorld) -> None:
    state = await shown_password(world)
    world.clock.advance(minutes=10)
    with pytest.raises(SignInExpired):
        await world.flow.finish(state.attempt, HERE)
    with pytest.raises(SignInExpired):
        await world.flow.look("no such sign-in")


@pytest.mark.parametrize("first", [Factor.PASSWORD, Factor.EMAIL_CODE, Factor.EMAIL_LINK])
async def test_whoever_has_a_second_factor_must_show_one_whatever_came_first(world: FactorWorld, first: Factor) -> None:
    await world.give_totp()
    state = await world.flow.begin(email=CLERK)
    if first is Factor.PASSWORD:
        state = await world.flow.password(state.attempt, PASSWORD, HERE)
    else:
        state = await world.flow.send(state.attempt, first, HERE)
        show = world.flow.code if first is Factor.EMAIL_CODE else world.flow.link
        state = await show(state.attempt, await world.mailed(), HERE)
    assert (state.done, state.offered) == (False, (Factor.TOTP,))
    state = await world.flow.totp(state.attempt, world.totp(), HERE)
    assert (state.done, state.offered) == (True, ())


async def test_password_and_app_are_two_factors_and_a_mailbox_is_none(world: FactorWorld) -> None:
    await world.give_totp()
    state = await shown_password(world)
    assert (await world.flow.totp(state.attempt, world.totp(), HERE)).level == "aal2"
    world.wait_for_next_totp()
    begun = await world.flow.begin(email=CLERK)
    await world.flow.send_code(begun.attempt, HERE)
    await world.flow.code(begun.attempt, await world.mailed(), HERE)
    state = await world.flow.totp(begun.attempt, world.totp(), HERE)
    assert (state.done, state.level) == (True, "aal1")
    opened = await world.flow.finish(state.attempt, HERE)
    assert opened.session.authentication.claimed == ("otp",)


@pytest.mark.parametrize(("backup", "level"), [(False, "aal3"), (True, "aal2")])
async def test_a_passkey_that_verifies_its_user_is_enough_alone(world: FactorWorld, backup: bool, level: str) -> None:
    credential = await world.give_passkey(backup=backup)
    await world.give_totp()
    begun = await world.flow.begin()
    assert begun.offered == (Factor.PASSKEY,)
    _, options = await world.flow.passkey_options(begun.attempt)
    assert json.loads(options)["verify"] is True
    state = await world.flow.passkey(begun.attempt, assertion(options, credential, handle="users/clerk"), HERE)
    assert (state.done, state.level, state.user) == (True, level, "users/clerk")


async def test_a_passkey_without_its_user_is_a_second_factor_and_no_first(world: FactorWorld) -> None:
    credential = await world.give_passkey()
    begun = await world.flow.begin(email=CLERK)
    _, options = await world.flow.passkey_options(begun.attempt)
    with pytest.raises(SignInFailed):
        await world.flow.passkey(begun.attempt, assertion(options, credential, verified=False), HERE)
    state = await shown_password(world)
    _, options = await world.flow.passkey_options(state.attempt)
    assert json.loads(options)["allowed"] == [credential.hex()]
    state = await world.flow.passkey(state.attempt, assertion(options, credential, verified=False), HERE)
    assert (state.done, state.level) == (True, "aal2")


async def test_a_wanted_level_asks_for_more_where_there_is_more(world: FactorWorld) -> None:
    state = await shown_password(world, level="aal2")
    assert state.done, "nothing is set up that would reach it"
    await world.give_totp()
    begun = await world.flow.begin(email=CLERK, level="aal2")
    await world.flow.send_code(begun.attempt, HERE)
    await world.flow.code(begun.attempt, await world.mailed(), HERE)
    state = await world.flow.totp(begun.attempt, world.totp(), HERE)
    assert (state.done, state.offered) == (False, (Factor.PASSWORD,))
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    assert (state.done, state.level) == (True, "aal2")


async def test_what_is_not_asked_for_is_not_looked_at(world: FactorWorld) -> None:
    await world.give_totp()
    begun = await world.flow.begin(email=CLERK)
    with pytest.raises(FactorNotOffered):
        await world.flow.totp(begun.attempt, world.totp(), HERE)
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    with pytest.raises(FactorNotOffered):
        await world.flow.password(state.attempt, PASSWORD, HERE)
    with pytest.raises(FactorNotOffered):
        await world.flow.send_code(state.attempt, HERE)
    with pytest.raises(FactorNotOffered):
        await world.flow.identify(state.attempt, "other@x.test")


async def test_a_link_does_nothing_in_another_browser(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    await world.flow.send_link(begun.attempt, HERE)
    secret = await world.mailed()
    other = await world.flow.begin(email=CLERK)
    with pytest.raises(SignInFailed):
        await world.flow.link(other.attempt, secret, HERE)
    assert (await world.flow.link(begun.attempt, secret, HERE)).done


async def test_a_code_that_was_mailed_is_good_once_and_for_its_sign_in_alone(world: FactorWorld) -> None:
    """Auth statement 37: single use, ten minutes at most."""
    begun, other = [await world.flow.begin(email=CLERK) for _ in range(2)]
    await world.flow.send_code(begun.attempt, HERE)
    code = await world.mailed()
    with pytest.raises(SignInFailed):
        await world.flow.code(other.attempt, code, HERE)
    assert (await world.flow.code(begun.attempt, code, HERE)).done
    assert world.proofs.kept == {}
    await world.flow.send_code(other.attempt, HERE)
    code = await world.mailed()
    world.clock.advance(minutes=9, seconds=59)
    world.proofs.kept = {k: one for k, one in world.proofs.kept.items() if one.expires > world.clock()}
    assert world.proofs.kept
    world.clock.advance(seconds=1)
    assert await world.codes.redeem_code(other.attempt, code, purpose="sign_in") is None


async def test_a_mailed_code_bears_five_tries(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    await world.flow.send_code(begun.attempt, HERE)
    code = await world.mailed()
    for _ in range(5):
        with pytest.raises(SignInFailed):
            await world.flow.code(begun.attempt, "00000000" if code != "00000000" else "1", HERE)
    with pytest.raises(SignInFailed):
        await world.flow.code(begun.attempt, code, HERE)


async def test_a_sign_in_bears_ten_failures(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            await world.flow.password(begun.attempt, "wrong", HERE)
    with pytest.raises(SignInExpired):
        await world.flow.password(begun.attempt, PASSWORD, HERE)


def answers(state: SignInState) -> tuple[object, ...]:
    return (state.offered, state.done, state.shown, state.level, state.user, state.organization)


@pytest.mark.parametrize("email", ["nobody@x.test", "gone@x.test"], ids=["unknown", "disabled"])
async def test_nobody_learns_who_has_an_account(world: FactorWorld, email: str) -> None:
    """Auth statement 36."""
    await world.give_totp()
    await world.give_passkey()
    seen = {}
    for who in (CLERK, email):
        begun = await world.flow.begin(email=who)
        assert begun.offered == FIRST
        sent = [await world.flow.send(begun.attempt, factor, HERE) for factor in FIRST[2:]]
        _, options = await world.flow.passkey_options(begun.attempt)
        before, errors = world.hasher.verified, []
        for show in (world.flow.password, world.flow.code, world.flow.link):
            with pytest.raises(SignInFailed) as caught:
                await show(begun.attempt, "wrong", HERE)
            errors.append((str(caught.value), caught.value.metadata))
        blank = {**json.loads(options), "challenge": ""}
        seen[who] = (answers(begun), [answers(one) for one in sent], blank, errors, world.hasher.verified - before)
    assert seen[CLERK] == seen[email]
    await world.later.drain()
    assert {message.to for message in world.mail.posted} == {CLERK}
    assert len(world.proofs.kept) == 2, "what is kept is kept either way"


async def test_guesses_at_a_code_make_wait_and_a_right_password_buys_no_more(world: FactorWorld) -> None:
    """Auth statement 35: by account and source, and never so that a stranger locks the user out."""
    await world.give_totp()
    waited = None
    for _ in range(30):
        state = await shown_password(world)
        try:
            await world.flow.totp(state.attempt, "000000", HERE)
        except SignInFailed:
            continue
        except SignInThrottled as error:
            waited = error
            break
    assert waited is not None
    state = await shown_password(world)
    with pytest.raises(SignInThrottled):
        await world.flow.totp(state.attempt, world.totp(), HERE)
    home = Origin(address="198.51.100.7")
    assert (await world.flow.totp(state.attempt, world.totp(), home)).done


async def test_a_sign_in_sends_five_mails_at_most(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    for _ in range(5):
        await world.flow.send_code(begun.attempt, HERE)
    with pytest.raises(SignInThrottled):
        await world.flow.send_code(begun.attempt, HERE)
    await world.later.drain()
    assert len(world.mail.posted) == 5


async def test_a_session_is_strengthened_and_its_cookie_is_another(world: FactorWorld) -> None:
    """Auth statement 40."""
    await world.give_totp()
    state = await shown_password(world)
    world.people.change("users/clerk")
    state = await world.flow.totp(state.attempt, world.totp(), HERE)
    opened = await world.flow.finish(state.attempt, HERE)
    world.wait_for_next_totp()
    begun = await world.flow.begin_step_up(opened.session, level="aal2")
    assert begun.offered == (Factor.TOTP,)
    state = await world.flow.totp(begun.attempt, world.totp(), HERE)
    again = await world.flow.finish(state.attempt, HERE)
    assert again.session.id == opened.session.id
    assert again.session.authentication.time == world.clock()
    assert again.cookie != opened.cookie
    assert await world.sessions.find_by_cookie(opened.cookie) is None


async def test_the_highest_level_is_reached_anew_by_a_passkey_alone(world: FactorWorld) -> None:
    """Auth statement 40: a code of an app must not make an old proof of the highest level a recent one."""
    credential = await world.give_passkey()
    await world.give_totp()
    begun = await world.flow.begin()
    _, options = await world.flow.passkey_options(begun.attempt)
    state = await world.flow.passkey(begun.attempt, assertion(options, credential, handle="users/clerk"), HERE)
    session = (await world.flow.finish(state.attempt, HERE)).session
    assert session.authentication.level == "aal3"
    begun = await world.flow.begin_step_up(session, level="aal3")
    state = await world.flow.totp(begun.attempt, world.totp(), HERE)
    assert (state.done, state.reached, state.offered) == (False, False, (Factor.PASSKEY,))
    world.wait_for_next_totp()
    begun = await world.flow.begin_step_up(session)
    state = await world.flow.totp(begun.attempt, world.totp(), HERE)
    session = (await world.flow.finish(state.attempt, HERE)).session
    assert (session.authentication.level, session.authentication.time) == ("aal2", world.clock())
    begun = await world.flow.begin_step_up(session, level="aal3")
    _, options = await world.flow.passkey_options(begun.attempt)
    state = await world.flow.passkey(begun.attempt, assertion(options, credential, handle="users/clerk"), HERE)
    assert (await world.flow.finish(state.attempt, HERE)).session.authentication.level == "aal3"


@pytest.mark.parametrize(
    ("before", "after"),
    [(("swk", "user"), ("hwk",)), (("pwd", "hwk"), ("swk", "user")), (("hwk", "user"), ("otp",))],
)
def test_the_highest_level_does_not_add_up(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    earlier = Authentication(time=START, methods=before)
    joined = earlier.joined(Authentication(time=START + timedelta(minutes=5), methods=after))
    assert (joined.level, "mfa" in joined.claimed) == ("aal2", True)


async def test_a_password_alone_proves_nothing_anew_of_whoever_has_more(world: FactorWorld) -> None:
    state = await shown_password(world)
    opened = await world.flow.finish(state.attempt, HERE)
    await world.give_totp()
    begun = await world.flow.begin_step_up(opened.session)
    assert begun.offered == (Factor.TOTP,)
    with pytest.raises(FactorNotOffered):
        await world.flow.password(begun.attempt, PASSWORD, HERE)


async def test_the_session_that_a_browser_had_before_ends(world: FactorWorld) -> None:
    """Auth statement 40: a new session at each sign-in, of 128 random bits at least; the old one is destroyed."""
    first = await world.flow.finish((await shown_password(world)).attempt, HERE)
    second = await world.flow.finish((await shown_password(world)).attempt, HERE, replaces=first.session.id)
    assert second.session.id != first.session.id
    assert len(second.session.id) * 6 >= 128
    assert len(second.cookie) * 6 >= 256
    assert await world.sessions.find_by_cookie(first.cookie) is None


async def test_every_attempt_is_written_down_without_a_secret(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    with pytest.raises(SignInFailed):
        await world.flow.password(begun.attempt, "wrong secret", HERE)
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    await world.flow.finish(state.attempt, HERE)
    assert world.audit.kinds() == ["sign_in.failed", "session.opened"]
    assert world.audit.entries[1].factor == "password"
    for secret in ("wrong secret", PASSWORD, begun.attempt):
        assert secret not in repr(world.audit.entries)
        assert secret not in repr(state)


async def test_a_mail_that_is_answered_verifies_the_address_it_was_sent_to(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    await world.flow.send_code(begun.attempt, HERE)
    code = await world.mailed()
    assert not await world.addresses.is_verified("default", "users/clerk")
    await world.flow.code(begun.attempt, code, HERE)
    assert await world.addresses.is_verified("default", "users/clerk")
    world.people.change("users/clerk", email="new@x.test")
    assert not await world.addresses.is_verified("default", "users/clerk")


async def test_a_password_and_a_mailbox_are_no_two_factors(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK, level="aal2")
    await world.flow.send_code(begun.attempt, HERE)
    state = await world.flow.code(begun.attempt, await world.mailed(), HERE)
    assert (state.done, state.reached, state.offered) == (True, False, ())
    opened = await world.flow.finish(state.attempt, HERE)
    again = await world.flow.begin_step_up(opened.session, level="aal2")
    state = await world.flow.password(again.attempt, PASSWORD, HERE)
    assert (state.level, state.reached) == ("aal1", False)


def test_a_passkey_without_its_user_is_not_enough_alone() -> None:
    attempt = SignInAttempt(
        id=b"", organization="default", shown=(Factor.PASSKEY,), methods=("hwk",), expires=FactorWorld().clock()
    )
    assert not attempt.is_enough(Held(passkey=True))


async def test_an_organization_that_asks_for_two_factors_gets_them_from_whoever_has_them(world: FactorWorld) -> None:
    world.people.change("users/clerk", needs_second_factor=True)
    state = await shown_password(world)
    assert (state.done, state.level) == (True, "aal1"), "or nobody could set one up"
    await world.give_totp()
    state = await shown_password(world)
    assert (state.done, state.offered) == (False, (Factor.TOTP,))


async def test_a_hash_of_elsewhere_is_made_anew_at_the_sign_in(world: FactorWorld) -> None:
    async def verify(password_hash: str, password: str) -> bool:
        return password_hash in {f"bcrypt:{password}", f"hash:{password}"}

    world.people.hashes["default", "users/clerk"] = f"bcrypt:{PASSWORD}"
    world.hasher.verify = verify  # type: ignore[method-assign]  # one that knows hashes of elsewhere
    assert (await shown_password(world)).done
    assert world.people.hashes["default", "users/clerk"] == f"hash:{PASSWORD}"


async def test_a_code_for_one_thing_does_no_other(world: FactorWorld) -> None:
    made = {"organization": "default", "email": CLERK, "user": "users/clerk"}
    code = await world.codes.make_code("handle", purpose="sign_in", **made)
    assert await world.codes.redeem_code("handle", code, purpose="reset") is None
    assert await world.codes.redeem_code("another", code, purpose="sign_in") is None
    assert await world.codes.redeem_code("handle", code, purpose="sign_in") is not None


async def test_what_was_shown_rightly_is_not_lost_to_a_wrong_step_at_the_same_time(world: FactorWorld) -> None:
    begun = await world.flow.begin(email=CLERK)
    await world.flow.send_code(begun.attempt, HERE)
    code, redeem = await world.mailed(), world.proofs.use

    async def use(handle: bytes) -> bool:
        used = await redeem(handle)
        with pytest.raises(SignInFailed):
            await world.flow.code(begun.attempt, code, HERE)
        return used

    world.proofs.use = use  # type: ignore[method-assign]  # another step comes in between
    state = await world.flow.code(begun.attempt, code, HERE)
    assert (state.done, state.shown) == (True, (Factor.EMAIL_CODE,))
    assert (await world.flow.finish(begun.attempt, HERE)).session.user == "users/clerk"
