"""Whether passwords are changed and reset by those who may, and what that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.domain.accounts import Granter
from services.auth.domain.errors import (
    CurrentPasswordWrong,
    GrantExceedsOwn,
    SignInThrottled,
    UserDisabled,
    UserUnknown,
)
from services.auth.domain.passwords import generate_password
from tests.fakes.auth_conformance import session_named

if TYPE_CHECKING:
    from tests.fakes.auth_world import World

ADMIN = Granter(organization="default", subject="users/admin", held=frozenset({"*"}))
KEEPER = Granter(organization="default", subject="users/keeper", held=frozenset({"auth.*"}))
OTHER = Granter(organization="other", subject="users/admin", held=frozenset({"*"}))


async def change(world: World, current: str, *, user: str = "users/clerk", keep: str = "") -> None:
    await world.passwords.change(
        "default", user, current=current, new="a new long password", address="192.0.2.1", keep_session=keep
    )


async def open_sessions(world: World, user: str, *names: str) -> None:
    for name in names:
        await world.kept.open(session_named(name, user=user), None)


def ended(world: World) -> set[str]:
    return {session.id for session in world.kept.sessions.values() if session.ended is not None}


async def test_the_current_password_is_needed_to_change_it(world: World) -> None:
    with pytest.raises(CurrentPasswordWrong):
        await change(world, "wrong")
    await change(world, "clerk's password")
    assert world.people.hashes["default", "users/clerk"] == "hash:a new long password"
    with pytest.raises(CurrentPasswordWrong):
        await change(world, "clerk's password")


async def test_changing_ends_all_sessions_but_the_callers(world: World) -> None:
    await open_sessions(world, "users/clerk", "laptop", "phone")
    await open_sessions(world, "users/admin", "other")
    await change(world, "clerk's password", keep="laptop")
    assert ended(world) == {"phone"}


async def test_guessing_the_current_password_is_throttled(world: World) -> None:
    for _ in range(21):
        with pytest.raises(CurrentPasswordWrong):
            await change(world, "wrong")
    with pytest.raises(SignInThrottled):
        await change(world, "clerk's password")


async def test_a_disabled_or_unknown_user_changes_nothing(world: World) -> None:
    world.people.change("users/clerk", disabled=True)
    with pytest.raises(UserDisabled):
        await change(world, "clerk's password")
    with pytest.raises(UserUnknown):
        await change(world, "x", user="users/none")


async def test_a_reset_gives_a_random_password_and_ends_all_sessions(world: World) -> None:
    await open_sessions(world, "users/clerk", "laptop", "phone")
    first = await world.passwords.reset(ADMIN, "users/clerk")
    second = await world.passwords.reset(ADMIN, "users/clerk")
    assert first != second
    assert world.people.hashes["default", "users/clerk"] == f"hash:{second}"
    assert ended(world) == {"laptop", "phone"}


async def test_nobody_resets_the_password_of_who_holds_more(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        await world.passwords.reset(KEEPER, "users/admin")
    assert world.people.hashes["default", "users/admin"] == "hash:admin's password"


async def test_a_user_of_another_organization_is_unknown(world: World) -> None:
    with pytest.raises(UserUnknown):
        await world.passwords.reset(OTHER, "users/clerk")


def test_generated_passwords_are_long_and_differ() -> None:
    made = {generate_password() for _ in range(100)}
    assert len(made) == 100
    assert all(15 <= len(password) <= 128 for password in made)
