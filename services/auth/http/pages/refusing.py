"""The page that tells a person why something was refused, for endpoints that have no pages of their own."""

from __future__ import annotations

from functools import cache

from starlette.responses import HTMLResponse

from services.auth.http.pages.headers import guard
from services.auth.http.pages.look import Look


@cache
def load_look() -> Look:
    """Return the templates and static files, read once."""
    return Look()


def show_refusal(message: str, *, status: int = 400, title: str = "This did not work") -> HTMLResponse:
    """Return a page with a sentence for the person who is there, from whom nothing is expected."""
    shown = {"problems": (), "title": title, "message": message}
    response = HTMLResponse(load_look().render("error", shown), status_code=status)
    guard(response, secure=False)
    return response
