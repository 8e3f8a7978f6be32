"""Asks Postgres which tokens were revoked, in one question for all who ask at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.auth.storage.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from services.chassis.postgres import Executor

_FIND = f"SELECT key, before FROM {SCHEMA}.revocations WHERE key = ANY ($1)"


class _Question:
    """Keys that somebody waits for."""

    __slots__ = ("answer", "keys")

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.answer: asyncio.Future[Mapping[str, int]] = asyncio.get_running_loop().create_future()


class SqlRevoked:
    """What was revoked, as it is at the moment of asking (port `Revoked`).

    One question is out at a time; whoever asks meanwhile shares the next one. So the answer is never older than the
    question, and a thousand questions a second cost some hundred round trips.
    """

    def __init__(self, executor: Executor) -> None:
        """Take what runs statements."""
        self._executor = executor
        self._next: _Question | None = None
        self._asking: asyncio.Task[None] | None = None

    async def is_revoked(self, keys: Collection[str], issued: int) -> bool:
        """Whether a token of that second, to which these keys of revocations apply, is good no more."""
        if self._next is None:
            self._next = _Question()
        question = self._next
        question.keys.update(keys)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        # Whoever goes away must not take the answer from the others.
        found = await asyncio.shield(question.answer)
        return any(issued < found.get(key, 0) for key in keys)

    async def _ask(self) -> None:
        try:
            while (question := self._next) is not None:
                self._next = None
                try:
                    rows = await self._executor.fetch(_FIND, [list(question.keys)], repeatable=True)
                except Exception as error:  # noqa: BLE001 - whoever waits is told, and raises it
                    question.answer.set_exception(error)
                else:
                    question.answer.set_result({row["key"]: row["before"] for row in rows})
        finally:
            self._asking = None
