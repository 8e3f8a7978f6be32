"""What all pages share: who is there, what every answer carries, and what becomes of errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from services.auth.domain.accounts import SYSTEM_ORGANIZATION
from services.auth.domain.errors import ReauthenticationNeeded
from services.auth.http.cookies import ATTEMPT, FORM, SESSION, Cookie
from services.auth.http.pages.forms import TOKEN_FIELD, Binding, check_source, read_form
from services.auth.http.pages.headers import guard
from services.auth.http.pages.paths import CONFIRM, SIGN_IN
from services.auth.http.pages.visit import SEE_OTHER, Visit
from services.chassis.errors import Internal, TenonError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from services.auth.domain.accounts import Account, Directory
    from services.auth.domain.sessions import OpenedSession, Session, Sessions
    from services.auth.http.pages.look import Look

    Answer = Callable[[Visit], Awaitable[Response]]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_log = logging.getLogger(__name__)

STATUSES = {3: 400, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400, 12: 404, 14: 503, 16: 401}
"""The HTTP status of each `google.rpc.Code` that a person may meet; 500 for all others."""

_TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "That is not allowed",
    404: "Page not found",
    409: "Something has changed",
    429: "Please wait a moment",
    503: "Not available just now",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What pages are built on."""

    look: Look
    """Renders."""
    issuer: str
    """The address that people open."""
    sessions: Sessions
    """Finds the browser's session."""
    directory: Directory
    """Finds whose it is."""

    @property
    def secure(self) -> bool:
        """Whether pages go over TLS."""
        return urlsplit(self.issuer).scheme == "https"

    def page(self, path: str, show: Answer, submit: Answer | None = None, *, private: bool = False) -> Route:
        """Return the route of a page; `private` ones are for those who have signed in."""

        async def serve(request: Request) -> Response:
            return await self._serve(request, submit if request.method == "POST" and submit else show, private)

        return Route(path, serve, methods=["GET", "POST"] if submit else ["GET"])

    def enter(self, visit: Visit, opened: OpenedSession, response: Response) -> Response:
        """Give the browser the cookie of its session, and another one for its forms."""
        session = opened.session
        seconds = max(0, int((session.expires - self.sessions.clock()).total_seconds()))
        self.cookie(SESSION).set(response, opened.cookie, seconds=seconds)
        for purpose in (FORM, ATTEMPT):
            self.cookie(purpose).clear(response)
        visit.binding = Binding(secret="")
        return response

    def leave(self, visit: Visit, response: Response) -> Response:
        """Have the browser forget who was signed in."""
        for purpose in (SESSION, FORM, ATTEMPT):
            self.cookie(purpose).clear(response)
        visit.binding = Binding(secret="")
        return response

    def refuse(self, visit: Visit, error: TenonError) -> Response:
        """Return the page that tells a person what went wrong."""
        status = STATUSES.get(error.code, 500)
        title = _TITLES.get(status, "Something went wrong")
        return self.delay(visit.render("error", status=status, title=title, message=error.message), error)

    @staticmethod
    def delay(response: Response, error: TenonError | None) -> Response:
        """Say when it may be tried again, if the error does."""
        if wait := getattr(error, "retry_after", None):
            response.headers["retry-after"] = str(int(wait) + 1)
        return response

    def cookie(self, purpose: str) -> Cookie:
        """Return one of the cookies of these pages."""
        return Cookie.at(self.issuer, purpose)

    async def _serve(self, request: Request, answer: Answer, private: bool) -> Response:
        visit, fresh = self._visit(request)
        try:
            response = self._elsewhere(request) or await self._answer(visit, answer, private)
        except ReauthenticationNeeded:
            response = visit.go(CONFIRM, to=request.url.path)
        except TenonError as error:
            response = self.refuse(visit, error)
        except Exception:  # noqa: BLE001 (whatever nobody foresaw is logged, and never shown)
            _log.exception("A page has failed.", extra={"path": request.url.path})
            response = self.refuse(visit, Internal("Something went wrong here. Try again in a moment."))
        if fresh and visit.binding.secret and isinstance(response, HTMLResponse):
            self.cookie(FORM).set(response, visit.binding.secret)
        guard(response, secure=self.secure, targets=visit.targets)
        return response

    def _visit(self, request: Request) -> tuple[Visit, bool]:
        secret, session = self.cookie(FORM).read(request), self.cookie(SESSION).read(request)
        binding = Binding(secret=secret, session=session) if secret else Binding.fresh(session)
        return Visit(request=request, look=self.look, binding=binding), not secret

    def _elsewhere(self, request: Request) -> Response | None:
        """Send whoever reads a page under another name of this machine to the issuer's: passkeys know that one alone.

        Only a laptop has several names. Behind a proxy that has a name of its own this would lead around in circles.
        """
        names = {request.url.hostname, urlsplit(self.issuer).hostname}
        if request.method != "GET" or len(names) == 1 or not names <= _LOOPBACK:
            return None
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{self.issuer}{request.url.path}{query}", status_code=SEE_OTHER)

    async def _answer(self, visit: Visit, answer: Answer, private: bool) -> Response:
        request = visit.request
        if request.method == "POST":
            check_source(request, self.issuer)
            form = dict(await read_form(request))
            visit.binding.check(form.pop(TOKEN_FIELD, ""))
            visit.form = form
        visit.session, visit.account = await self._find(visit)
        if private and visit.session is None:
            return visit.go(SIGN_IN, to=request.url.path)
        return await answer(visit)

    async def _find(self, visit: Visit) -> tuple[Session | None, Account | None]:
        session = await self.sessions.find_by_cookie(visit.binding.session)
        if session is None:
            return None, None
        account = await self.directory.find_by_name(session.organization, session.user)
        if account is None or account.disabled or account.organization == SYSTEM_ORGANIZATION:
            return None, None
        return session, account
