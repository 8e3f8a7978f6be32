"""Whether nobody gains more than they hold, and no organization locks itself out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.auth.domain.accounts import Granter
from services.auth.domain.errors import GrantExceedsOwn, LastAdministrator, RoleInUse, RoleUnknown
from tests.fakes.auth_conformance import session_named

if TYPE_CHECKING:
    from tests.fakes.auth_world import World

ORG = "default"
KEEPER = Granter(organization=ORG, subject="users/keeper", held=frozenset({"auth.*"}))
ADMIN = Granter(organization=ORG, subject="users/admin", held=frozenset({"*"}))
OTHER = Granter(organization="other", subject="users/other", held=frozenset({"*"}))


async def test_a_role_grants_no_more_than_its_maker_holds(world: World) -> None:
    async with world.grants.creating_role(KEEPER, ["auth.users.get", "auth.roles.*"]):
        pass
    with pytest.raises(GrantExceedsOwn) as caught:
        async with world.grants.creating_role(KEEPER, ["auth.users.get", "shop.*", "*"]):
            pytest.fail("the role is made")
    assert caught.value.metadata == {"permissions": "*, shop.*"}


async def test_nobody_widens_a_role_beyond_what_they_hold(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_role(KEEPER, "roles/keeper"):
            world.people.add_role("roles/keeper", "auth.*", "shop.*")
    assert world.people.roles[ORG, "roles/keeper"] == {"auth.*"}


async def test_nobody_narrows_a_role_that_they_do_not_hold(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_role(KEEPER, "roles/clerk"):
            pytest.fail("the role is changed")


async def test_nobody_gives_a_user_a_role_beyond_what_they_hold(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.creating_user(KEEPER, ["roles/administrator"]):
            pytest.fail("the user is made")
    world.people.add_user("users/new")
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_user(KEEPER, "users/new"):
            world.people.change("users/new", roles=("roles/clerk",))
    assert world.people.users[ORG, "users/new"].roles == ()


async def test_nobody_edits_a_user_who_holds_more(world: World) -> None:
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_user(KEEPER, "users/admin"):
            pytest.fail("the address of the administrator is changed")


async def test_a_role_that_does_not_exist_is_given_to_nobody(world: World) -> None:
    with pytest.raises(RoleUnknown) as caught:
        async with world.grants.creating_user(ADMIN, ["roles/none"]):
            pytest.fail("the user is made")
    assert caught.value.violations[0].field == "user.roles"


@pytest.mark.parametrize("change", [{"disabled": True}, {"roles": ("roles/clerk",)}])
async def test_the_last_administrator_stays_one(world: World, change: dict[str, Any]) -> None:
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_user(ADMIN, "users/admin"):
            world.people.change("users/admin", **change)
    assert await world.people.count_administrators(ORG) == 1


async def test_the_last_administrator_is_not_deleted_and_the_last_but_one_is(world: World) -> None:
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_user(ADMIN, "users/admin"):
            del world.people.users[ORG, "users/admin"]
    world.people.add_user("users/second", "roles/administrator")
    async with world.grants.changing_user(ADMIN, "users/admin"):
        del world.people.users[ORG, "users/admin"]
    assert (ORG, "users/admin") not in world.people.hashes


async def test_the_role_of_the_last_administrator_stays_what_it_is(world: World) -> None:
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_role(ADMIN, "roles/administrator"):
            world.people.add_role("roles/administrator", "auth.*")


async def test_a_role_in_use_is_not_deleted(world: World) -> None:
    with pytest.raises(RoleInUse):
        async with world.grants.deleting_role(ADMIN, "roles/clerk"):
            pytest.fail("the role is deleted")
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.deleting_role(KEEPER, "roles/clerk"):
            pytest.fail("the role is deleted")


async def test_disabling_and_deleting_end_what_the_user_has_open(world: World) -> None:
    def ended() -> set[str]:
        return {session.id for session in world.kept.sessions.values() if session.ended is not None}

    for name in ("clerk", "keeper"):
        await world.kept.open(session_named(name, user=f"users/{name}"), None)
    async with world.grants.changing_user(ADMIN, "users/clerk"):
        world.people.change("users/clerk", disabled=True)
    async with world.grants.changing_user(ADMIN, "users/keeper"):
        world.people.change("users/keeper", email="kim@x.test")
    assert ended() == {"clerk"}
    async with world.grants.changing_user(ADMIN, "users/keeper"):
        del world.people.users[ORG, "users/keeper"]
    assert ended() == {"clerk", "keeper"}
    assert world.revocations.kept.keys() == {"subject:users/clerk", "subject:users/keeper"}


async def test_changing_one_organization_counts_the_administrators_of_that_one(world: World) -> None:
    world.people.add_role("roles/administrator", "*", organization="other")
    world.people.add_user("users/other", "roles/administrator", organization="other")
    with pytest.raises(LastAdministrator):
        async with world.grants.changing_user(OTHER, "users/other"):
            world.people.change("users/other", organization="other", disabled=True)


async def test_a_token_from_before_a_demotion_does_not_serve_to_undo_it(world: World) -> None:
    world.people.add_user("users/second", "roles/administrator")
    world.people.change("users/admin", roles=("roles/keeper",))
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.changing_user(ADMIN, "users/admin"):
            world.people.change("users/admin", roles=("roles/administrator",))
    async with world.grants.creating_role(ADMIN, ["auth.users.*"]):
        pass


async def test_who_is_disabled_or_deleted_grants_nothing_with_the_token_that_is_left(world: World) -> None:
    world.people.add_user("users/second", "roles/administrator")
    world.people.change("users/admin", disabled=True)
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.creating_role(ADMIN, ["auth.users.get"]):
            pytest.fail("the role is made")
    del world.people.users[ORG, "users/admin"]
    with pytest.raises(GrantExceedsOwn):
        async with world.grants.creating_role(ADMIN, ["auth.users.get"]):
            pytest.fail("the role is made")


async def test_who_acts_in_the_system_holds_what_they_hold_at_home(world: World) -> None:
    system = Granter(organization="system", subject="users/admin", held=frozenset({"*"}))
    async with world.grants.creating_role(system, ["*"]):
        pass


async def test_one_of_two_administrators_may_step_back(world: World) -> None:
    world.people.add_user("users/second", "roles/administrator")
    async with world.grants.changing_user(ADMIN, "users/admin"):
        world.people.change("users/admin", roles=())


async def test_holding_less_takes_back_the_tokens_that_are_out(world: World) -> None:
    async with world.grants.changing_user(ADMIN, "users/clerk"):
        world.people.change("users/clerk", email="kim@x.test")
    assert world.revocations.kept == {}
    async with world.grants.changing_role(ADMIN, "roles/keeper"):
        world.people.add_role("roles/keeper", "auth.users.get")
    assert world.revocations.kept == {"subject:users/keeper": int(world.clock.seconds()) + 1}
