"""One request for a page: who is there, what they sent, and what they are answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, RedirectResponse

from services.auth.domain.factors.setup import Owner
from services.auth.domain.sessions import Origin
from services.auth.http.pages.forms import TOKEN_FIELD
from services.auth.http.pages.paths import local_path
from services.auth.http.pages.refusals import PageMissing
from services.auth.servicer.caller import LONGEST_AGENT, address_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.domain.accounts import Account
    from services.auth.domain.sessions import Session
    from services.auth.http.pages.forms import Binding
    from services.auth.http.pages.look import Look

SEE_OTHER = 303
"""Whatever was posted, the next request is a GET without it (RFC 9700 §4.12)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong with a form."""

    message: str
    """A sentence that helps to mend it."""
    field: str = ""
    """The field that it is about, or empty."""


@dataclass(kw_only=True)
class Visit:
    """One request, and what is known about it."""

    request: Request
    """The request."""
    look: Look
    """Renders."""
    binding: Binding
    """What forms are bound to."""
    session: Session | None = None
    """The living session of this browser, or None."""
    account: Account | None = None
    """Whose session it is, or None."""
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What was posted."""
    targets: tuple[str, ...] = ()
    """Addresses elsewhere that a form of the answer may lead to."""

    @property
    def origin(self) -> Origin:
        """Where the browser is."""
        headers = self.request.headers
        return Origin(address=address_in(headers), agent=headers.get("user-agent", "")[:LONGEST_AGENT])

    @property
    def signed_in(self) -> tuple[Session, Account]:
        """The session and its account, on a page that nobody else sees."""
        if self.session is None or self.account is None:
            raise PageMissing
        return self.session, self.account

    @property
    def owner(self) -> Owner:
        """Whoever changes what they prove themselves by."""
        session, account = self.signed_in
        proof = session.authentication
        return Owner(account=account, authenticated=proof.time, session=session.id, origin=self.origin)

    def query(self, name: str) -> str:
        """Return a parameter of the address, or of the form, or nothing."""
        return self.form.get(name) or self.request.query_params.get(name, "")

    @property
    def onward(self) -> str:
        """Where to go afterwards: a page of ours, whatever was asked for."""
        return local_path(self.query("to"))

    def render(
        self, template: str, *, status: int = 200, problems: tuple[Problem, ...] = (), **values: object
    ) -> Response:
        """Answer with a page."""
        shown = {
            "account": self.account,
            "session": self.session,
            "path": self.request.url.path,
            "problems": problems,
            "wrong": {problem.field: problem.message for problem in problems if problem.field},
            "token_field": TOKEN_FIELD,
            "form_token": self.binding.issue,
            "done": self.request.query_params.get("done", ""),
            **values,
        }
        return HTMLResponse(self.look.render(template, shown), status_code=status)

    def go(self, path: str, **query: str) -> Response:
        """Answer with the address of the next page, which is one of ours."""
        kept = {name: value for name, value in query.items() if value}
        return RedirectResponse(f"{path}?{urlencode(kept)}" if kept else path, status_code=SEE_OTHER)
