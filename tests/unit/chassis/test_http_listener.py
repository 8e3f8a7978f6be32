"""Pages of a fixed path are found at once, and all else as Starlette finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from services.chassis.http_listener import build_app
from tests.fakes.chassis_frame import fake_telemetry

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def say(request: Request) -> Response:
    """Say which route it was, and with what."""
    return PlainTextResponse(f"{request.scope['route'].path} {dict(request.path_params)}")


ROUTES = (
    Route("/things", say, methods=["GET"]),
    Route("/things", say, methods=["PUT"]),
    Route("/things/{thing}", say, methods=["GET"]),
)


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/things", 200, "/things {}"),
        ("HEAD", "/things", 200, ""),
        ("PUT", "/things", 200, "/things {}"),
        ("GET", "/things/7", 200, "/things/{thing} {'thing': '7'}"),
        ("POST", "/things", 405, "Method Not Allowed"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/healthz", 200, "ok\n"),
    ],
)
async def test_each_page_is_found_by_its_path_and_method(method: str, path: str, status: int, text: str) -> None:
    app = build_app(routes=ROUTES, telemetry=fake_telemetry(), is_serving=lambda: True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.text) == (status, text)
