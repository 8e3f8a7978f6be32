"""Replaces the contract of a running stack: tables, then workers, then the edge; all of it, or nothing.

A worker gains a method before the edge shows it, and loses it after. The order is such that a process which is killed
at any moment is started again with a contract that the others serve too.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.cli.live.edge import LiveEdge, read_folder
from services.cli.live.problems import NotApplied
from services.cli.live.workers import open_workers
from services.cli.stack.fingerprint import write_compiled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.cli.live.workers import Worker
    from services.cli.settings import Settings

LINGER = 0.25
"""Seconds for which workers still serve methods that the edge has ceased to show: calls may be on their way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """What the files come to."""

    contract: bytes
    """The compiled contract, as the workers read it."""
    edge: Mapping[str, str]
    """The files of the edge, by their paths."""
    key: str
    """The name of the state of the files."""


class Deployment:
    """One change of a running stack's contract."""

    def __init__(self, settings: Settings, after: Compiled, *, allow_breaking: bool = False) -> None:
        """Take what is to run; what runs is read from the state folder."""
        self._settings = settings
        self._after = after
        self._allow_breaking = allow_breaking
        self._edge = LiveEdge(settings)
        self._before = Compiled(
            contract=settings.contract.read_bytes(),
            edge=read_folder(settings.home / "envoy"),
            key="",
        )

    async def run(self) -> tuple[str, ...]:
        """Apply it and return the statements that ran on the tables; raises NotApplied where nothing has changed."""
        async with open_workers(self._settings) as workers:
            contract = self._after.contract
            fingerprint = (await asyncio.gather(*(worker.prepare(contract) for worker in workers)))[0]
            statements = await workers[0].migrate(contract, fingerprint, allow_breaking=self._allow_breaking)
            try:
                await self._switch(workers, fingerprint)
            except BaseException:
                await self._go_back(workers)
                raise
            await asyncio.sleep(LINGER)
            await _publish(workers, contract, fingerprint, keep_removed=False)
        write_compiled(self._settings, self._after.key)
        return statements

    async def _switch(self, workers: Sequence[Worker], fingerprint: str) -> None:
        contract = self._after.contract
        await _publish(workers, contract, fingerprint, keep_removed=True)
        _write(self._settings, contract)
        # One that was started again before the file was there serves what was before.
        await _publish(workers, contract, fingerprint, keep_removed=True)
        await self._edge.take(self._after.edge)

    async def _go_back(self, workers: Sequence[Worker]) -> None:
        contract = self._before.contract
        _write(self._settings, contract)
        await self._edge.take(self._before.edge)
        for worker in workers:
            try:
                await worker.publish(contract, await worker.prepare(contract), keep_removed=False)
            except NotApplied:
                continue  # It does not answer, and reads the file when it is started again.


async def _publish(workers: Sequence[Worker], contract: bytes, fingerprint: str, *, keep_removed: bool) -> None:
    await asyncio.gather(*(worker.publish(contract, fingerprint, keep_removed=keep_removed) for worker in workers))


def _write(settings: Settings, contract: bytes) -> None:
    fresh = settings.contract.with_name(f"{settings.contract.name}.new")
    fresh.write_bytes(contract)
    fresh.replace(settings.contract)
