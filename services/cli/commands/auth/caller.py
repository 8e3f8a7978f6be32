"""Calls auth as the bootstrap administrator, and says in a sentence what it refuses."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import grpc.aio

from services.cli.channel import open_channel
from services.cli.errors import CommandError, NotRunning
from services.cli.home import read_holder
from services.cli.minting import mint_grant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from google.protobuf.message import Message

    from services.cli.minting import Grant
    from services.cli.settings import Settings

TIMEOUT = 60.0
"""Seconds in which an answer must have come; people are not kept waiting for more."""

PAGE = 1000
"""Records that are asked for together: as many as a page may hold."""

RENEW_BEFORE = 30.0
"""Seconds before its end at which a token is replaced."""

Mint: TypeAlias = "Callable[[], Awaitable[Grant]]"
"""Makes a token."""


class Refused(CommandError):
    """Auth has answered with an error, which says what helps."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        """Take the answer."""
        super().__init__(str(error.details()))
        self.code = error.code()


class Auth:
    """Auth, in one organization."""

    def __init__(self, channel: Any, mint: Mint) -> None:
        """Take a channel to auth, and what makes tokens: one is made when it is needed, and another before it ends."""
        self._channel = channel
        self._mint = mint
        self._grant: Grant | None = None

    async def call(self, stub: type[Any], method: str, request: Message, *, patience: float = TIMEOUT) -> Any:
        """Return the answer, which must come within `patience` seconds, to a call as the administrator.

        Raises:
            Refused: CommandError: saying what helps.
        """
        return await self._run(stub, method, request, patience, metadata=await self._metadata())

    async def call_as_workload(self, stub: type[Any], method: str, request: Message) -> Any:
        """Return the answer to a call as the command itself, which needs no key that signs. Raises as `call` does."""
        return await self._run(stub, method, request, TIMEOUT, metadata=())

    async def stream(self, stub: type[Any], method: str, request: Message) -> AsyncIterator[Any]:
        """Yield the answers to a call as the administrator. Raises as `call` does."""
        function = getattr(stub(self._channel), method)
        metadata = await self._metadata()
        try:
            async for answer in function(request, metadata=metadata):
                yield answer
        except grpc.aio.AioRpcError as error:
            raise explain(error) from error

    async def list(self, stub: type[Any], method: str, request: Any, field: str) -> list[Any]:
        """Return all records that a List method has. Raises as `call` does."""
        return [each async for each in self.each(stub, method, request, field)]

    async def each(self, stub: type[Any], method: str, request: Any, field: str) -> AsyncIterator[Any]:
        """Yield all records that a List method has, page after page. Raises as `call` does."""
        request.page_size = PAGE
        while True:
            answer = await self.call(stub, method, request)
            for record in getattr(answer, field):
                yield record
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    async def _run(self, stub: type[Any], method: str, request: Message, patience: float, metadata: Any) -> Any:
        function = getattr(stub(self._channel), method)
        try:
            return await function(request, metadata=metadata, timeout=patience)
        except grpc.aio.AioRpcError as error:
            raise explain(error) from error

    async def _metadata(self) -> tuple[tuple[str, str], ...]:
        if self._grant is None or self._grant.expires - time.time() < RENEW_BEFORE:
            self._grant = await self._mint()
        return (("authorization", f"Bearer {self._grant.access_token}"),)


def explain(error: grpc.aio.AioRpcError) -> CommandError:
    """Return what the terminal shows of an error."""
    if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return CommandError(
            f"auth does not answer: {error.details()}", mend="see `tenon status` and `tenon logs auth`, then repeat it."
        )
    return Refused(error)


@asynccontextmanager
async def open_auth(settings: Settings, organization: str) -> AsyncIterator[Auth]:
    """Open a connection to auth, and close it at the end. Raises NotRunning."""
    not_running = NotRunning(f"Nothing runs from {settings.home}.", mend="start it by `tenon up`.")
    if read_holder(settings) is None:
        raise not_running
    try:
        channel = open_channel(settings.socket("auth-0"), certificates=settings.certificates("cli"), name="auth")
    except OSError as error:
        raise not_running from error
    async with channel:
        yield Auth(channel, lambda: mint_grant(settings, organization))
