"""What a person finds on a hosted page: its forms, their buttons, links and pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

HIDDEN = {"hidden"}
TICKED = {"checkbox", "radio"}


@dataclass(kw_only=True)
class Form:
    """One form as it stands."""

    action: str
    """Where it goes, as written."""
    method: str
    """`get` or `post`."""
    id: str = ""
    """Its id, by which buttons outside name it."""
    values: dict[str, str] = field(default_factory=dict)
    """What it sends as it stands, by field."""
    kinds: dict[str, str] = field(default_factory=dict)
    """The `type` of each field."""
    buttons: list[tuple[str, str]] = field(default_factory=list)
    """Name and value of each submit button, in order; both may be empty."""

    def asks(self, kind: str) -> str | None:
        """Return the name of the first field of that type, or None."""
        return next((name for name, found in self.kinds.items() if found == kind), None)

    def button(self, value: str) -> tuple[str, str] | None:
        """Return the button with that value, or None."""
        return next((button for button in self.buttons if button[1] == value), None)


@dataclass(kw_only=True)
class Page:
    """One page as read."""

    forms: list[Form] = field(default_factory=list)
    """Its forms, in order."""
    links: list[str] = field(default_factory=list)
    """Where its links go, as written."""
    pictures: list[str] = field(default_factory=list)
    """Where its pictures come from, as written."""
    text: str = ""
    """Its words."""
    scripted: bool = False
    """Whether a script of its own sends a form by itself."""

    def form(self, field_name: str) -> Form | None:
        """Return the first form with a field or a button of that name, or None."""
        has = (f for f in self.forms if field_name in f.kinds or any(name == field_name for name, _ in f.buttons))
        return next(has, None)


class _Reader(HTMLParser):
    """Collects what a page holds."""

    def __init__(self) -> None:
        """Begin with an empty page."""
        super().__init__()
        self.page = Page()
        self._open: Form | None = None
        self._strays: list[tuple[str, tuple[str, str]]] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(
                action=got.get("action", ""), method=got.get("method", "get").lower(), id=got.get("id", "")
            )
            self.page.forms.append(self._open)
        elif tag == "input":
            self._take_field(got)
        elif tag == "button" and got.get("type", "submit") == "submit":
            self._take_button(got)
        elif tag == "a" and "href" in got:
            self.page.links.append(got["href"])
        elif tag == "img" and "src" in got:
            self.page.pictures.append(got["src"])
        elif tag == "body" and "submit()" in got.get("onload", ""):
            self.page.scripted = True
        self._script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.page.scripted |= "submit()" in data
        else:
            self.page.text += data

    def _take_field(self, got: dict[str, str]) -> None:
        kind = got.get("type", "text")
        if kind == "submit":
            self._take_button(got)
        elif self._open is not None and "name" in got:
            self._open.kinds[got["name"]] = kind
            if kind not in TICKED or "checked" in got:
                self._open.values[got["name"]] = got.get("value", "on" if kind in TICKED else "")

    def _take_button(self, got: dict[str, str]) -> None:
        button = got.get("name", ""), got.get("value", "")
        if "form" in got:
            self._strays.append((got["form"], button))
        elif self._open is not None:
            self._open.buttons.append(button)

    def finish(self) -> Page:
        """Return the page, each button with its form."""
        for form_id, button in self._strays:
            for form in self.page.forms:
                if form.id == form_id:
                    form.buttons.append(button)
        return self.page


def read_page(html: str) -> Page:
    """Return what an HTML page holds."""
    reader = _Reader()
    reader.feed(html)
    return reader.finish()
