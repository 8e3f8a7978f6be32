"""What every page holds: its headers, its forms' proof, and that nothing leads elsewhere."""

from __future__ import annotations

import pytest

from tests.integration.auth.pages.browsing import FORM, ISSUER, OWN, SESSION, Browser

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
PAGES = (
    "/account",
    "/account/sign-in",
    "/account/sign-in?flow=unknown",
    "/account/sign-out",
    "/account/consent?flow=x",
)


@pytest.mark.parametrize("path", PAGES)
async def test_every_answer_has_every_header(browser: Browser, path: str) -> None:
    """Auth statement 9: no page is framed, and none is kept."""
    answer = await browser.get(path)
    headers = answer.headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["strict-transport-security"] == "max-age=63072000"
    assert "access-control-allow-origin" not in headers


async def test_static_files_are_served_under_their_hash_and_kept(browser: Browser) -> None:
    await browser.open("/account/sign-in")
    links = [link.attributes["href"] for link in browser.page.all("link")]
    assert len(links) == 2
    for path in links:
        answer = await browser.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await browser.client.get("/account/static/style.css")).status_code == 404
    assert (await browser.client.get("/account/static/..%2fsite.py")).status_code == 404


async def test_a_form_is_taken_only_from_the_browser_that_it_was_shown_to(browser: Browser, other: Browser) -> None:
    await browser.open("/account/sign-in")
    await other.open("/account/sign-in")
    stolen = other.form("Sign in")[1]["form_token"]
    for token in ("", "x", "!", stolen, stolen[:-2]):
        answer = await browser.client.post("/account/sign-in", data={"form_token": token}, headers=OWN)
        assert answer.status_code == 403
        assert "out of date" in answer.text
    browser.client.cookies.delete(FORM)
    assert (await browser.send("Sign in")).status_code == 403


async def test_a_form_that_was_shown_before_sign_in_is_not_taken_after_it(browser: Browser) -> None:
    await browser.open("/account/sign-in")
    before = browser.form("Sign in")[1]["form_token"]
    await browser.sign_in()
    answer = await browser.client.post("/account/sign-out", data={"form_token": before}, headers=OWN)
    assert answer.status_code == 403
    assert (await browser.get("/account")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.test"},
        {"origin": f"{ISSUER}.evil.test"},
        {"sec-fetch-site": "cross-site", "origin": ISSUER},
        {"sec-fetch-site": "same-site", "origin": ISSUER},
        {"sec-fetch-site": "none"},
    ],
)
async def test_a_form_of_another_site_is_not_taken(browser: Browser, headers: dict[str, str]) -> None:
    await browser.open("/account/sign-in")
    action, form = browser.form("Sign in")
    answer = await browser.client.post(action, data=form, headers=headers)
    assert answer.status_code == 403
    assert "not sent from one of our own pages" in answer.text


async def test_an_old_browser_proves_by_its_origin_alone(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/account/sign-out")
    action, form = browser.form("Sign out")
    assert (await browser.client.post(action, data=form, headers={"origin": ISSUER})).status_code == 303


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=" % number for number in range(100)), "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b"email=" + b"x" * 5_000, "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"a=1", "text/plain"),
    ],
)
async def test_what_is_no_form_of_ours_is_refused_as_a_page(browser: Browser, body: bytes, media_type: str) -> None:
    answer = await browser.client.post("/account/sign-in", content=body, headers={**OWN, "content-type": media_type})
    assert answer.status_code == 400
    assert answer.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/account/../evil",
        "/account//evil.test",
        "/account\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "/oauth2/continue",
    ],
)
async def test_nothing_leads_elsewhere_after_sign_in(browser: Browser, to: str) -> None:
    await browser.get(f"/account/sign-in?to={to.replace(chr(13), '%0d').replace(chr(10), '%0a')}")
    answer = await browser.send(
        "Sign in", email="admin@tenon.local", password="the first password of the administrator", to=to
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


async def test_a_page_of_ours_is_returned_to_after_sign_in(browser: Browser) -> None:
    await browser.open("/account/sessions")
    answer = await browser.press(
        "Sign in", email="admin@tenon.local", password="the first password of the administrator"
    )
    assert answer.url.path == "/account/sessions"


async def test_no_page_believes_the_name_that_it_is_read_under(browser: Browser) -> None:
    for path in ("/account", "/account/sign-in?to=/account/sessions"):
        answer = await browser.get(path, host="evil.test")
        assert "evil.test" not in answer.text + str(answer.headers.multi_items())


async def test_whatever_a_page_shows_is_escaped(browser: Browser) -> None:
    nasty = "\"><script>alert(1)</script>'{{7*7}}"
    await browser.open("/account/sign-in?organization=" + "%22%3E%3Cscript%3E1%3C/script%3E")
    assert not any("src" not in script.attributes for script in browser.page.all("script"))
    answer = await browser.send("Sign in", email=nasty, password=nasty, organization=nasty)
    assert answer.status_code == 401
    assert "<script>" not in answer.text
    assert "49" not in browser.words()
    values = {one.attributes["name"]: one.attributes.get("value", "") for one in browser.page.all("input")}
    assert (values["email"], values["organization"], values["password"]) == (nasty, nasty, "")


async def test_cookies_are_bound_to_the_host_and_read_by_no_script(browser: Browser) -> None:
    first = await browser.get("/account/sign-in")
    assert first.headers["set-cookie"].startswith(f"{FORM}=")
    second = await browser.send(
        "Sign in", email="admin@tenon.local", password="the first password of the administrator"
    )
    cookies = second.headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith(f"{SESSION}="))
    parts = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert len(session.split(";")[0].removeprefix(f"{SESSION}=")) >= 43
