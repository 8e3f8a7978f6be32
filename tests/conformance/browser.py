"""A person's browser: it follows redirects, keeps cookies, fills in forms, and stops in front of the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tests.conformance.page import Page, read_page
from tests.conformance.provider import CALLBACK, SECONDS, Wish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.provider import Provider, Step

MOST_STEPS = 20


@dataclass(kw_only=True)
class Landing:
    """Where the browser came to rest."""

    url: str
    """The last address: the client's, which was not opened, or the provider's."""
    kinds: list[str] = field(default_factory=list)
    """What was done on the way, in order."""
    pages: list[Page] = field(default_factory=list)
    """The pages that were shown on the way and at the end."""
    answers: list[httpx.Response] = field(default_factory=list)
    """Everything that the provider answered."""
    left: bool = False
    """Whether the browser was sent on to the client."""
    posted: dict[str, str] | None = None
    """What a form carried to the client, where the answer came by `form_post`."""

    @property
    def parameters(self) -> dict[str, str]:
        """What the client is told, in the query or by form."""
        return dict(parse_qsl(urlsplit(self.url).query)) if self.posted is None else self.posted

    @property
    def status(self) -> int:
        """The status of the provider's last answer."""
        return self.answers[-1].status_code

    @property
    def page(self) -> Page:
        """The last page that was shown."""
        return self.pages[-1]


class Browser:
    """One browser with its cookies, in front of one provider."""

    def __init__(self, provider: Provider) -> None:
        """Begin without cookies."""
        self.provider = provider
        self.http = httpx.Client(timeout=SECONDS, headers={"accept": "text/html", "accept-language": "en"})

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def visit(self, url: str, wish: Wish | None = None) -> Landing:
        """Open an address and go on until the client or a last page is reached."""
        landing = Landing(url=url)
        return self._go_on(landing, httpx.Request("GET", url), wish or Wish())

    def send(self, url: str, values: Mapping[str, str], wish: Wish | None = None) -> Landing:
        """Send a form that stands on a page of the client."""
        landing = Landing(url=url)
        return self._go_on(landing, self._form(CALLBACK, url, values), wish or Wish())

    def _go_on(self, landing: Landing, request: httpx.Request | None, wish: Wish) -> Landing:
        for _ in range(MOST_STEPS):
            if request is None:
                return landing
            if not str(request.url).startswith(self.provider.issuer):
                landing.left = True
                return landing
            answer = self._open(request)
            landing.answers.append(answer)
            landing.url = str(answer.url)
            request = self._follow(landing, answer) if answer.has_redirect_location else self._act(landing, wish)
        shown = "\n".join(f"{a.request.method} {a.url} {a.status_code}" for a in landing.answers)
        raise AssertionError(f"The browser was sent around in circles:\n{shown}")

    def _open(self, request: httpx.Request) -> httpx.Response:
        # The cookies that it needs are known only now: the answer before may have set some.
        sent = {name: request.headers[name] for name in ("content-type", "origin") if name in request.headers}
        again = self.http.build_request(request.method, request.url, content=request.content, headers=sent)
        return self.http.send(again)

    def _form(self, page: str, target: str, values: Mapping[str, str]) -> httpx.Request:
        """Return what a form of a page sends; as any browser, it says of which origin the page is."""
        parts = urlsplit(page)
        headers = {"origin": f"{parts.scheme}://{parts.netloc}"}
        return self.http.build_request("POST", target, data=dict(values), headers=headers)

    def _follow(self, landing: Landing, answer: httpx.Response) -> httpx.Request:
        assert answer.status_code != 307, "A 307 would send the form, with the password, on to the client (RFC 9700)."
        landing.url = urljoin(str(answer.url), answer.headers["location"])
        return httpx.Request("GET", landing.url)

    def _act(self, landing: Landing, wish: Wish) -> httpx.Request | None:
        page = read_page(landing.answers[-1].text)
        landing.pages.append(page)
        if len(page.forms) == 1 and (page.scripted or not self._is_ours(landing, page)):
            return self._submit_alone(landing, page)
        step = self.provider.answer(page, wish)
        if step is None:
            return None
        landing.kinds.append(step.kind)
        return self._do(landing.url, step)

    def _is_ours(self, landing: Landing, page: Page) -> bool:
        """Whether the one form of a page goes to the provider, and not, as `form_post` does it, to the client."""
        return urljoin(landing.url, page.forms[0].action).startswith(self.provider.issuer)

    def _submit_alone(self, landing: Landing, page: Page) -> httpx.Request:
        form = page.forms[0]
        target = urljoin(landing.url, form.action)
        if not self._is_ours(landing, page):
            landing.posted = dict(form.values)
            landing.url = target
        return self._form(str(landing.answers[-1].url), target, form.values)

    def _do(self, url: str, step: Step) -> httpx.Request:
        if step.form is None:
            return httpx.Request("GET", urljoin(url, step.link))
        values = {**step.form.values, **step.values}
        if step.button and step.button[0]:
            values[step.button[0]] = step.button[1]
        target = urljoin(url, step.form.action) if step.form.action else url
        if step.form.method == "post":
            return self._form(url, target, values)
        return self.http.build_request("GET", target, params=values)
