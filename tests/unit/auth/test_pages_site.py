"""What becomes of errors on the pages, over fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from services.auth.domain.errors import HashingBusy, SignInFailed, ThrottleUnavailable
from services.auth.http.pages.look import Look
from services.auth.http.pages.site import Site
from tests.fakes.auth_world import World

if TYPE_CHECKING:
    from starlette.responses import Response

    from services.auth.http.pages.visit import Visit

SECRET = "something that nobody outside may read"


async def open_page(error: Exception, host: str = "localhost") -> httpx.Response:
    """Return what somebody sees on a page that fails."""
    world = World()
    site = Site(look=Look(), issuer="http://localhost:8080", sessions=world.sessions, directory=world.people)

    async def fail(_visit: Visit) -> Response:
        raise error

    app = Starlette(routes=[site.page("/account/x", fail)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}:8080") as client:
        return await client.get("/account/x?a=b")


async def test_what_nobody_foresaw_is_told_without_its_cause_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = await open_page(RuntimeError(SECRET))
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert "Something went wrong" in answer.text
    assert SECRET in caplog.text
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize(
    ("error", "status"), [(SignInFailed(), 401), (ThrottleUnavailable(), 503), (HashingBusy(), 429)]
)
async def test_what_was_foreseen_is_told_in_its_own_words(error: Exception, status: int) -> None:
    answer = await open_page(error)
    assert answer.status_code == status
    assert str(error) in answer.text
    assert ("retry-after" in answer.headers) == (status != 401)


async def test_another_name_of_this_machine_leads_to_the_issuers() -> None:
    answer = await open_page(SignInFailed(), host="127.0.0.1")
    assert (answer.status_code, answer.headers["location"]) == (303, "http://localhost:8080/account/x?a=b")


async def test_a_name_that_a_proxy_has_leads_nowhere_else() -> None:
    assert (await open_page(SignInFailed(), host="auth.internal")).status_code == 401
