"""Asks each kind of process, in its own protocol, whether it is ready."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POSTGRES_PROTOCOL = 3 << 16
SERVING = b"\x08\x01"
"""A `grpc.health.v1.HealthCheckResponse` that says SERVING: field 1, varint, 1."""


@asynccontextmanager
async def _connect(socket: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        yield reader, writer
    finally:
        writer.close()


async def is_postgres_ready(socket: Path, *, user: str, database: str) -> bool:
    """Return whether Postgres takes sessions: it refuses them while it starts or recovers."""
    parameters = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database)) + b"\0"
    async with _connect(socket) as (reader, writer):
        writer.write(struct.pack("!II", 8 + len(parameters), POSTGRES_PROTOCOL) + parameters)
        return await reader.readexactly(1) == b"R"


async def is_valkey_ready(socket: Path) -> bool:
    """Return whether Valkey answers a ping: it says LOADING while it reads its file."""
    async with _connect(socket) as (reader, writer):
        writer.write(b"PING\r\n")
        return (await reader.readline()).startswith(b"+PONG")


async def request_http(socket: Path, verb: str, path: str) -> tuple[int, bytes]:
    """Send a request to a Unix socket; return the answer's status, 0 where it is none, and its body as it came."""
    async with _connect(socket) as (reader, writer):
        headers = "Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n"
        writer.write(f"{verb} {path} HTTP/1.1\r\n{headers}\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        fields = head.split(maxsplit=2)
        return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0, body


async def is_grpc_ready(socket: Path, *, certificates: Path, name: str) -> bool:
    """Return whether a service says SERVING over mTLS, asked under the command's own identity."""
    if not socket.exists():  # noqa: ASYNC240 (one look at a local folder)
        return False
    import grpc.aio  # noqa: PLC0415 (only those who ask a service pay for gRPC)

    from services.cli.channel import open_channel  # noqa: PLC0415 (the same)

    async with open_channel(socket, certificates=certificates, name=name) as channel:
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return bytes(await check(b"", timeout=2.0)) == SERVING
        except grpc.aio.AioRpcError:
            return False
