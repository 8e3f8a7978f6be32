"""Reads the records that others refer to: all that one level of an answer needs, of one kind, in one call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from services.chassis.errors import NotFound, TenonError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from google.protobuf.message import Message

    Ask = Callable[[list[str]], Awaitable[dict[str, Message]]]
    """Takes names, each once, and returns the records that there are."""

MAX_BATCH = 1000
"""The most names that one BatchGet takes."""

TRIES = 3
"""How often a batch is asked for again without the record that it said is missing, before each is asked for alone."""


class Loader:
    """The records of one kind for one answer; each is asked for once."""

    __slots__ = ("_ask", "_known", "_tasks", "_waiting")

    def __init__(self, ask: Ask) -> None:
        """Take what reads them."""
        self._ask = ask
        self._known: dict[str, asyncio.Future[Message | None]] = {}
        self._waiting: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, name: str) -> asyncio.Future[Message | None]:
        """Return what will be the record of that name, or None where there is none for the caller."""
        found = self._known.get(name)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self._known[name] = loop.create_future()
            if not self._waiting:
                # All that is asked for until the loop turns is one level of the answer.
                loop.call_soon(self._send)
            self._waiting.append(name)
        return found

    def known(self, name: str) -> Message | None:
        """Return a record that has been read, or None where there is none."""
        return self._known[name].result()

    def _send(self) -> None:
        names, self._waiting = self._waiting, []
        for start in range(0, len(names), MAX_BATCH):
            task = asyncio.ensure_future(self._fetch(names[start : start + MAX_BATCH]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _fetch(self, names: list[str]) -> None:
        known = self._known
        try:
            found = await self._ask(names)
        except asyncio.CancelledError:
            for name in names:
                known[name].cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where each of them is awaited
            for name in names:
                if not known[name].done():
                    known[name].set_exception(error)
            # An answer that failed elsewhere awaits none of them any more.
            for name in names:
                known[name].exception()
            return
        for name in names:
            if not known[name].done():
                known[name].set_result(found.get(name))

    def close(self) -> None:
        """End what is under way; nobody awaits it any more."""
        for task in self._tasks:
            task.cancel()


async def ask_for_all(
    names: list[str], batch: Callable[[list[str]], Awaitable[list[Any]]], single: Callable[[str], Awaitable[Any]]
) -> dict[str, Any]:
    """Return the records that there are, by a BatchGet that fails as a whole where one is missing.

    It names the missing one. After some tries without it each record is asked for alone.
    """
    left = list(names)
    for _ in range(TRIES):
        if not left:
            return {}
        try:
            return {record.name: record for record in await batch(left)}
        except NotFound as error:
            missing = error.metadata.get("name", "")
            if missing not in left:
                break
            left.remove(missing)
        except TenonError as error:
            # Names that are none at all, and batches that are too heavy, are refused as a whole too.
            if error.code != 3:  # noqa: PLR2004 - INVALID_ARGUMENT; a remote failure has it as its own attribute
                raise
            break
    return await ask_one_by_one(left, single)


async def ask_one_by_one(names: list[str], single: Callable[[str], Awaitable[Any]]) -> dict[str, Any]:
    """Return the records that there are, each asked for alone."""

    async def find(name: str) -> Any:
        try:
            return await single(name)
        except TenonError as error:
            if error.code in {3, 5}:  # INVALID_ARGUMENT: it is no name of one; NOT_FOUND
                return None
            raise

    found = await asyncio.gather(*(find(name) for name in names))
    return {name: record for name, record in zip(names, found, strict=True) if record is not None}
