"""Connecting a device on its page, over fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette

from services.auth.domain.accounts import Account
from services.auth.domain.authentication import Authentication
from services.auth.domain.sessions import Origin
from services.auth.http.pages.device import DevicePage
from services.auth.http.pages.look import Look
from services.auth.http.pages.site import Site
from services.chassis.errors import NotFound, ResourceExhausted
from tests.fakes.auth_world import World
from tests.integration.auth.pages.browsing import ISSUER, SESSION, Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.auth.domain.sessions import Session

CODE = "BCDF-GHJK"


@dataclass(frozen=True, kw_only=True)
class View:
    """A device that waits."""

    client_name: str = "Television"
    scopes: tuple[str, ...] = ("openid",)
    user_code: str = CODE


@dataclass
class FakeDevices:
    """One device that waits (port `Devices`)."""

    decisions: list[tuple[str, str, str]] = field(default_factory=list)
    tries: int = 0

    async def describe(self, user_code: str, session: Session, origin: Origin) -> View:
        self.tries += 1
        if self.tries > 3:
            raise ResourceExhausted("Too many codes were tried. Wait a minute.", retry_after=60)
        if user_code.upper().replace("-", "") != CODE.replace("-", ""):
            raise NotFound("No device shows this code. Check it.")
        return View()

    async def approve(self, user_code: str, session: Session, origin: Origin) -> None:
        self.decisions.append(("approve", user_code, session.user))

    async def deny(self, user_code: str, session: Session, origin: Origin) -> None:
        self.decisions.append(("deny", user_code, session.user))


@pytest.fixture
def devices() -> FakeDevices:
    return FakeDevices()


@pytest.fixture
async def browser(devices: FakeDevices) -> AsyncIterator[Browser]:
    """A browser in which somebody has signed in."""
    world = World()
    account = Account(organization="default", name="users/ada", email="ada@x.test")
    world.people.users[account.organization, account.name] = account
    proof = Authentication(time=world.clock(), methods=("pwd",))
    opened = await world.sessions.open(account, proof, Origin(), browser=True)
    site = Site(look=Look(), issuer=ISSUER, sessions=world.sessions, directory=world.people)
    browser = Browser(Starlette(routes=list(DevicePage(site=site, devices=devices).routes())))
    browser.client.cookies.set(SESSION, opened.cookie, domain="tenon.test")
    yield browser
    await browser.client.aclose()


async def test_a_code_that_was_typed_is_shown_again_before_anything_is_connected(
    browser: Browser, devices: FakeDevices
) -> None:
    """Auth statement 26: the user confirms the code shown."""
    await browser.open("/account/device")
    await browser.press("Continue", user_code="bcdfghjk")
    assert CODE in browser.words()
    assert "Television" in browser.words()
    assert devices.decisions == []
    await browser.press("Connect the device")
    assert devices.decisions == [("approve", CODE, "users/ada")]
    assert "Your device is connected" in browser.words()


async def test_a_link_with_the_code_connects_nothing_by_itself(browser: Browser, devices: FakeDevices) -> None:
    await browser.open(f"/account/device?user_code={CODE}")
    assert devices.decisions == []
    await browser.press("Do not connect it")
    assert devices.decisions == [("deny", CODE, "users/ada")]
    assert "not connected" in browser.words()


async def test_a_wrong_code_is_told_at_its_field_until_too_many_were_tried(browser: Browser) -> None:
    await browser.open("/account/device")
    for _ in range(3):
        await browser.press("Continue", user_code="XXXX-XXXX")
        assert browser.answer.status_code == 404
        assert "No device shows this code" in browser.words()
    await browser.press("Continue", user_code="XXXX-XXXX")
    assert browser.answer.status_code == 429
    assert browser.answer.headers["retry-after"] == "61"


async def test_whoever_is_not_signed_in_comes_back_with_the_code(browser: Browser) -> None:
    browser.client.cookies.clear()
    answer = await browser.get(f"/account/device?user_code={CODE}")
    assert answer.headers["location"] == "/account/sign-in?to=%2Faccount%2Fdevice%3Fuser_code%3DBCDF-GHJK"
