"""Whether people see and end their own sessions, and those who may see and end others'."""

from __future__ import annotations

import pytest

from services.auth.domain.accounts import Granter
from services.auth.domain.errors import (
    GrantExceedsOwn,
    LevelOutOfReach,
    RefreshTokenInvalid,
    SessionUnknown,
    SignInExpired,
    UserUnknown,
)
from services.auth.domain.families import Opened
from services.auth.domain.sign_in_flow import SignInState
from services.auth.domain.tokens import AccessToken
from tests.fakes.auth_factors_world import HERE, FactorWorld

PASSWORD = "clerk's password"


@pytest.fixture
def world() -> FactorWorld:
    """A clerk, a keeper and an administrator."""
    made = FactorWorld()
    made.people.add_role("roles/administrator", "*")
    made.people.add_role("roles/keeper", "auth.*")
    made.people.add_user("users/admin", "roles/administrator", password_hash="hash:admin's password")
    made.people.add_user("users/keeper", "roles/keeper")
    made.people.add_user("users/clerk", password_hash=f"hash:{PASSWORD}")
    return made


async def sign_in(world: FactorWorld, email: str = "clerk@x.test", password: str = PASSWORD) -> Opened:
    opened = await world.entrance.sign_in(organization="", email=email, password=password, origin=HERE)
    assert isinstance(opened, Opened)
    return opened


async def ids(world: FactorWorld) -> set[str]:
    return {session.id for session in await world.lists.list_of("default", "users/clerk")}


async def test_a_user_sees_where_they_are_signed_in_and_ends_one_or_the_others(world: FactorWorld) -> None:
    """Auth statement 41."""
    first, second, third = [(await sign_in(world)).family.session for _ in range(3)]
    found = await world.lists.list_of("default", "users/clerk")
    assert {session.id for session in found} == {first, second, third}
    assert (found[0].origin, found[0].created) == (HERE, world.clock())
    await world.lists.end_one("default", "users/clerk", second)
    assert await ids(world) == {first, third}
    assert await world.lists.end_others("default", "users/clerk", keep=first) == 1
    assert await ids(world) == {first}
    assert world.audit.kinds()[-2:] == ["session.ended", "session.ended"]


async def test_a_session_that_ends_takes_its_tokens_along(world: FactorWorld) -> None:
    """Auth statement 41."""
    opened = await sign_in(world)
    assert opened.refresh is not None
    await world.lists.end_one("default", "users/clerk", opened.family.session)
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(opened.refresh.text)


async def test_nobody_ends_a_session_of_somebody_else_as_their_own(world: FactorWorld) -> None:
    mine = await sign_in(world)
    theirs = await sign_in(world, "admin@x.test", "admin's password")
    with pytest.raises(SessionUnknown):
        await world.lists.end_one("default", "users/clerk", theirs.family.session)
    await world.lists.end_one("default", "users/clerk", mine.family.session)
    with pytest.raises(SessionUnknown):
        await world.lists.end_one("default", "users/clerk", mine.family.session)


async def test_sessions_end_when_they_are_idle_or_old(world: FactorWorld) -> None:
    """Auth statement 40: inactivity and absolute timeouts."""
    await sign_in(world)
    world.clock.advance(days=13, hours=23)
    assert len(await ids(world)) == 1
    world.clock.advance(hours=1)
    assert await ids(world) == set()


async def test_an_administrator_ends_sessions_of_those_who_hold_no_more(world: FactorWorld) -> None:
    """Auth statement 41."""
    await sign_in(world)
    await sign_in(world, "admin@x.test", "admin's password")
    keeper = Granter(organization="default", subject="users/keeper", held=frozenset({"auth.*"}))
    assert len(await world.lists.list_of_user(keeper, "users/clerk")) == 1
    with pytest.raises(GrantExceedsOwn):
        await world.lists.end_of_user(keeper, "users/admin")
    assert await world.lists.end_of_user(keeper, "users/clerk") == 1
    assert await ids(world) == set()
    with pytest.raises(UserUnknown):
        await world.lists.list_of_user(keeper, "users/nobody")


async def test_whoever_has_a_second_factor_gets_a_challenge_and_no_token(world: FactorWorld) -> None:
    await world.give_totp()
    state = await world.entrance.sign_in(organization="", email="clerk@x.test", password=PASSWORD, origin=HERE)
    assert isinstance(state, SignInState)
    assert world.tokens.issued == []
    state = await world.flow.totp(state.attempt, world.totp(), HERE)
    opened = await world.entrance.conclude(state, HERE)
    assert isinstance(opened, Opened)
    assert opened.family.authentication is not None
    assert opened.family.authentication.level == "aal2"
    with pytest.raises(SignInExpired):
        await world.entrance.conclude(state, HERE)


async def test_stepping_up_gives_a_stronger_token_and_keeps_the_refresh_token(world: FactorWorld) -> None:
    opened = await sign_in(world)
    await world.give_totp()
    begun = await world.entrance.step_up(organization="default", session=opened.family.session, level="aal2")
    world.clock.advance(minutes=1)
    state = await world.flow.totp(begun.attempt, world.totp(), HERE)
    family = opened.family
    token = await world.entrance.conclude_step_up(state, HERE, session=family.session, family=family.id)
    assert isinstance(token, AccessToken)
    grant = world.tokens.issued[-1]
    assert grant.authentication is not None
    assert (grant.authentication.level, grant.authentication.time) == ("aal2", world.clock())
    assert opened.refresh is not None
    await world.families.renew(opened.refresh.text)
    renewed = world.tokens.issued[-1].authentication
    assert renewed is not None
    assert renewed.level == "aal2"


async def test_stepping_up_is_for_the_session_that_began_it(world: FactorWorld) -> None:
    mine = await sign_in(world)
    other = await sign_in(world)
    begun = await world.entrance.step_up(organization="default", session=mine.family.session, level="")
    with pytest.raises(SignInExpired):
        await world.entrance.check_step_up(begun.attempt, session=other.family.session)
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    with pytest.raises(SignInExpired):
        await world.entrance.conclude(state, HERE)
    with pytest.raises(SignInExpired):
        await world.entrance.conclude_step_up(state, HERE, session=other.family.session, family=other.family.id)
    assert len(world.kept.sessions) == 2


async def test_a_level_that_nothing_reaches_is_refused(world: FactorWorld) -> None:
    opened = await sign_in(world)
    family = opened.family
    begun = await world.entrance.step_up(organization="default", session=family.session, level="aal2")
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    with pytest.raises(LevelOutOfReach):
        await world.entrance.conclude_step_up(state, HERE, session=family.session, family=family.id)


async def test_an_ended_session_is_not_strengthened(world: FactorWorld) -> None:
    opened = await sign_in(world)
    begun = await world.entrance.step_up(organization="default", session=opened.family.session, level="")
    state = await world.flow.password(begun.attempt, PASSWORD, HERE)
    await world.sessions.end(opened.family.session)
    with pytest.raises(SignInExpired):
        await world.entrance.conclude_step_up(state, HERE, session=opened.family.session, family=opened.family.id)
    with pytest.raises(SignInExpired):
        await world.entrance.step_up(organization="default", session=opened.family.session, level="")
