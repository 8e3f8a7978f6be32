"""Tells the workers of data to serve another contract, and waits for those that are being started again."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from tenon.data.v1 import deployment_service_pb2 as messages
from tenon.data.v1 import deployment_service_pb2_grpc as stubs

from services.chassis.repository import RECORD_HOST
from services.cli.channel import open_channel
from services.cli.live.problems import NotApplied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.cli.settings import Settings

PATIENCE = 20.0
"""Seconds that a worker may be away: one that was killed is back within a few."""

PAUSE = 0.05
"""Seconds between two attempts to reach a worker."""

_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


class _Forgotten(Exception):
    """The worker does not know the contract: it was started again since it was told."""


class Worker:
    """One worker process, whatever its process id is by now."""

    def __init__(self, name: str, stub: Any) -> None:
        """Take its name for a reader, and the stub that reaches it."""
        self.name = name
        self._stub = stub

    async def prepare(self, contract: bytes) -> str:
        """Make a contract ready and return its fingerprint; raises NotApplied."""
        request = messages.PrepareContractRequest(descriptor_set=contract)
        answer = await self._call(lambda: self._stub.PrepareContract(request))
        if answer.problems:
            raise NotApplied(answer.problems)
        return str(answer.fingerprint)

    async def migrate(self, contract: bytes, fingerprint: str, *, allow_breaking: bool) -> tuple[str, ...]:
        """Bring the tables in step and return the statements that ran; raises NotApplied."""
        request = messages.MigrateContractRequest(fingerprint=fingerprint, allow_breaking=allow_breaking)
        answer = await self._prepared(contract, lambda: self._stub.MigrateContract(request))
        if answer.problems:
            raise NotApplied(answer.problems)
        return tuple(answer.statements)

    async def publish(self, contract: bytes, fingerprint: str, *, keep_removed: bool) -> None:
        """Have a prepared contract served; raises NotApplied."""
        request = messages.PublishContractRequest(fingerprint=fingerprint, keep_removed=keep_removed)
        await self._prepared(contract, lambda: self._stub.PublishContract(request))

    async def _prepared(self, contract: bytes, send: Callable[[], Any]) -> Any:
        """Send what needs a prepared contract; a worker that was started again meanwhile is given it anew."""
        while True:
            try:
                return await self._call(send)
            except _Forgotten:
                await self.prepare(contract)

    async def _call(self, send: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await send()
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    raise _Forgotten from error
                if error.code() not in _AWAY or time.monotonic() > until:
                    mend = f"see `tenon status` and `tenon logs {self.name}`, and save again."
                    raise NotApplied([f"{self.name} does not apply it: {error.details()} Mend: {mend}"]) from error
            await asyncio.sleep(PAUSE)


@asynccontextmanager
async def open_workers(settings: Settings) -> AsyncIterator[tuple[Worker, ...]]:
    """Open a connection to each worker of data, under the certificate of now, and close them at the end."""
    certificates = settings.certificates("cli")
    async with AsyncExitStack() as stack:
        workers = []
        for index in range(settings.workers[RECORD_HOST]):
            name = f"{RECORD_HOST}-{index}"
            channel = open_channel(settings.socket(name), certificates=certificates, name=RECORD_HOST)
            await stack.enter_async_context(channel)
            workers.append(Worker(name, stubs.DeploymentServiceStub(channel)))
        yield tuple(workers)
