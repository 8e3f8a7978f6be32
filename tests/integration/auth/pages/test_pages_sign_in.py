"""Signing in and out by the pages."""

from __future__ import annotations

import re

from tests.integration.auth.pages.browsing import EMAIL, PASSWORD, Browser

NONCES = re.compile(r'name="form_token" value="[^"]+"')


async def test_a_password_signs_in_by_post_redirect_get(browser: Browser) -> None:
    """Auth statement 9: what follows a password is a 303, which no browser repeats it to."""
    await browser.open("/account/sign-in")
    answer = await browser.send("Sign in", email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert PASSWORD not in answer.text
    await browser.open("/account")
    assert EMAIL in browser.words()


async def test_nobody_learns_from_the_page_who_has_an_account(browser: Browser, other: Browser) -> None:
    """Auth statement 36: status and body are the same for a wrong password and for nobody."""
    answers = []
    for one, email in ((browser, EMAIL), (other, "noone@tenon.local")):
        await one.open("/account/sign-in")
        answer = await one.send("Sign in", email=email, password="a wrong password it is")
        answers.append((answer.status_code, NONCES.sub("", answer.text).replace(email, "")))
        assert one.page.all("title")[0].words().startswith("Error")
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


async def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(browser: Browser, other: Browser) -> None:
    """Auth statement 40: signing in gives another session, and the one before has ended."""
    await browser.sign_in()
    planted = browser.session
    other.client.cookies = browser.client.cookies
    await browser.open("/account/sign-in?switch=1")
    await browser.press("Sign in", email=EMAIL, password=PASSWORD)
    assert browser.session not in {"", planted}
    other.client.cookies.set("__Host-tenon-session", planted, domain="tenon.test")
    answer = await other.get("/account")
    assert answer.headers["location"].startswith("/account/sign-in")


async def test_a_step_up_gives_the_session_another_cookie(browser: Browser) -> None:
    """Auth statement 40: the cookie before the step-up opens nothing after it."""
    await browser.sign_in()
    before = browser.session
    await browser.open("/account/confirm")
    assert "still you" in browser.words()
    await browser.press("Continue", password=PASSWORD)
    after = browser.session
    assert after not in {"", before}
    assert browser.answer.url.path == "/account"
    browser.client.cookies.set("__Host-tenon-session", before, domain="tenon.test")
    assert (await browser.get("/account")).status_code == 303


async def test_signing_out_asks_first_and_ends_the_session(browser: Browser, other: Browser) -> None:
    await browser.sign_in()
    cookie = browser.session
    await browser.open("/account/sign-out")
    assert browser.session == cookie
    answer = await browser.press("Sign out")
    assert browser.session == ""
    assert answer.url.path == "/account/sign-in"
    other.client.cookies.set("__Host-tenon-session", cookie, domain="tenon.test")
    assert (await other.get("/account")).status_code == 303


async def test_somebody_sees_their_sessions_and_ends_another_one(browser: Browser, other: Browser) -> None:
    """Auth statement 41: a user sees and ends sessions."""
    await browser.sign_in()
    await other.sign_in()
    await browser.open("/account/sessions")
    assert "signed in nowhere else" not in browser.words()
    await browser.press("End", which="")
    assert "has ended" in browser.words()
    assert (await other.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200


async def test_ending_all_others_leaves_this_one(browser: Browser, other: Browser) -> None:
    """Auth statement 41: there is an option to end all others."""
    await browser.sign_in()
    await other.sign_in()
    await browser.open("/account/sessions")
    await browser.press("End all other sessions")
    assert (await other.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200


async def test_too_many_failures_are_told_with_when_to_come_back(browser: Browser) -> None:
    await browser.open("/account/sign-in")
    answers = [await browser.send("Sign in", email=EMAIL, password="wrong") for _ in range(22)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert "Wait" in browser.words()
