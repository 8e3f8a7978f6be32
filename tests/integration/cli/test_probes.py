"""Probes against small servers: what counts as ready, and what does not."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from services.cli.settings import WORKLOADS
from services.cli.supervision.housekeeping import are_certificates_due, renew_certificates
from services.cli.supervision.probes import is_postgres_ready, is_valkey_ready, request_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from services.cli.settings import Settings


@asynccontextmanager
async def answering(path: Path, answer: bytes) -> AsyncIterator[None]:
    """Answer every connection with the same bytes, whatever it says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(("answer", "ready"), [(b"R\0\0\0\x08\0\0\0\0", True), (b"E\0\0\0\x04", False)])
async def test_postgres_is_ready_when_it_lets_a_session_in(settings: Settings, answer: bytes, ready: bool) -> None:
    path = settings.run / "pg"
    async with answering(path, answer):
        assert await is_postgres_ready(path, user="u", database="d") is ready


@pytest.mark.parametrize(("answer", "ready"), [(b"+PONG\r\n", True), (b"-LOADING the file\r\n", False), (b"", False)])
async def test_valkey_is_ready_when_it_answers_a_ping(settings: Settings, answer: bytes, ready: bool) -> None:
    path = settings.socket("v")
    async with answering(path, answer):
        assert await is_valkey_ready(path) is ready


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", (200, b"body")),
        (b"HTTP/1.1 503 No\r\n\r\n", (503, b"")),
        (b"nonsense", (0, b"")),
    ],
)
async def test_an_http_answer_is_read_as_far_as_it_is_one(
    settings: Settings, answer: bytes, read: tuple[int, bytes]
) -> None:
    path = settings.socket("h")
    async with answering(path, answer):
        assert await request_http(path, "GET", "/") == read


async def test_certificates_are_renewed_by_a_step_of_their_own(settings: Settings) -> None:
    assert are_certificates_due(settings, now=time.time())
    assert await renew_certificates(settings) == 0
    assert not are_certificates_due(settings, now=time.time())
    assert all((settings.certificates(workload) / "key.pem").exists() for workload in WORKLOADS)
