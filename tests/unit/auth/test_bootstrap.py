"""Whether the first administrator comes to be, once, and the `tenon` command gets its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.domain.errors import UserDisabled, UserUnknown
from tests.fakes.auth import FakePeople
from tests.fakes.auth_world import World

if TYPE_CHECKING:
    from services.auth.domain.accounts import Account


async def administrator(world: World) -> Account:
    found = await world.people.find_by_email("default", "admin@x.test")
    assert found is not None
    return found


async def test_the_first_start_makes_an_administrator_with_the_password() -> None:
    world = World()
    outcome = await world.bootstrap.run("the first password")
    assert (outcome.created, outcome.has_password) == (True, True)
    account = await administrator(world)
    assert account.is_administrator
    assert account.roles == ("roles/administrator",)
    assert account.password_hash == "hash:the first password"


async def test_running_it_again_changes_nothing_and_keeps_a_changed_password() -> None:
    world = World()
    await world.bootstrap.run("the first password")
    await world.people.set("default", "users/1", "hash:another")
    before = FakePeople(dict(world.people.users), dict(world.people.roles), dict(world.people.hashes))
    outcome = await world.bootstrap.run("the first password")
    assert (outcome.created, outcome.has_password) == (False, True)
    after = world.people
    assert (before.users, before.roles, before.hashes) == (after.users, after.roles, after.hashes)


async def test_without_a_password_the_administrator_has_none_until_a_start_brings_one() -> None:
    world = World()
    assert not (await world.bootstrap.run("")).has_password
    assert (await administrator(world)).password_hash == ""
    assert (await world.bootstrap.run("a later password")).has_password
    assert (await administrator(world)).password_hash == "hash:a later password"


async def test_another_administrator_is_enough(world: World) -> None:
    world.people.change("users/admin", email="somebody@x.test")
    outcome = await world.bootstrap.run("the first password")
    assert not outcome.created
    assert await world.people.find_by_email("default", "admin@x.test") is None


async def test_minting_is_for_the_bootstrap_administrator_where_nobody_is_named(world: World) -> None:
    account, organization, token = await world.minting.mint(email="", organization="", client="cli")
    assert (account.name, organization) == ("users/admin", "default")
    grant = world.tokens.issued[-1]
    assert (grant.client, grant.session) == ("cli", "")
    assert grant.permissions == {"*"}
    assert token.text


async def test_minting_for_the_system_looks_the_user_up_in_the_default_organization(world: World) -> None:
    account, organization, _ = await world.minting.mint(email="", organization="system", client="cli")
    assert (account.name, organization) == ("users/admin", "system")
    assert world.tokens.issued[-1].organization == "system"


async def test_minting_is_not_for_unknown_or_disabled_users(world: World) -> None:
    with pytest.raises(UserUnknown):
        await world.minting.mint(email="clerk@x.test", organization="other", client="cli")
    world.people.change("users/clerk", disabled=True)
    with pytest.raises(UserDisabled):
        await world.minting.mint(email="Clerk@x.test", organization="", client="cli")
