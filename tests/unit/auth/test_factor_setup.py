"""Whether people set up, and lose, only what is theirs, freshly proven, and are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.domain.accounts import Granter
from services.auth.domain.errors import (
    AuthenticatorUnknown,
    EnrolmentInvalid,
    GrantExceedsOwn,
    PasswordTooShortAlone,
    ReauthenticationNeeded,
    SecondFactorMissing,
    SignInFailed,
    TooManyAuthenticators,
)
from services.auth.domain.factors.authenticators import MOST, TOTP
from services.auth.domain.factors.recovery_codes import digest_of_code, generate_codes
from services.auth.domain.factors.resetting import Resetting
from services.auth.domain.factors.setup import Owner
from services.auth.domain.factors.totp import code_at, step_at
from tests.fakes.auth_conformance import session_named
from tests.fakes.auth_factors_world import HERE, FactorWorld

if TYPE_CHECKING:
    from services.auth.domain.factors.authenticators import Authenticator

PASSWORD = "clerk's password"


@pytest.fixture
def world() -> FactorWorld:
    """A clerk, a keeper and an administrator."""
    made = FactorWorld()
    made.people.add_role("roles/administrator", "*")
    made.people.add_role("roles/keeper", "auth.*")
    made.people.add_user("users/admin", "roles/administrator")
    made.people.add_user("users/keeper", "roles/keeper")
    made.people.add_user("users/clerk", password_hash=f"hash:{PASSWORD}")
    return made


async def owner(world: FactorWorld, user: str = "users/clerk") -> Owner:
    account = await world.people.find_by_name("default", user)
    assert account is not None
    return Owner(account=account, authenticated=world.clock(), session="laptop", origin=HERE)


def seed_of(secret: str) -> bytes:
    import base64  # noqa: PLC0415 - for this alone

    return base64.b32decode(secret.replace(" ", ""))


async def set_up(world: FactorWorld, user: str = "users/clerk") -> tuple[Authenticator, bytes]:
    begun = await world.setup.begin_totp(await owner(world, user), "Phone")
    seed = seed_of(begun.secret)
    code = code_at(seed, step_at(world.clock.seconds()))
    return await world.setup.confirm_totp(await owner(world, user), begun.enrolment, code), seed


async def test_an_app_that_shows_the_right_code_is_kept_with_its_seed_sealed(world: FactorWorld) -> None:
    """Auth statement 38."""
    made, seed = await set_up(world)
    kept = (await world.setup.list_of((await owner(world)).account))[0]
    assert (kept.id, kept.kind, kept.display_name) == (made.id, TOTP, "Phone")
    assert kept.seed != seed
    assert world.seal.open(kept.seed, kept.id.encode()) == seed
    assert repr(seed) not in repr(kept)


async def test_a_code_signs_in_once_and_that_of_the_setup_never(world: FactorWorld) -> None:
    """Auth statement 38: usable once."""
    _, seed = await set_up(world)
    attempts = []
    for _ in range(3):
        begun = await world.flow.begin(email="clerk@x.test")
        attempts.append((await world.flow.password(begun.attempt, PASSWORD, HERE)).attempt)
    with pytest.raises(SignInFailed):
        await world.flow.totp(attempts[0], code_at(seed, step_at(world.clock.seconds())), HERE)
    world.wait_for_next_totp()
    code = code_at(seed, step_at(world.clock.seconds()))
    assert (await world.flow.totp(attempts[1], code, HERE)).done
    with pytest.raises(SignInFailed):
        await world.flow.totp(attempts[2], code, HERE)
    with pytest.raises(SignInFailed):
        await world.flow.totp(attempts[2], code_at(seed, step_at(world.clock.seconds()) - 1), HERE)


async def test_recovery_codes_are_long_hashed_and_good_once(world: FactorWorld) -> None:
    """Auth statement 38: above 112 bits, so that a plain hash keeps them."""
    with pytest.raises(SecondFactorMissing):
        await world.setup.regenerate_codes(await owner(world))
    await world.give_totp()
    former = await world.setup.regenerate_codes(await owner(world))
    codes = await world.setup.regenerate_codes(await owner(world))
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in generate_codes())
    assert not any(code in repr(world.authenticators.codes) for code in codes)
    begun = await world.flow.begin(email="clerk@x.test")
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    with pytest.raises(SignInFailed):
        await world.flow.recovery_code(state.attempt, former[0], HERE)
    assert (await world.flow.recovery_code(state.attempt, codes[0].lower().replace("-", " "), HERE)).done
    assert "9 are left" in world.mail.posted[-1].text
    begun = await world.flow.begin(email="clerk@x.test")
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    with pytest.raises(SignInFailed):
        await world.flow.recovery_code(state.attempt, codes[0], HERE)
    assert digest_of_code(codes[0]) == digest_of_code(codes[0].lower())


async def test_every_change_needs_a_fresh_proof(world: FactorWorld) -> None:
    """Auth statement 42."""
    made, _ = await set_up(world)
    stale = await owner(world)
    app, passkey = await world.setup.begin_totp(stale), await world.setup.begin_passkey(stale)
    world.clock.advance(minutes=10, seconds=1)
    for change in (
        world.setup.begin_totp(stale),
        world.setup.begin_passkey(stale),
        world.setup.confirm_totp(stale, app.enrolment, "000000"),
        world.setup.confirm_passkey(stale, passkey.enrolment, "{}"),
        world.setup.regenerate_codes(stale),
        world.setup.remove(stale, made.id),
    ):
        with pytest.raises(ReauthenticationNeeded):
            await change


async def test_every_change_is_told_by_mail_and_written_down(world: FactorWorld) -> None:
    """Auth statement 42."""
    made, _ = await set_up(world)
    await world.setup.regenerate_codes(await owner(world))
    await world.setup.remove(await owner(world), made.id)
    assert world.audit.kinds() == ["factor.added", "recovery_codes.replaced", "factor.removed"]
    assert {message.to for message in world.mail.posted} == {"clerk@x.test"}
    assert [message.kind for message in world.mail.posted] == ["change"] * 3
    assert "Phone" in world.mail.posted[0].text
    assert "192.0.2.1" in world.mail.posted[0].text


async def test_a_wrong_code_keeps_nothing_and_ten_end_it(world: FactorWorld) -> None:
    begun = await world.setup.begin_totp(await owner(world))
    right = code_at(seed_of(begun.secret), step_at(world.clock.seconds()))
    for _ in range(10):
        with pytest.raises(EnrolmentInvalid):
            await world.setup.confirm_totp(await owner(world), begun.enrolment, "nonsense")
    with pytest.raises(EnrolmentInvalid):
        await world.setup.confirm_totp(await owner(world), begun.enrolment, right)
    assert world.authenticators.kept == {}


async def test_nobody_confirms_renames_or_removes_what_is_somebody_elses(world: FactorWorld) -> None:
    """Auth statement 46, of authenticators."""
    made, _ = await set_up(world)
    begun = await world.setup.begin_totp(await owner(world))
    code = code_at(seed_of(begun.secret), step_at(world.clock.seconds()))
    stranger = await owner(world, "users/keeper")
    with pytest.raises(EnrolmentInvalid):
        await world.setup.confirm_totp(stranger, begun.enrolment, code)
    with pytest.raises(AuthenticatorUnknown):
        await world.setup.remove(stranger, made.id)
    with pytest.raises(AuthenticatorUnknown):
        await world.setup.rename(stranger, made.id, "mine")
    assert (await world.setup.rename(await owner(world), made.id, "Old phone")).display_name == "Old phone"


async def test_the_last_one_takes_the_recovery_codes_along_and_leaves_no_short_password(world: FactorWorld) -> None:
    made, _ = await set_up(world)
    await world.setup.regenerate_codes(await owner(world))
    await world.people.set("default", "users/clerk", "hash:wqzkvbnx", short=True)
    with pytest.raises(PasswordTooShortAlone):
        await world.setup.remove(await owner(world), made.id)
    world.authenticators.kept[made.id] = made
    await world.people.set("default", "users/clerk", f"hash:{PASSWORD}")
    await world.setup.remove(await owner(world), made.id)
    assert await world.setup.count_codes((await owner(world)).account) == 0


async def test_nobody_has_more_than_twenty(world: FactorWorld) -> None:
    for _ in range(MOST):
        await set_up(world)
    with pytest.raises(TooManyAuthenticators):
        await world.setup.begin_passkey(await owner(world))


async def test_an_administrator_takes_lost_factors_away_and_ends_all_sessions(world: FactorWorld) -> None:
    resetting = Resetting(
        directory=world.people,
        kept=world.authenticators,
        credentials=world.people,
        sessions=world.kept,
        changes=world.people,
        notices=world.notices,
        clock=world.clock,
    )
    await set_up(world)
    await world.kept.open(session_named("laptop", user="users/clerk"), None)
    await set_up(world, "users/admin")
    keeper = Granter(organization="default", subject="users/keeper", held=frozenset({"auth.*"}))
    with pytest.raises(GrantExceedsOwn):
        await resetting.reset(keeper, "users/admin", HERE)
    await resetting.reset(keeper, "users/clerk", HERE)
    assert [one.user for one in world.authenticators.kept.values()] == ["users/admin"]
    assert world.kept.sessions["laptop"].ended is not None
    assert world.audit.entries[-1].actor == "users/keeper"
    assert world.mail.posted[-1].to == "clerk@x.test"
