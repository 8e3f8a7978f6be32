"""Whether a link in a mail replaces a password or verifies an address, once, and opens nothing else."""

from __future__ import annotations

import pytest

from services.auth.domain.errors import MailedProofInvalid, PasswordUnsuitable, SignInThrottled
from services.auth.domain.factors.kinds import Factor
from tests.fakes.auth_conformance import session_named
from tests.fakes.auth_factors_world import HERE, FactorWorld
from tests.fakes.auth_people import FakeTenants

CLERK, NEW = "clerk@x.test", "walrus paradox canteen"


@pytest.fixture
def world() -> FactorWorld:
    """A clerk with a password."""
    made = FactorWorld()
    made.people.add_user("users/clerk", password_hash="hash:clerk's password")
    made.people.add_user("users/gone", password_hash="hash:gone")
    made.people.change("users/gone", disabled=True)
    return made


async def request(world: FactorWorld) -> str:
    await world.recovery.request("", CLERK, HERE)
    return await world.mailed()


async def test_a_link_replaces_the_password_and_ends_all_sessions(world: FactorWorld) -> None:
    """Auth statements 37 and 41."""
    await world.kept.open(session_named("laptop", user="users/clerk"), None)
    link = await request(world)
    assert await world.recovery.check(link)
    await world.recovery.choose(link, NEW, HERE)
    assert world.people.hashes["default", "users/clerk"] == f"hash:{NEW}"
    assert world.kept.sessions["laptop"].ended is not None
    assert world.audit.kinds() == ["password.recovered"]
    assert (world.mail.posted[-1].kind, world.mail.posted[-1].to) == ("change", CLERK)


async def test_a_new_password_does_not_stand_in_for_a_second_factor(world: FactorWorld) -> None:
    """Auth statement 37: reset does not bypass MFA."""
    await world.give_totp()
    await world.recovery.choose(await request(world), NEW, HERE)
    assert world.kept.sessions == {}
    begun = await world.flow.begin(email=CLERK)
    state = await world.flow.password(begun.attempt, NEW, HERE)
    assert (state.done, state.offered) == (False, (Factor.TOTP,))


async def test_a_link_is_good_once_for_ten_minutes_and_kept_as_a_hash(world: FactorWorld) -> None:
    """Auth statement 37."""
    link = await request(world)
    assert link not in repr(world.proofs.kept)
    assert link.encode() not in [part for one in world.proofs.kept.values() for part in (one.link, one.handle)]
    await world.recovery.choose(link, NEW, HERE)
    with pytest.raises(MailedProofInvalid):
        await world.recovery.choose(link, NEW, HERE)
    late = await request(world)
    world.clock.advance(minutes=10)
    assert not await world.recovery.check(late)
    with pytest.raises(MailedProofInvalid):
        await world.recovery.choose(late, NEW, HERE)


async def test_a_password_that_is_refused_leaves_the_link(world: FactorWorld) -> None:
    link = await request(world)
    with pytest.raises(PasswordUnsuitable):
        await world.recovery.choose(link, "short", HERE)
    await world.recovery.choose(link, NEW, HERE)


@pytest.mark.parametrize("email", ["nobody@x.test", "gone@x.test"], ids=["unknown", "disabled"])
async def test_nobody_learns_who_has_an_account(world: FactorWorld, email: str) -> None:
    """Auth statement 36, of resets."""
    for who in (CLERK, email):
        await world.recovery.request("", who, HERE)
    assert len(world.proofs.kept) == 2, "what is kept is kept either way"
    assert len(world.throttle.counters) == 9
    await world.later.drain()
    assert {message.to for message in world.mail.posted} == {CLERK}


async def test_nobody_is_flooded_with_mail(world: FactorWorld) -> None:
    """Auth statement 35, of mails."""
    for _ in range(21):
        await world.recovery.request("", CLERK, HERE)
    with pytest.raises(SignInThrottled):
        await world.recovery.request("", CLERK, HERE)
    begun = await world.flow.begin(email=CLERK)
    assert (await world.flow.password(begun.attempt, "clerk's password", HERE)).done, "and can sign in"


async def test_a_member_gets_a_link_for_where_they_live() -> None:
    people = FakeTenants()
    world = FactorWorld(people=people)
    people.add_user("users/clerk", password_hash="hash:clerk's password")
    people.add_membership("memberships/1", "users/clerk", "default", organization="acme")
    await world.recovery.request("acme", CLERK, HERE)
    await world.recovery.choose(await world.mailed(), NEW, HERE)
    assert people.hashes["default", "users/clerk"] == f"hash:{NEW}"


async def test_a_link_for_one_thing_does_no_other(world: FactorWorld) -> None:
    account = await world.people.find_by_name("default", "users/clerk")
    assert account is not None
    await world.verification.request(account, HERE)
    verify = await world.mailed()
    with pytest.raises(MailedProofInvalid):
        await world.recovery.choose(verify, NEW, HERE)
    with pytest.raises(MailedProofInvalid):
        await world.verification.confirm(await request(world), HERE)
    assert await world.verification.confirm(verify, HERE) == "users/clerk"


async def test_a_reset_link_dies_with_the_address_that_it_was_sent_to(world: FactorWorld) -> None:
    link = await request(world)
    world.people.change("users/clerk", email="new@x.test")
    with pytest.raises(MailedProofInvalid):
        await world.recovery.choose(link, NEW, HERE)


async def test_an_address_is_verified_by_its_mail_alone_and_another_one_anew(world: FactorWorld) -> None:
    """Auth statement 42: verified is not for anybody to say of themselves (CVE-2026-27946)."""
    account = await world.people.find_by_name("default", "users/clerk")
    assert account is not None
    await world.verification.request(account, HERE)
    link = await world.mailed()
    world.people.change("users/clerk", email="new@x.test")
    with pytest.raises(MailedProofInvalid):
        await world.verification.confirm(link, HERE)
    assert not await world.addresses.is_verified("default", "users/clerk")
