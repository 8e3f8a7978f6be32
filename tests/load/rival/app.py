"""The rivals: FastAPI, asyncpg and pydantic, tuned by hand; bare, and with the duties that ours has."""

from __future__ import annotations

import base64
import json
import os
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
from fastapi import FastAPI, Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from tests.load.rival.duties import Observed, Refused, Tokens, allow, covering
from tests.load.rival.model import Flight, NewFlight, Page
from tests.load.rival.table import GET, INSERT, LIST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.chassis.tokens import Claims

POOL = 8
"""Connections to Postgres: as many as one worker of ours has."""

READ_ALLOWED, LIST_ALLOWED, CREATE_ALLOWED = (
    covering(f"flightops.flights.{verb}") for verb in ("get", "list", "create")
)

Authorization = Annotated[str | None, Header()]


def create_app() -> Any:
    """Return the application that the environment asks for."""
    setup = json.loads(Path(os.environ["RIVAL_SETUP"]).read_text())
    tokens = Tokens(setup["jwks"], issuer=setup["issuer"], audience=setup["audience"])
    equal = bool(setup["equal_duties"])

    async def admit(header: str | None, patterns: frozenset[str]) -> Claims:
        claims = await tokens.check(header)
        if equal:
            allow(claims, patterns)
        return claims

    app = FastAPI(lifespan=_lifespan(setup["database"]), openapi_url=None)
    app.add_exception_handler(Refused, _refuse)
    app.add_exception_handler(ValidationError, _reject)
    _add_routes(app, admit)
    return Observed(app) if equal else app


def _lifespan(database: dict[str, Any]) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(**database, min_size=POOL, max_size=POOL, reset=_keep) as pool:
            app.state.pool = pool
            yield

    return lifespan


async def _keep(_: Any) -> None:
    """Leave a connection as it is: a reset would be another round trip for each request."""


async def _refuse(_: Any, error: Exception) -> Response:
    return JSONResponse({"detail": "refused"}, status_code=error.status if isinstance(error, Refused) else 500)


async def _reject(_: Any, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=422)


def _add_routes(app: FastAPI, admit: Any) -> None:
    # Handlers return responses that pydantic-core wrote: FastAPI's own `response_model` would validate them again.
    @app.get("/noop")
    async def noop(authorization: Authorization = None) -> Response:
        await admit(authorization, READ_ALLOWED)
        return Response(b"{}", media_type="application/json")

    @app.get("/flightops/v1/flights/{flight}")
    async def get_flight(flight: str, authorization: Authorization = None) -> Response:
        claims = await admit(authorization, READ_ALLOWED)
        async with app.state.pool.acquire() as connection:
            row = await connection.fetchrow(GET, claims.organization, f"flights/{flight}")
        if row is None:
            return JSONResponse({"detail": "unknown"}, status_code=404)
        return _answer(Flight.model_validate(dict(row)))

    @app.get("/flightops/v1/flights")
    async def list_flights(
        authorization: Authorization = None,
        page_size: Annotated[int, Query(alias="pageSize", ge=0)] = 50,
        page_token: Annotated[str, Query(alias="pageToken")] = "",
    ) -> Response:
        claims = await admit(authorization, LIST_ALLOWED)
        after = base64.urlsafe_b64decode(page_token).decode()
        size = min(page_size, 1000)
        async with app.state.pool.acquire() as connection:
            rows = await connection.fetch(LIST, claims.organization, after, size + 1)
        flights = [Flight.model_validate(dict(row)) for row in rows[:size]]
        more = len(rows) > size
        token = base64.urlsafe_b64encode(flights[-1].name.encode()).decode() if more else ""
        return _answer(Page.model_construct(flights=flights, next_page_token=token))

    @app.post("/flightops/v1/flights")
    async def create_flight(
        flight: NewFlight,
        flight_id: Annotated[str, Query(alias="flightId", pattern=r"^[A-Z0-9-]{8,63}$")],
        authorization: Authorization = None,
    ) -> Response:
        claims = await admit(authorization, CREATE_ALLOWED)
        values = flight.model_dump()
        async with app.state.pool.acquire() as connection:
            row = await connection.fetchrow(
                INSERT, claims.organization, f"flights/{flight_id}", *values.values(), uuid.uuid4().hex
            )
        return _answer(Flight.model_validate(dict(row)))


def _answer(model: Flight | Page) -> Response:
    content = model.__pydantic_serializer__.to_json(model, by_alias=True, exclude_none=True)
    return Response(content, media_type="application/json")
