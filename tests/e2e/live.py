"""A stack that follows its contracts, calls that go on all the while, and contracts to save."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import httpx

from services.cli.commands.new import contract_text, name_resource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.stack import Stack

PATIENCE = 60.0
"""Seconds that a test waits for what the terminal is to say."""

IN_FLIGHT = 64
"""Requests under way at most: a machine that falls behind is not asked for ever more."""


def new_contract(service: str) -> tuple[str, str]:
    """Return the path and the text of a contract that nobody has seen: a resource `Pet` with all standard methods."""
    names = name_resource(f"{service}.Pet")
    return names.file.as_posix(), contract_text(names)


@dataclass(kw_only=True)
class Contracts:
    """The folder of contracts that a stack follows."""

    folder: Path
    """The import root."""
    log: Path
    """What the terminal is told."""

    def save(self, path: str, text: str) -> None:
        """Save a file as editors do: written beside, and renamed."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.swp")
        draft.write_text(text)
        draft.replace(target)

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return (self.folder / path).read_text()

    def said(self, since: int = 0) -> str:
        """Return what the terminal was told, after a position."""
        return self.log.read_text()[since:]

    def position(self) -> int:
        """Return how much the terminal was told so far."""
        return len(self.log.read_text())

    def await_said(self, words: str, since: int) -> str:
        """Wait until the terminal is told something that holds these words, and return all that it was told."""
        until = time.monotonic() + PATIENCE
        while words not in (said := self.said(since)):
            if time.monotonic() > until:
                raise AssertionError(f"nobody said {words!r}, but:\n{said}")
            time.sleep(0.02)
        return said


@dataclass(kw_only=True)
class Calls:
    """Calls through the edge at a steady rate, in a thread of their own, while something else happens."""

    stack: Stack
    """The stack."""
    token: str
    """The caller's."""
    total: int
    """How many calls."""
    rate: int = 200
    """How many begin in a second."""
    answers: Counter[str] = field(default_factory=Counter)
    """How often each outcome came."""
    seconds: list[float] = field(default_factory=list)
    """How long each call took."""
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def await_more(self, number: int) -> None:
        """Wait until so many more calls were answered, or all of them."""
        goal = min(len(self.seconds) + number, self.total)
        await_true(lambda: len(self.seconds) >= goal, f"{number} more calls")

    async def _run(self) -> None:
        headers = {"authorization": f"Bearer {self.token}"}
        room = asyncio.Semaphore(IN_FLIGHT)
        async with httpx.AsyncClient(base_url=self.stack.url, headers=headers, timeout=30) as client:
            begun = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for number in range(self.total):
                    await room.acquire()
                    await asyncio.sleep(max(0.0, begun + number / self.rate - time.monotonic()))
                    group.create_task(self._call(client, number, room))

    async def _call(self, client: httpx.AsyncClient, number: int, room: asyncio.Semaphore) -> None:
        begun = time.monotonic()
        try:
            if number % 4 == 0:
                answer = await client.post("/library/v1/shelves", json={"theme": "Fresh"})
            elif number % 4 == 1:
                answer = await client.get("/library/v1/shelves/kept/books", params={"pageSize": 5})
            else:
                answer = await client.get("/library/v1/shelves/kept")
            outcome = str(answer.status_code) if answer.status_code == 200 else f"{answer.status_code} {answer.text}"
        except httpx.HTTPError as error:
            outcome = repr(error)
        finally:
            room.release()
        self.answers[outcome] += 1
        self.seconds.append(time.monotonic() - begun)


def await_true(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"it did not come: {what}")
        time.sleep(0.02)


def await_live(client: httpx.Client, verb: str, path: str, **options: object) -> float:
    """Call again and again until the answer is 200, and return the seconds that it took."""
    begun = time.monotonic()
    while True:
        answer = client.request(verb, path, **options)  # type: ignore[arg-type]  # httpx's own options
        if answer.status_code == httpx.codes.OK:
            return time.monotonic() - begun
        if time.monotonic() - begun > PATIENCE:
            raise AssertionError(f"{path} is not live: {answer.status_code} {answer.text}")
        time.sleep(0.01)
