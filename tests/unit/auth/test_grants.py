"""Whether nobody gains more than they hold, and no organization locks itself out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.auth.domain.errors import GrantExceedsOwn, LastAdministrator, RoleInUse, RoleUnknown
from services.auth.domain.sessions import Session
from tests.fakes.auth import START

if TYPE_CHECKING:
    from tests.unit.auth.conftest import World

ORG = "default"
KEEPER = frozenset({"auth.*"})
ADMIN = frozenset({"*"})


async def test_a_role_grants_no_more_than_its_maker_holds(world: World) -> None:
    async with world.grants.creating_role(ORG, ["auth.users.get", "auth.roles.*"], held=KEEPER):
        pass
    with pytest.raises(GrantExceedsOwn) as caught:
        async with world.grants.creating_role(ORG, ["auth.users.get", "shop.*", "*"], held=KEEPER):
            pytest.fail("the role is made")
    assert caught.value.metadata == {"permissions": "*, shop.*"}


async def test_nobody_widens_a_role_beyond_what_they_hold(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_role(ORG, "roles/keeper", held=KEEPER):
            world.people.add_role("roles/keeper", "auth.*", "shop.*")
    assert world.people.roles[ORG, "roles/keeper"] == {"auth.*"}


async def test_nobody_narrows_a_role_that_they_do_not_hold(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_role(ORG, "roles/clerk", held=KEEPER):
            pytest.fail("the role is changed")


async def test_nobody_gives_a_user_a_role_beyond_what_they_hold(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.creating_user(ORG, ["roles/administrator"], held=KEEPER):
            pytest.fail("the user is made")
    world.people.add_user("users/new")
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_user(ORG, "users/new", held=KEEPER):
            world.people.change("users/new", roles=("roles/clerk",))
    assert world.people.users[ORG, "users/new"].roles == ()


async def test_nobody_edits_a_user_who_holds_more(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_user(ORG, "users/admin", held=KEEPER):
            pytest.fail("the address of the administrator is changed")


async def test_a_role_that_does_not_exist_is_given_to_nobody(world: World) -> None:
    with pytest.raises(RoleUnknown) as caught:
        async with world.grants.creating_user(ORG, ["roles/none"], held=ADMIN):
            pytest.fail("the user is made")
    assert caught.value.violations[0].field == "user.roles"


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ("roles/clerk",)}])
async def test_the_last_administrator_stays_one(world: World, change: dict[str, Any]) -> None:
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_user(ORG, "users/admin", held=ADMIN):
            world.people.change("users/admin", **change)
    assert await world.people.count_administrators(ORG) == 1


async def test_the_last_administrator_is_not_deleted_and_the_last_but_one_is(world: World) -> None:
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_user(ORG, "users/admin", held=ADMIN):
            del world.people.users[ORG, "users/admin"]
    world.people.add_user("users/second", "roles/administrator")
    async with world.grants.changing_user(ORG, "users/admin", held=ADMIN):
        del world.people.users[ORG, "users/admin"]
    assert (ORG, "users/admin") not in world.people.hashes


async def test_the_role_of_the_last_administrator_stays_what_it_is(world: World) -> None:
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_role(ORG, "roles/administrator", held=ADMIN):
            world.people.add_role("roles/administrator", "auth.*")


async def test_a_role_in_use_is_not_deleted(world: World) -> None:
    with pytest.raises(RoleInUse):
        async with world.grants.deleting_role(ORG, "roles/clerk", held=ADMIN):
            pytest.fail("the role is deleted")
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.deleting_role(ORG, "roles/clerk", held=KEEPER):
            pytest.fail("the role is deleted")


async def test_disabling_and_deleting_end_what_the_user_has_open(world: World) -> None:
    for name in ("clerk", "keeper"):
        session = Session(id=name, organization=ORG, user=f"users/{name}", client="tenon", expires=START)
        await world.kept.open(session, name.encode(), START)
    async with world.grants.changing_user(ORG, "users/clerk", held=ADMIN):
        world.people.change("users/clerk", disabled=True)
    async with world.grants.changing_user(ORG, "users/keeper", held=ADMIN):
        world.people.change("users/keeper", email="kim@x.test")
    assert world.kept.ended == {"clerk"}
    async with world.grants.changing_user(ORG, "users/keeper", held=ADMIN):
        del world.people.users[ORG, "users/keeper"]
    assert world.kept.ended == {"clerk", "keeper"}


async def test_changing_one_organization_counts_the_administrators_of_that_one(world: World) -> None:
    world.people.add_role("roles/administrator", "*", organization="other")
    world.people.add_user("users/other", "roles/administrator", organization="other")
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_user("other", "users/other", held=ADMIN):
            world.people.change("users/other", organization="other", disabled=True)
