"""Calls through the edge as any client makes them: over gRPC, with a token that is renewed, and with patience."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import grpc.aio

from services.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from google.protobuf.message import Message

    from services.cli.minting import Grant

RENEW_BEFORE = 60.0
"""Seconds before its end at which a token is renewed: more than a call may take."""

TRIES = 8
"""How often a call is made that the server could not serve just then."""

PASSING = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
"""The statuses that may pass by themselves."""


Mint: TypeAlias = "Callable[[str], Awaitable[Grant]]"
"""Makes a token that acts in an organization."""


class LoadFailed(CommandError):
    """The server refused what it should have taken."""


class Edge:
    """A client of the edge, for one service of a contract."""

    def __init__(self, channel: Any, *, service: str, mint: Mint, pause: float = 0.2) -> None:
        """Take a channel to the edge, the service's full name, what makes tokens, and the first pause between tries."""
        self._channel = channel
        self._service = service
        self._mint = mint
        self._pause = pause
        self._grants: dict[str, Grant] = {}
        self._minting = asyncio.Lock()

    async def call(self, method: str, request: Message, *, organization: str) -> bytes:
        """Return the answer's bytes; raises grpc.aio.AioRpcError for an answer, LoadFailed where none comes."""
        call = self._method(method)
        for turn in range(TRIES):
            token = await self._token(organization)
            try:
                answer: bytes = await call(request, metadata=(("authorization", f"Bearer {token}"),), timeout=120)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED and turn == 0:
                    self._grants.pop(organization, None)
                elif error.code() not in PASSING:
                    raise
                elif turn == TRIES - 1:
                    raise LoadFailed(
                        f"The edge could not serve {method}: {error.details()}.",
                        mend="see `tenon status`, then run the command again: it goes on where it stopped.",
                    ) from error
                await asyncio.sleep(self._pause * 2**turn * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)
            else:
                return answer
        raise AssertionError

    async def close(self) -> None:
        """End all calls and the connection."""
        await self._channel.close()

    def _method(self, method: str) -> Any:
        # Answers stay bytes: most are only asked for to know that they came.
        return self._channel.unary_unary(
            f"/{self._service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=None,
        )

    async def _token(self, organization: str) -> str:
        async with self._minting:
            grant = self._grants.get(organization)
            if grant is None or grant.expires - time.time() < RENEW_BEFORE:
                grant = self._grants[organization] = await self._mint(organization)
            return grant.access_token


@asynccontextmanager
async def open_edge(target: str, *, service: str, mint: Mint) -> AsyncIterator[Edge]:
    """Open a connection to `host:port` for one service, and close it at the end."""
    # A proxy is for the world outside, and the edge is on this machine.
    options = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))
    edge = Edge(grpc.aio.insecure_channel(target, options=options), service=service, mint=mint)
    try:
        yield edge
    finally:
        await edge.close()
