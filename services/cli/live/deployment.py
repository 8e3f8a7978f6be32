"""Replaces the contract of a running stack: tables, then workers, then the edge; all of it, or nothing.

A worker gains a method before the edge shows it, and loses it after. The order is such that a process which is killed
at any moment is started again with a contract that the others serve too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from services.chassis.contract import serialize_contract
from services.cli.live.edge import LiveEdge, read_folder
from services.cli.live.problems import NotApplied
from services.cli.live.workers import open_workers
from services.cli.stack.contract import edge_files, live_edge_files
from services.cli.stack.fingerprint import write_compiled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.chassis.contract import Contract
    from services.cli.live.workers import Worker
    from services.cli.settings import Settings

LINGER = 0.25
"""Seconds for which workers still serve methods that the edge has ceased to show: calls may be on their way."""


class Deployment:
    """One change of a running stack's contract."""

    def __init__(self, settings: Settings, contract: Contract, *, allow_breaking: bool = False) -> None:
        """Take what is to run; what runs is read from the state folder."""
        self._settings = settings
        self._contract = contract
        self._bytes = serialize_contract(contract)
        self._allow_breaking = allow_breaking
        self._edge = LiveEdge(settings)
        self._before = settings.contract.read_bytes()
        self._edge_before = read_folder(settings.home / "envoy")
        self._fingerprint = ""

    async def run(self) -> tuple[str, ...]:
        """Apply it and return the statements that ran on the tables; raises NotApplied where nothing has changed."""
        async with open_workers(self._settings) as workers:
            # The edge's routes are made while the workers make what they lead to.
            routes = asyncio.to_thread(live_edge_files, self._settings, self._contract, self._edge_before)
            prepared = asyncio.gather(*(worker.prepare(self._bytes) for worker in workers))
            files, (self._fingerprint, *_) = await asyncio.gather(routes, prepared)
            statements = await workers[0].migrate(self._bytes, self._fingerprint, allow_breaking=self._allow_breaking)
            try:
                await self._switch(workers, files)
            except BaseException:
                await self._go_back(workers)
                raise
        return statements

    async def settle(self) -> None:
        """Take back what served the change alone, once nobody can be on the way to it; raises NotApplied."""
        await asyncio.sleep(LINGER)
        async with open_workers(self._settings) as workers:
            await self._publish(workers, keep_removed=False)

    async def document(self, key: str) -> None:
        """Bring the documents at the edge in step, which nobody waits for; raises NotApplied.

        `key` names the state of the files that all of it came from: with it a later start has nothing to do.
        """
        await self._edge.take(await asyncio.to_thread(edge_files, self._settings, self._contract))
        write_compiled(self._settings, key)

    async def _switch(self, workers: Sequence[Worker], files: Mapping[str, str]) -> None:
        await self._publish(workers, keep_removed=True)
        _write(self._settings, self._bytes)
        # One that was started again before the file was there serves what was before.
        await self._publish(workers, keep_removed=True)
        await self._edge.take(files)

    async def _publish(self, workers: Sequence[Worker], *, keep_removed: bool) -> None:
        publish = (worker.publish(self._bytes, self._fingerprint, keep_removed=keep_removed) for worker in workers)
        await asyncio.gather(*publish)

    async def _go_back(self, workers: Sequence[Worker]) -> None:
        _write(self._settings, self._before)
        # Who does not answer reads what was before once it is started again.
        with suppress(NotApplied):
            await self._edge.take(self._edge_before)
        for worker in workers:
            with suppress(NotApplied):
                await worker.publish(self._before, await worker.prepare(self._before), keep_removed=False)


def _write(settings: Settings, contract: bytes) -> None:
    fresh = settings.contract.with_name(f"{settings.contract.name}.new")
    fresh.write_bytes(contract)
    fresh.replace(settings.contract)
