"""Ends streams whose caller's token is taken back while they run: a call is checked once, and a stream lives long."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from services.chassis.errors import TenonError
from services.chassis.tokens import TokenRevoked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.tokens import Claims


class Verifier(Protocol):
    """Checks tokens; one that is known costs next to nothing."""

    async def verify(self, token: str) -> Claims:
        """Return the claims of a valid token, or raise."""


@dataclass(eq=False, kw_only=True, slots=True)
class Held:
    """One stream that runs."""

    token: str
    """Its caller's token."""
    task: asyncio.Task[Any] | None
    """The task that serves it."""
    refusal: TokenRevoked | None = None
    """Why it was ended, if it was."""


class LiveStreams:
    """The streams of a process, looked at together once in a period, by a task that is there while there are any."""

    def __init__(self, verifier: Verifier, *, period: float = 1.0) -> None:
        """Take what checks tokens, and the seconds between two looks."""
        self._verifier = verifier
        self._period = period
        self._held: set[Held] = set()
        self._sweeper: asyncio.Task[None] | None = None

    @contextmanager
    def holding(self, token: str) -> Iterator[Held]:
        """Have the task that runs the block cancelled, and `refusal` set, once the token is taken back."""
        held = Held(token=token, task=asyncio.current_task())
        if token:
            self._held.add(held)
            if self._sweeper is None or self._sweeper.done():
                self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        try:
            yield held
        finally:
            self._held.discard(held)

    async def _sweep(self) -> None:
        while self._held:
            await asyncio.sleep(self._period)
            for held in tuple(self._held):
                try:
                    await self._verifier.verify(held.token)
                except TokenRevoked as error:
                    held.refusal = error
                    self._held.discard(held)
                    if held.task is not None:
                        held.task.cancel()
                except TenonError:
                    # It has expired, which its stream knows, or nobody can tell just now.
                    continue
