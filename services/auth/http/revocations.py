"""Serves the set of revoked tokens to the other processes of the mesh, each of which asks for it each second."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from services.chassis.revocations import REVOCATIONS_PATH, write_revocations

if TYPE_CHECKING:
    from starlette.requests import Request

    from services.chassis.revocations import RevokedTokens


def routes(revoked: RevokedTokens) -> tuple[Route, ...]:
    """Return the page of the set: written once for each version of it, and not at all for who has it already."""
    written: tuple[int, bytes, str] = (0, b"", "")

    async def page(request: Request) -> Response:
        nonlocal written
        if not revoked.version:
            return Response("It is not known yet what was revoked.\n", status_code=503, media_type="text/plain")
        if written[0] != revoked.version:
            document = write_revocations(revoked.before)
            written = revoked.version, document, f'"{hashlib.sha256(document).hexdigest()[:32]}"'
        headers = {"etag": written[2], "cache-control": "no-store"}
        if request.headers.get("if-none-match") == written[2]:
            return Response(status_code=304, headers=headers)
        return Response(written[1], media_type="application/json", headers=headers)

    return (Route(REVOCATIONS_PATH, page, methods=["GET"]),)
