"""A browser without a screen: follows links, fills in forms, keeps cookies, and says what pages hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.applications import Starlette

ISSUER = "https://tenon.test"
EMAIL = "admin@tenon.local"
PASSWORD = "the first password of the administrator"
SESSION = "__Host-tenon-session"
FORM = "__Host-tenon-form"
OWN = {"sec-fetch-site": "same-origin", "origin": ISSUER}
"""What a browser says of a form that is sent from our own page."""

VOID = {"input", "img", "meta", "link", "br", "hr"}


@dataclass
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> list[Element]:
        """Return all elements of a kind below this one, in order."""
        found = []
        for child in self.children:
            found += [child] if child.tag == tag else []
            found += child.all(tag)
        return found

    def words(self) -> str:
        """Return the text below this element."""
        return " ".join([self.text, *(child.words() for child in self.children)]).strip()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].text += " ".join(data.split()) and data


def parse(text: str) -> Element:
    """Return a page as a tree. A tag that is not closed, or closed twice, is an error."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.open == [builder.root], f"<{builder.open[-1].tag}> is not closed"
    return builder.root


@dataclass
class Browser:
    """One browser."""

    app: Starlette
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(app=self.app)
        self.client = httpx.AsyncClient(transport=transport, base_url=ISSUER, headers=dict(self.headers))
        self.page = Element("", {})
        self.answer = httpx.Response(200)

    @property
    def session(self) -> str:
        """The cookie of the session, or nothing."""
        return self.client.cookies.get(SESSION) or ""

    async def open(self, path: str, **headers: str) -> httpx.Response:
        """Open a page and whatever it redirects to on this host."""
        return await self._follow(await self.client.get(path, headers=headers))

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for one page, and go no further."""
        return self._read(await self.client.get(path, headers=headers))

    def form(self, button: str = "") -> tuple[str, dict[str, str]]:
        """Return where the form goes that has such a button, and what it would send."""
        for form in self.page.all("form"):
            pressed = next((one for one in form.all("button") if button in one.words()), None)
            if pressed is None:
                continue
            fields = {
                one.attributes["name"]: one.attributes.get("value", "")
                for one in form.all("input")
                if one.attributes.get("type") not in {"checkbox", "radio"} or "checked" in one.attributes
            }
            if "name" in pressed.attributes:
                fields[pressed.attributes["name"]] = pressed.attributes.get("value", "")
            return form.attributes["action"], fields
        raise AssertionError(f"no form of {self.answer.url} has the button {button!r}")

    async def press(self, button: str, **fields: str) -> httpx.Response:
        """Fill in a form, send it as a browser does, and go where it leads."""
        return await self._follow(await self.send(button, **fields))

    async def send(self, button: str, **fields: str) -> httpx.Response:
        """Fill in a form and send it, and go no further."""
        action, filled = self.form(button)
        return self._read(await self.client.post(action, data={**filled, **fields}, headers=OWN))

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
        """Sign in by a password."""
        await self.open("/account/sign-in")
        return await self.press("Sign in", email=email, password=password)

    def words(self) -> str:
        """Return what the page says."""
        return " ".join(self.page.words().split())

    async def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.is_redirect:
            assert urlsplit(answer.headers["location"]).netloc in {"", urlsplit(ISSUER).netloc}
            answer = await self.client.get(answer.headers["location"])
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> httpx.Response:
        self.answer = answer
        self.page = parse(answer.text) if answer.headers.get("content-type", "").startswith("text/html") else self.page
        return answer
