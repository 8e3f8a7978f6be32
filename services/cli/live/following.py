"""Follows the contracts for as long as a stack runs: each save is compiled, judged and applied, or said to be wrong."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from services.chassis.contract import PROTO_ROOT, ContractError, read_contract, serialize_contract
from services.cli.live.deployment import Deployment
from services.cli.live.differences import describe, find_frozen
from services.cli.live.problems import NotApplied
from services.cli.live.sources import METHODS, await_change, changed_names, look
from services.cli.stack.contract import read_sources
from services.cli.stack.fingerprint import compile_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.chassis.contract import Contract
    from services.cli.settings import Settings

UNCHANGED = "what runs goes on as it was:"

_log = logging.getLogger(__name__)


class Following:
    """One stack's contracts and their files."""

    def __init__(self, settings: Settings, say: Callable[[str], None], *, allow_breaking: bool = False) -> None:
        """Take the stack, and where to say what happens, a line at a time."""
        self._settings = settings
        self._say = say
        self._allow_breaking = allow_breaking
        self._roots = (PROTO_ROOT, *settings.contracts)
        self._broken = False
        self._forced = False
        self._documents: asyncio.Task[None] | None = None
        self._running: Contract | None = None

    async def run(self) -> None:
        """Apply what was saved since the stack was started, and then every change, for ever."""
        seen = look(self._roots)
        if compile_key(self._settings):
            self._forced = True
            await self.follow(())
        self._say("watching the contracts")
        while True:
            now = await await_change(self._roots, seen)
            names, seen = changed_names(self._roots, seen, now), now
            await self.follow(names)

    async def follow(self, names: Sequence[str]) -> None:
        """Apply the files as they are; `names` are those that changed."""
        begun = time.monotonic()
        self._forced |= any(name.endswith(METHODS) for name in names)
        try:
            await self._apply(names, begun)
        except NotApplied as error:
            self._broken = True
            self._say(f"{_listed(names)} not applied; {UNCHANGED}")
            for problem in error.problems:
                self._say(f"  {problem}")

    async def _apply(self, names: Sequence[str], begun: float) -> None:
        """Apply what the files say and tell what is new, if they say anything new; raises NotApplied."""
        key = compile_key(self._settings)
        try:
            contract = await asyncio.to_thread(read_sources, self._settings)
        except ContractError as error:
            raise NotApplied(str(problem) for problem in error.problems) from error
        running = await self._read_running()
        if serialize_contract(contract) == serialize_contract(running) and not self._forced:
            self._tell_live(names, begun, (), is_new=False)
            return
        if frozen := find_frozen(running, contract):
            raise NotApplied(frozen)
        # The documents of the last change would be those of this one by now.
        if self._documents is not None:
            self._documents.cancel()
        deployment = Deployment(self._settings, contract, allow_breaking=self._allow_breaking)
        statements = await deployment.run()
        self._forced, self._running = False, contract
        self._tell_live(names, begun, (*describe(running, contract), *_counted(statements)), is_new=True)
        await self._end(deployment, key)

    async def _read_running(self) -> Contract:
        """Return the contract that runs; one that we have applied ourselves need not be read again."""
        if self._running is None or serialize_contract(self._running) != self._settings.contract.read_bytes():
            self._running = await asyncio.to_thread(read_contract, self._settings.contract)
        return self._running

    async def _end(self, deployment: Deployment, key: str) -> None:
        """Do what is left once a contract is live; its documents are written while the next save is waited for."""
        try:
            await deployment.settle()
        except NotApplied as error:
            self._forced = True
            self._say("  what served the change alone is still there; save again:")
            for problem in error.problems:
                self._say(f"  {problem}")
            return
        self._documents = asyncio.create_task(self._document(deployment, key))

    async def _document(self, deployment: Deployment, key: str) -> None:
        try:
            await deployment.document(key)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody else would tell of it
            self._forced = True
            _log.exception("The documents were not written.")
            self._say(f"  /openapi.yaml and /docs/ are not in step: {error or type(error).__name__}; save again")

    def _tell_live(self, names: Sequence[str], begun: float, said: Sequence[str], *, is_new: bool) -> None:
        mended, self._broken = self._broken, False
        if is_new or mended:
            self._say(f"{_listed(names)} {'mended, and ' if mended else ''}live in {time.monotonic() - begun:.2f} s")
        for line in said:
            self._say(f"  {line}")


def _counted(statements: Sequence[str]) -> tuple[str, ...]:
    """Return a line on what was done to the tables; notes on them are no news."""
    number = sum(1 for statement in statements if not statement.lstrip().startswith("COMMENT"))
    noun = "statement" if number == 1 else "statements"
    return (f"the tables: {number} {noun} (GET /data/v1/contracts tells them)",) if number else ()


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "the contracts:"
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}:"  # noqa: PLR2004 (as many as fit a line)
