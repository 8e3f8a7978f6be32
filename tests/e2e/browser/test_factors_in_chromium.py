"""Passkeys and authenticator apps in a real browser, whose authenticator answers by itself."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.factors.totp import code_at, step_at
from tests.e2e.browser.driving import Authenticator

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.browser.driving import Person

Account = tuple[str, str]


def set_up_app(person: Person) -> bytes:
    """Set up an authenticator app, and return its seed as it is shown to be typed."""
    person.open("/account/authenticators")
    person.follow("Set up an app")
    assert person.page.get_by_role("img", name="QR code").is_visible()
    key = person.page.locator(".code").inner_text().replace(" ", "")
    seed = base64.b32decode(key + "=" * (-len(key) % 8))
    person.fill("Code that the app shows now", code_at(seed, step_at(time.time())))
    person.press("Finish")
    assert person.page.get_by_role("status").inner_text().startswith("Your authenticator app is set up")
    return seed


def test_a_passkey_is_made_and_signs_in_by_itself(person: Person, account: Account) -> None:
    device = Authenticator.beside(person)
    person.sign_in(*account)
    person.open("/account/authenticators")
    person.follow("Add a passkey")
    person.judge()
    person.fill("Name", "Phone")
    person.press("Add the passkey")
    person.page.wait_for_url("**/account/authenticators?done=passkey")
    assert person.page.get_by_role("heading", name="Phone").is_visible()
    assert len(device.credentials()) == 1
    before = person.cookie()["value"]

    person.open("/account/sign-out")
    person.press("Sign out")
    person.press("Use a passkey")
    person.judge()
    person.press("Continue with a passkey")
    person.page.wait_for_url("**/account")
    assert person.page.get_by_text("passkey", exact=True).is_visible()
    assert person.cookie()["value"] != before
    assert device.credentials()[0]["signCount"] >= 2


def test_a_passkey_that_its_owner_refuses_is_told_and_may_be_tried_again(person: Person, account: Account) -> None:
    device = Authenticator.beside(person)
    person.sign_in(*account)
    person.open("/account/authenticators/passkey")
    device.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device.id, "isUserVerified": False})
    person.press("Add the passkey")
    person.page.get_by_text("No passkey was used").wait_for()
    device.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device.id, "isUserVerified": True})
    person.press("Add the passkey")
    person.page.wait_for_url("**/account/authenticators?done=passkey")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_an_app_is_asked_for_beside_the_password(
    sit_down: Callable[..., Person], account: Account, scripts: bool
) -> None:
    person = sit_down(java_script_enabled=scripts)
    person.sign_in(*account)
    seed = set_up_app(person)
    person.open("/account/sign-out")
    person.press("Sign out")
    person.sign_in(*account)
    assert person.heading == "Enter the code of your app"
    if scripts:
        person.judge()
    person.fill("Code of six digits", "000000")
    person.press("Continue")
    assert "not right" in person.page.get_by_role("alert").inner_text()
    person.fill("Code of six digits", code_at(seed, step_at(time.time()) + 1))
    person.press("Continue")
    assert person.path == "/account"
    assert person.page.get_by_text("password and one-time code").is_visible()


def test_recovery_codes_are_shown_once(person: Person, account: Account) -> None:
    person.sign_in(*account)
    set_up_app(person)
    person.press("Make recovery codes")
    person.judge()
    codes = person.page.locator(".codes li").all_inner_texts()
    assert len(set(codes)) == 10
    person.open("/account/authenticators")
    assert codes[0] not in person.page.content()
