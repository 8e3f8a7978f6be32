"""Setting up authenticators, and signing in by them and by mail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.integration.auth.pages.belongings import App, link_in, next_mail
from tests.integration.auth.pages.browsing import EMAIL, PASSWORD, Browser

if TYPE_CHECKING:
    from pathlib import Path

NEW = "three clouds over one quiet lake"
TOTP_CODE = re.compile(r"\b\d{8}\b")


async def set_up_app(browser: Browser) -> App:
    """Set up an authenticator app."""
    await browser.open("/account/authenticators/app")
    app = App(browser)
    await browser.press("Finish", code=app.code())
    assert "is set up" in browser.words()
    return app


async def test_an_app_is_set_up_by_its_first_code_and_asked_for_afterwards(browser: Browser, other: Browser) -> None:
    await browser.sign_in()
    app = await set_up_app(browser)
    await other.sign_in()
    assert other.session == ""
    assert "code of your app" in other.words()
    await other.press("Continue", code="000000")
    assert other.answer.status_code == 401
    assert other.session == ""
    await other.press("Continue", code=app.code(later=1))
    assert other.answer.url.path == "/account"
    assert "password and one-time code" in other.words()


async def test_a_code_of_an_app_signs_in_once(browser: Browser, other: Browser) -> None:
    """Auth statement 38, as the pages show it."""
    await browser.sign_in()
    app = await set_up_app(browser)
    code = app.code(later=1)
    await browser.open("/account/sign-out")
    await browser.press("Sign out")
    await browser.sign_in()
    await browser.press("Continue", code=code)
    assert browser.answer.url.path == "/account"
    await other.sign_in()
    await other.press("Continue", code=code)
    assert other.answer.status_code == 401


async def test_a_wrong_first_code_leaves_the_key_on_the_page(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/account/authenticators/app")
    before = App(browser)
    await browser.press("Finish", code="000000")
    assert browser.answer.status_code == 400
    after = App(browser)
    assert after.seed == before.seed
    await browser.press("Finish", code=after.code())
    assert "is set up" in browser.words()


async def test_a_recovery_code_stands_in_for_the_app_once(browser: Browser, other: Browser) -> None:
    await browser.sign_in()
    await set_up_app(browser)
    await browser.press("Make recovery codes")
    codes = [item.words() for item in browser.page.all("ol")[0].all("li")]
    assert len(codes) == 10
    await other.sign_in()
    await other.open("/account/sign-in/factor?way=recovery_code")
    await other.press("Continue", code=codes[0].lower())
    assert other.answer.url.path == "/account"
    await other.open("/account/authenticators")
    assert "9" in [strong.words() for strong in other.page.all("strong")]


async def test_an_authenticator_is_renamed_and_removed(browser: Browser) -> None:
    await browser.sign_in()
    await set_up_app(browser)
    nasty = "<b>Phone & co</b>"
    await browser.press("Save the name", display_name=nasty)
    assert nasty in [heading.words() for heading in browser.page.all("h3")]
    await browser.press("Remove")
    assert "Set up an app" in browser.words()


async def test_a_code_by_mail_signs_in(browser: Browser, mails: Path) -> None:
    await browser.open("/account/sign-in")
    await browser.press("Email me a code", email=EMAIL)
    code = TOTP_CODE.search(await next_mail(mails, "code"))
    assert code is not None
    await browser.press("Continue", code=code.group())
    assert browser.answer.url.path == "/account"
    assert "Signed in" in browser.words()


async def test_nobody_learns_from_asking_for_a_code_who_has_an_account(browser: Browser, other: Browser) -> None:
    """Auth statement 36: what is shown to somebody and to nobody is the same."""
    shown = []
    for one, address in ((browser, EMAIL), (other, "noone@tenon.local")):
        await one.open("/account/sign-in")
        await one.press("Email me a code", email=address)
        shown.append((one.answer.status_code, one.words().replace(address, "")))
    assert shown[0] == shown[1]


async def test_a_link_by_mail_signs_in_only_where_it_was_asked_for_and_not_by_being_opened(
    browser: Browser, other: Browser, mails: Path
) -> None:
    await browser.open("/account/sign-in")
    await browser.press("Email me a code", email=EMAIL)
    await browser.open("/account/sign-in/factor?way=email_link")
    await browser.press("Email me a link")
    link = link_in(await next_mail(mails, "link to sign in"))
    await other.open(link)
    assert "where you asked for it" in other.words()
    await browser.open(link)
    assert browser.session == ""
    await browser.press("Sign in")
    assert browser.answer.url.path == "/account"


async def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(
    browser: Browser, other: Browser, mails: Path
) -> None:
    """Auth statement 37: a link is used once, and a password that is refused does not use it up."""
    await other.sign_in()
    await browser.open("/account/reset")
    await browser.press("Send the link", email=EMAIL)
    assert "on its way" in browser.words()
    link = link_in(await next_mail(mails, "new password"))
    await browser.open(link)
    await browser.press("Change the password", password="short")
    assert browser.answer.status_code == 400
    await browser.press("Change the password", password=NEW)
    assert browser.answer.url.path == "/account/sign-in"
    assert browser.session == ""
    assert (await other.get("/account")).status_code == 303
    assert (await browser.open(link)).status_code == 401
    await browser.sign_in(password=NEW)
    assert browser.answer.url.path == "/account"


async def test_a_new_password_does_not_bypass_the_second_factor(browser: Browser, other: Browser, mails: Path) -> None:
    """Auth statement 37: a reset does not bypass what is asked for beside the password (ASVS 6.4.3)."""
    await browser.sign_in()
    await set_up_app(browser)
    await other.open("/account/reset")
    await other.press("Send the link", email=EMAIL)
    await other.open(link_in(await next_mail(mails, "new password")))
    await other.press("Change the password", password=NEW)
    await other.sign_in(password=NEW)
    assert other.session == ""
    assert "code of your app" in other.words()


async def test_nobody_learns_from_a_reset_who_has_an_account(browser: Browser, other: Browser) -> None:
    """Auth statement 36: what is shown to somebody and to nobody is the same."""
    shown = []
    for one, address in ((browser, EMAIL), (other, "noone@tenon.local")):
        await one.open("/account/reset")
        answer = await one.press("Send the link", email=address)
        shown.append((answer.status_code, one.words()))
    assert shown[0] == shown[1]


async def test_a_password_is_changed_by_who_knows_it(browser: Browser, other: Browser) -> None:
    """Auth statements 37 and 41: the current password is asked for, and all other sessions end."""
    await browser.sign_in()
    await other.sign_in()
    await browser.open("/account/password")
    await browser.press("Change the password", current="not the current one", new=NEW)
    assert browser.answer.status_code == 400
    await browser.press("Change the password", current=PASSWORD, new="password1234567")
    assert browser.answer.status_code == 400
    await browser.press("Change the password", current=PASSWORD, new=NEW)
    assert "is changed" in browser.words()
    assert (await other.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200


async def test_a_sign_in_that_was_begun_elsewhere_is_begun_again(browser: Browser) -> None:
    answer = await browser.open("/account/sign-in/factor")
    assert answer.url.path == "/account/sign-in"
    assert "Begin again" in browser.words()
