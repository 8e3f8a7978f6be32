"""Lets several adapters take part in one transaction of which none of them knows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from services.chassis.postgres import Executor, Pool, Transaction

_LOCK_CLASS = 0x61757468  # "auth": the first half of our advisory locks' keys


class Database:
    """Runs statements in the transaction that the task has opened, or each in its own (`Changes`, `Executor`)."""

    def __init__(self, pool: Pool) -> None:
        """Take the pool."""
        self._pool = pool
        self._transaction: ContextVar[Transaction | None] = ContextVar("transaction", default=None)

    @property
    def transaction(self) -> Transaction | None:
        """The transaction that the current task is in."""
        return self._transaction.get()

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[asyncpg.Record]:
        """Run one statement and return its rows."""
        executor: Executor = self._transaction.get() or self._pool
        return await executor.fetch(sql, arguments, repeatable=repeatable)

    @asynccontextmanager
    async def open(self, organization: str) -> AsyncIterator[None]:
        """Open a transaction, alone in its organization among those that are opened here; nested ones are one."""
        if self._transaction.get() is not None:
            yield
            return
        async with self._pool.transaction() as transaction:
            await transaction.fetch("SELECT pg_advisory_xact_lock($1, hashtext($2))", [_LOCK_CLASS, organization])
            token = self._transaction.set(transaction)
            try:
                yield
            finally:
                self._transaction.reset(token)
