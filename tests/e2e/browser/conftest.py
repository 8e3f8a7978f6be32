"""Chromium, and people who use it."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser.driving import FLAGS, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.e2e.stack import Stack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine: none is downloaded.

    It lives no longer than a module, since while it does its event loop runs in this thread, and no other can.
    """
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (its driver is started by none of the other tests)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def issuer(stack: Stack) -> str:
    """Where people go: passkeys know a name, and no address."""
    return f"http://localhost:{stack.port}"


@pytest.fixture
def sit_down(chromium: Browser, issuer: str) -> Iterator[Callable[..., Person]]:
    """Give people browsers of their own; at the end none of these has complained."""
    seated: list[Person] = []

    def sit(**options: object) -> Person:
        seated.append(Person.at(chromium.new_context(**options), issuer))  # type: ignore[arg-type]  # playwright's own
        return seated[-1]

    yield sit
    complaints = [complaint for person in seated for complaint in person.complaints]
    for person in seated:
        person.context.close()
    assert complaints == []


@pytest.fixture
def person(sit_down: Callable[..., Person]) -> Person:
    """Somebody at a browser."""
    return sit_down()


@pytest.fixture(scope="session")
def admin_password(stack: Stack) -> str:
    """The first password of the administrator, as `tenon up` has told it."""
    return (stack.home / "admin-password").read_text().strip()


@pytest.fixture
def account(stack: Stack) -> tuple[str, str]:
    """Address and password of somebody new, who holds nothing."""
    email = f"person-{secrets.token_hex(4)}@example.com"
    with stack.client(stack.token()) as admin:
        made = admin.post("/auth/v1/users", json={"email": email, "displayName": "Some Body"})
        assert made.status_code == 200, made.text
        reset = admin.post(f"/auth/v1/{made.json()['name']}:resetPassword", json={})
        assert reset.status_code == 200, reset.text
    return email, reset.json()["password"]
