"""Drives a real browser, and holds what every page of ours must hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, CDPSession, ConsoleMessage, Page

AXE = Path(__file__).parents[2] / "conformance" / "node_modules" / "axe-core" / "axe.min.js"
"""The accessibility rules, installed with the conformance tests' packages."""

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Person:
    """Somebody at a browser of their own."""

    context: BrowserContext
    """The browser's profile."""
    url: str
    """The issuer."""
    page: Page
    """Its only tab."""
    complaints: list[str] = field(default_factory=list)
    """What the browser has complained of."""

    @classmethod
    def at(cls, context: BrowserContext, url: str) -> Person:
        """Sit somebody down."""
        person = cls(context=context, url=url, page=context.new_page())
        person.page.on("console", person.hear)
        person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
        return person

    def hear(self, message: ConsoleMessage) -> None:
        """Remember an error of the browser. That a form was refused is shown as one too, and is none."""
        if message.type in {"error", "warning"} and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.url + path)

    def press(self, name: str) -> None:
        """Press a button, and wait for what it leads to."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_load_state()

    def follow(self, name: str) -> None:
        """Follow a link."""
        self.page.get_by_role("link", name=name, exact=True).click()
        self.page.wait_for_load_state()

    def fill(self, label: str, text: str) -> None:
        """Fill in a field by its label."""
        self.page.get_by_label(label, exact=True).fill(text)

    def sign_in(self, email: str, password: str, path: str = "/account/sign-in") -> None:
        """Sign in by a password."""
        self.open(path)
        self.fill("Email address", email)
        self.fill("Password", password)
        self.press("Sign in")

    @property
    def path(self) -> str:
        """The path of the page."""
        return self.page.url.removeprefix(self.url).partition("?")[0]

    @property
    def heading(self) -> str:
        """The page's heading."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def cookie(self) -> dict[str, Any]:
        """Return the cookie of the session."""
        cookies: list[Any] = self.context.cookies()
        return next(dict(cookie) for cookie in cookies if cookie["name"].endswith("tenon-session"))

    def find_barriers(self) -> dict[str, list[str]]:
        """Return the accessibility rules that the page breaks as it is, each with the elements that break it."""
        if not AXE.exists():
            pytest.skip("axe-core is not installed (npm ci, in tests/conformance)")
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", list(RULES))
        return {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]}

    def judge(self) -> None:
        """Hold the accessibility rules against the page as it is, and that nobody has to scroll it sideways."""
        assert self.find_barriers() == {}, self.page.url
        wide = self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, self.page.url


@dataclass
class Authenticator:
    """A device with passkeys that answers by itself (Chrome DevTools Protocol, domain WebAuthn)."""

    cdp: CDPSession
    """The channel to the browser."""
    id: str
    """Its id."""

    @classmethod
    def beside(cls, person: Person) -> Authenticator:
        """Put one beside somebody's browser."""
        cdp = person.context.new_cdp_session(person.page)
        cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        added = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(cdp=cdp, id=added["authenticatorId"])

    def credentials(self) -> list[dict[str, Any]]:
        """Return the passkeys that it holds."""
        answer = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        found: list[dict[str, Any]] = json.loads(json.dumps(answer["credentials"]))
        return found
