"""Whether what a client holds lives on, ends, and cannot be lived on by a thief."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.domain.authentication import Authentication
from services.auth.domain.errors import RefreshTokenInvalid, RefreshTokenReused
from services.auth.domain.families import Request
from services.auth.domain.sessions import Origin, digest_of

if TYPE_CHECKING:
    from services.auth.domain.families import Opened
    from tests.fakes.auth_world import World


async def open_session(world: World, name: str = "clerk") -> Opened:
    account = await world.people.find_by_name("default", f"users/{name}")
    assert account is not None
    proof = Authentication(time=world.clock(), methods=("pwd",))
    opened = await world.sessions.open(account, proof, Origin(address="192.0.2.1"))
    return await world.families.open(account, Request(client="tenon", session=opened.session))


def refresh_of(opened: Opened) -> str:
    assert opened.refresh is not None
    return opened.refresh.text


async def sign_out(
    world: World, user: str, *, organization: str = "default", session: str = "", refresh_token: str = ""
) -> None:
    await world.exits.sign_out(
        organization=organization, user=user, session=session, family="", refresh_token=refresh_token
    )


async def test_a_session_lives_on_by_a_new_token_each_time(world: World) -> None:
    opened = await open_session(world)
    for _ in range(5):
        world.clock.advance(days=1)
        renewed = await world.families.renew(refresh_of(opened))
        assert refresh_of(renewed) != refresh_of(opened)
        opened = renewed
    assert len({grant.session for grant in world.tokens.issued}) == 1


async def test_a_renewed_token_grants_what_the_user_holds_now(world: World) -> None:
    opened = await open_session(world)
    world.people.change("users/clerk", roles=("roles/keeper",))
    await world.families.renew(refresh_of(opened))
    assert world.tokens.issued[-1].permissions == {"auth.*"}


async def test_a_used_refresh_token_revokes_its_family(world: World) -> None:
    opened = await open_session(world)
    second = await world.families.renew(refresh_of(opened))
    third = await world.families.renew(refresh_of(second))
    world.clock.advance(seconds=11)
    with pytest.raises(RefreshTokenReused):
        await world.families.renew(refresh_of(opened))
    for token in (opened, second, third):
        with pytest.raises(RefreshTokenInvalid):
            await world.families.renew(refresh_of(token))


async def test_within_the_grace_a_used_token_gives_the_same_successor(world: World) -> None:
    opened = await open_session(world)
    first = await world.families.renew(refresh_of(opened))
    world.clock.advance(seconds=9)
    again = await world.families.renew(refresh_of(opened))
    assert again.refresh == first.refresh
    await world.families.renew(refresh_of(again))


async def test_a_used_token_does_not_lead_past_its_successor_however_soon_it_comes(world: World) -> None:
    opened = await open_session(world)
    second = await world.families.renew(refresh_of(opened))
    third = await world.families.renew(refresh_of(second))
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(refresh_of(opened))
    await world.families.renew(refresh_of(third))


async def test_a_session_of_another_family_lives_on(world: World) -> None:
    stolen, other = await open_session(world), await open_session(world)
    await world.families.renew(refresh_of(stolen))
    world.clock.advance(seconds=11)
    with pytest.raises(RefreshTokenReused):
        await world.families.renew(refresh_of(stolen))
    await world.families.renew(refresh_of(other))


async def test_an_idle_session_ends(world: World) -> None:
    opened = await open_session(world)
    world.clock.advance(days=14)
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(refresh_of(opened))


async def test_a_session_ends_however_often_it_is_renewed(world: World) -> None:
    opened = await open_session(world)
    for _ in range(29):
        world.clock.advance(days=1)
        opened = await world.families.renew(refresh_of(opened))
    assert opened.refresh is not None
    assert opened.refresh.expires - world.clock() == world.sessions.lifetimes.absolute - 29 * (
        world.sessions.lifetimes.absolute / 30
    )
    world.clock.advance(days=1)
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(refresh_of(opened))


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "🦀" * 40])
async def test_an_unknown_token_is_refused(world: World, token: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(token)


async def test_a_disabled_user_does_not_refresh_nor_after_being_enabled_again(world: World) -> None:
    opened = await open_session(world)
    world.people.change("users/clerk", disabled=True)
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(refresh_of(opened))
    world.people.change("users/clerk", disabled=False)
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(refresh_of(opened))


async def test_a_deleted_user_does_not_refresh(world: World) -> None:
    opened = await open_session(world)
    del world.people.users["default", "users/clerk"]
    with pytest.raises(RefreshTokenInvalid):
        await world.families.renew(refresh_of(opened))


async def test_signing_out_ends_the_session_of_the_refresh_token_or_of_the_access_token(world: World) -> None:
    first, second = await open_session(world), await open_session(world)
    session = world.tokens.issued[1].session
    for refresh_token, sid in ((refresh_of(first), ""), ("", session)):
        await world.exits.sign_out(
            family="", organization="default", user="users/clerk", session=sid, refresh_token=refresh_token
        )
    for opened in (first, second):
        with pytest.raises(RefreshTokenInvalid):
            await world.families.renew(refresh_of(opened))


async def test_nobody_signs_somebody_else_out(world: World) -> None:
    opened = await open_session(world)
    await sign_out(world, "users/admin", refresh_token=refresh_of(opened))
    await world.exits.sign_out(
        family="", organization="other", user="users/clerk", session="", refresh_token=refresh_of(opened)
    )
    await world.families.renew(refresh_of(opened))


async def test_what_is_kept_of_a_token_is_its_digest(world: World) -> None:
    opened = await open_session(world)
    assert list(world.kept_families.tokens) == [digest_of(refresh_of(opened))]
    assert len(refresh_of(opened)) == 43
