"""Whether people sign in who may, and nobody learns more from a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.auth.domain.errors import HashingBusy, SignInFailed, SignInThrottled, ThrottleUnavailable
from services.auth.domain.families import Opened
from services.auth.domain.sessions import Origin

if TYPE_CHECKING:
    from tests.fakes.auth_world import World


async def sign_in(
    world: World, email: str, password: str, *, organization: str = "", address: str = "192.0.2.1"
) -> Opened:
    opened = await world.entrance.sign_in(
        organization=organization, email=email, password=password, origin=Origin(address=address)
    )
    assert isinstance(opened, Opened)
    return opened


async def test_the_right_password_opens_a_session_with_what_the_roles_grant(world: World) -> None:
    opened = await sign_in(world, "clerk@x.test", "clerk's password")
    assert (opened.user, opened.organization) == ("users/clerk", "default")
    grant = world.tokens.issued[-1]
    assert grant.permissions == {"shop.orders.*", "shop.items.get"}
    assert grant.session
    assert opened.refresh is not None
    assert grant.session not in opened.refresh.text


async def test_the_case_of_the_address_does_not_matter(world: World) -> None:
    assert (await sign_in(world, " Clerk@X.test ", "clerk's password")).user == "users/clerk"


@pytest.mark.parametrize(
    ("email", "password", "organization"),
    [
        ("clerk@x.test", "wrong", ""),
        ("nobody@x.test", "clerk's password", ""),
        ("gone@x.test", "gone's password", ""),
        ("bare@x.test", "", ""),
        ("clerk@x.test", "clerk's password", "other"),
        ("root@x.test", "root's password", "system"),
    ],
    ids=["wrong password", "unknown user", "disabled user", "no password", "another organization", "the system"],
)
async def test_every_failure_is_the_same_answer_for_the_same_work(
    world: World, email: str, password: str, organization: str
) -> None:
    world.people.add_user("users/gone", password_hash="hash:gone's password")
    world.people.change("users/gone", disabled=True)
    world.people.add_user("users/bare")
    world.people.add_user(
        "users/root", email="root@x.test", password_hash="hash:root's password", organization="system"
    )
    with pytest.raises(SignInFailed) as caught:
        await sign_in(world, email, password, organization=organization)
    assert str(caught.value) == str(SignInFailed())
    assert caught.value.metadata == {}
    assert (world.hasher.verified, world.hasher.hashed) == (1, 0)
    assert len(world.throttle.counters) == 5
    assert world.kept.sessions == {}


async def test_a_guesser_is_stopped_before_the_password_is_looked_at(world: World) -> None:
    for _ in range(21):
        with pytest.raises(SignInFailed):
            await sign_in(world, "clerk@x.test", "wrong")
    with pytest.raises(SignInThrottled) as caught:
        await sign_in(world, "clerk@x.test", "clerk's password")
    assert caught.value.retry_after == pytest.approx(1)
    assert world.hasher.verified == 21
    await sign_in(world, "clerk@x.test", "clerk's password", address="192.0.2.2")


async def test_success_forgets_earlier_failures(world: World) -> None:
    for _ in range(3):
        for _ in range(19):
            with pytest.raises(SignInFailed):
                await sign_in(world, "clerk@x.test", "wrong")
        await sign_in(world, "clerk@x.test", "clerk's password")


async def test_nobody_signs_in_while_attempts_cannot_be_counted(world: World) -> None:
    world.throttle.down = True
    with pytest.raises(ThrottleUnavailable):
        await sign_in(world, "clerk@x.test", "clerk's password")
    assert world.hasher.verified == 0


async def test_a_busy_server_says_so(world: World) -> None:
    world.hasher.busy = True
    with pytest.raises(HashingBusy) as caught:
        await sign_in(world, "clerk@x.test", "clerk's password")
    assert caught.value.retry_after
    assert all(counter.failures == 0 for counter in world.throttle.counters.values())


async def test_no_secret_is_printed_with_what_holds_it(world: World) -> None:
    opened = await sign_in(world, "clerk@x.test", "clerk's password")
    account = await world.people.find_by_name("default", "users/clerk")
    shown = f"{opened!r} {account!r}"
    assert opened.refresh is not None
    assert opened.refresh.text not in shown
    assert opened.access.text not in shown
    assert "hash:" not in shown
    assert "clerk@x.test" not in shown
