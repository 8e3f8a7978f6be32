"""People use the pages in a real browser, through the whole stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.browser.driving import Person
    from tests.e2e.stack import Stack

ADMIN = "admin@tenon.local"
ROOMS = ("", "/profile", "/password", "/authenticators", "/sessions", "/applications", "/data")


def test_the_administrator_signs_in_by_what_tenon_up_has_told(person: Person, admin_password: str) -> None:
    person.open("/account")
    assert person.path == "/account/sign-in"
    person.sign_in(ADMIN, admin_password)
    assert (person.path, person.heading) == ("/account", "Your account")
    assert person.page.get_by_text(ADMIN).first.is_visible()
    cookie = person.cookie()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")


def test_a_wrong_password_is_told_where_the_reader_is(person: Person) -> None:
    person.sign_in(ADMIN, "not the password at all")
    alert = person.page.get_by_role("alert")
    assert "wrong" in alert.inner_text()
    assert person.page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert person.page.get_by_label("Email address").input_value() == ADMIN
    assert person.page.get_by_label("Password").input_value() == ""
    assert person.page.title().startswith("Error")


def test_the_pages_work_by_the_keyboard_alone(person: Person, admin_password: str) -> None:
    person.open("/account/sign-in")
    person.page.keyboard.type(ADMIN)  # the first field has the focus
    person.page.keyboard.press("Tab")
    person.page.keyboard.type(admin_password)
    person.page.keyboard.press("Enter")
    person.page.wait_for_url(person.url + "/account")
    person.page.keyboard.press("Tab")
    assert person.page.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_a_person_without_javascript_signs_in_and_out(sit_down: Callable[..., Person], admin_password: str) -> None:
    person = sit_down(java_script_enabled=False)
    person.sign_in(ADMIN, admin_password)
    assert person.heading == "Your account"
    person.follow("Sign out")
    person.press("Sign out")
    assert person.path == "/account/sign-in"
    person.open("/account")
    assert person.path == "/account/sign-in"


def test_without_javascript_the_page_says_that_passkeys_need_it(sit_down: Callable[..., Person]) -> None:
    person = sit_down(java_script_enabled=False)
    person.open("/account/sign-in")
    person.press("Use a passkey")
    assert person.page.get_by_text("Passkeys need JavaScript").is_visible()
    assert not person.page.get_by_role("button", name="Continue with a passkey").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_is_accessible(
    sit_down: Callable[..., Person], admin_password: str, scheme: str, width: int
) -> None:
    person = sit_down(color_scheme=scheme, viewport={"width": width, "height": 900})
    for path in ("/account/sign-in", "/account/sign-in?organization=", "/account/reset", "/account/nothing-here"):
        person.open(path)
        person.judge()
    person.sign_in(ADMIN, "not the password at all")
    person.judge()
    person.sign_in(ADMIN, admin_password)
    for room in (*ROOMS, "/sign-out", "/device"):
        person.open(f"/account{room}")
        assert person.page.locator("html").get_attribute("lang") == "en"
        person.judge()


def test_the_rules_of_accessibility_find_what_is_wrong(person: Person) -> None:
    person.open("/account/sign-in")
    person.page.evaluate("document.querySelector('label').remove()")
    assert "label" in person.find_barriers()


def test_the_address_of_this_machine_leads_to_its_name(person: Person, stack: Stack) -> None:
    person.page.goto(f"{stack.url}/account")
    assert person.page.url.startswith(f"{person.url}/account/sign-in")
