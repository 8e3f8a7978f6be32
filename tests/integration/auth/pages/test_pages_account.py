"""Profiles, addresses and invitations, on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from tenon.auth.v1 import invitation_pb2, invitation_service_pb2, invitation_service_pb2_grpc

from tests.integration.auth.pages.belongings import link_in, next_mail
from tests.integration.auth.pages.browsing import EMAIL, PASSWORD, Browser

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.auth.pages.conftest import Auth

NEW = "three clouds over one quiet lake"


async def invite(auth: Auth, mails: Path, email: str) -> str:
    """Invite somebody, and return the path of the link that they get."""
    stub: Any = invitation_service_pb2_grpc.InvitationServiceStub(auth.channel)
    request = invitation_service_pb2.CreateInvitationRequest(invitation=invitation_pb2.Invitation(email=email))
    await stub.CreateInvitation(request, metadata=await auth.administrator())
    return link_in(await next_mail(mails, "You are invited"))


async def test_somebody_says_who_they_are(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/account/profile")
    await browser.press("Save", display_name='Ada "<b>', locale="pt-BR", zone="Europe/Lisbon")
    assert "is saved" in browser.words()
    shown = {one.attributes["name"]: one.attributes.get("value", "") for one in browser.page.all("input")}
    assert (shown["display_name"], shown["locale"], shown["zone"]) == ('Ada "<b>', "pt-BR", "Europe/Lisbon")


async def test_what_does_not_fit_is_told_at_its_field_and_kept_in_the_form(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/account/profile")
    answer = await browser.press("Save", display_name="x" * 201, locale="not a language", zone="Mars")
    assert answer.status_code == 400
    wrong = {one.attributes["name"]: one for one in browser.page.all("input") if "aria-invalid" in one.attributes}
    assert set(wrong) == {"display_name", "locale"}
    assert wrong["locale"].attributes["value"] == "not a language"
    described = wrong["locale"].attributes["aria-describedby"].split()
    ids = {one.attributes.get("id") for one in browser.page.all("span")}
    assert set(described) <= ids
    links = {link.attributes["href"] for link in browser.page.all("a")}
    assert {"#display_name", "#locale"} <= links


async def test_nobody_changes_more_than_their_profile_by_a_form(browser: Browser) -> None:
    """Auth statement 42: what says that an address is confirmed is not for its owner to set."""
    await browser.sign_in()
    await browser.open("/account/profile")
    more = {"email_verified": "true", "roles": "roles/other", "email": "evil@x.test", "name": "users/other"}
    await browser.press("Save", display_name="Ada", **more)
    assert "not confirmed" in browser.words()
    await browser.open("/account")
    assert EMAIL in browser.words()
    assert "administrator" in browser.words()


async def test_an_address_is_confirmed_by_its_link_once_and_not_by_opening_it(browser: Browser, mails: Path) -> None:
    """Auth statement 42: an address counts as somebody's when they have shown it."""
    await browser.sign_in()
    await browser.open("/account/profile")
    await browser.press("Send a link to confirm it")
    link = link_in(await next_mail(mails, "Confirm your email"))
    await browser.open(link)
    question = browser.form("Yes, it is mine")
    await browser.open("/account/profile")
    assert "not confirmed" in browser.words()
    await browser.open(link)
    await browser.press("Yes, it is mine")
    assert "is confirmed" in browser.words()
    await browser.open("/account/profile")
    assert "not confirmed" not in browser.words()
    await browser.open(link)
    assert browser.form("Yes, it is mine")[1]["link"] == question[1]["link"]
    await browser.press("Yes, it is mine")
    assert browser.answer.status_code == 401


async def test_somebody_new_accepts_an_invitation_and_signs_in(auth: Auth, browser: Browser, mails: Path) -> None:
    link = await invite(auth, mails, "new@x.test")
    await browser.open(link)
    assert "new@x.test" in browser.words()
    await browser.press("Accept", display_name="New", password="short")
    assert browser.answer.status_code == 400
    await browser.press("Accept", display_name="New", password=NEW)
    assert "You have accepted" in browser.words()
    await browser.sign_in("new@x.test", NEW)
    assert browser.answer.url.path == "/account"
    assert (await browser.open(link)).status_code >= 400


async def test_an_invitation_is_declined(auth: Auth, browser: Browser, mails: Path) -> None:
    link = await invite(auth, mails, "new@x.test")
    await browser.open(link)
    await browser.press("Decline")
    assert "You have declined" in browser.words()
    assert (await browser.open(link)).status_code >= 400


async def test_an_unknown_invitation_is_told_as_a_page(browser: Browser) -> None:
    answer = await browser.open("/account/invitation?link=unknown")
    assert answer.status_code >= 400
    assert browser.page.all("h1")


async def test_somebody_takes_their_data_with_them(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/account/data")
    answer = await browser.send("Download your data")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    assert EMAIL in answer.text
    assert "argon2" not in answer.text


async def test_somebody_deletes_their_account_for_good(auth: Auth, browser: Browser, mails: Path) -> None:
    """Auth statement 41: whoever is deleted is signed out at once."""
    await browser.open(await invite(auth, mails, "new@x.test"))
    await browser.press("Accept", display_name="New", password=NEW)
    await browser.sign_in("new@x.test", NEW)
    await browser.open("/account/data")
    await browser.press("Delete the account for good", email="other@x.test")
    assert browser.answer.status_code == 400
    await browser.press("Delete the account for good", email="New@x.test")
    assert "Your account is deleted" in browser.words()
    assert browser.session == ""
    await browser.sign_in("new@x.test", NEW)
    assert browser.answer.status_code == 401


async def test_the_last_administrator_stays(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/account/data")
    await browser.press("Delete the account for good", email=EMAIL)
    assert browser.answer.status_code == 400
    assert "Nobody would be left" in browser.words()
    assert (await browser.get("/account")).status_code == 200


async def grow_old(database: str) -> None:
    """Have everybody's sign-in be an hour old."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("UPDATE auth.sessions SET auth_time = auth_time - interval '1 hour'")
    finally:
        await connection.close()


@pytest.mark.parametrize("path", ["/account/authenticators/app", "/account/authenticators/passkey", "/account/data"])
async def test_what_matters_is_changed_after_a_fresh_proof_alone(browser: Browser, database: str, path: str) -> None:
    """Auth statement 42: whoever changes what they prove themselves by does so after proving it again."""
    await browser.sign_in()
    await grow_old(database)
    before = browser.session
    await browser.open(path)
    assert "still you" in browser.words()
    await browser.press("Continue", password=PASSWORD)
    assert browser.answer.url.path == path
    assert browser.answer.status_code == 200
    assert browser.session not in {"", before}


async def test_a_form_that_waited_too_long_changes_nothing(browser: Browser, database: str) -> None:
    """Auth statement 42: it counts when the form comes back, and not when it was shown."""
    await browser.sign_in()
    await browser.open("/account/data")
    await grow_old(database)
    answer = await browser.send("Download your data")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/confirm?to=%2Faccount%2Fdata")
