"""Lets several adapters, the record engine among them, take part in one transaction of which none of them knows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from services.chassis.postgres import FAILURES, Pool, translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from services.chassis.postgres import Transaction

_LOCK_CLASS = 0x61757468  # "auth": the first half of our advisory locks' keys


class Database(Pool):
    """A pool whose statements run in the transaction that the current task has opened, if it has (port `Changes`)."""

    def __init__(self, url: str, *, size: int = 8) -> None:
        """Take where Postgres is, and how many connections there may be."""
        super().__init__(url, size=size)
        self._joined: ContextVar[Transaction | None] = ContextVar("joined", default=None)

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[asyncpg.Record]:
        """Run one statement and return its rows. Errors are those of `Pool.fetch`."""
        joined = self._joined.get()
        if joined is None:
            return await super().fetch(sql, arguments, repeatable=repeatable)
        # A savepoint, so that whoever runs a statement that fails may ask what is there and go on.
        await joined.connection.execute("SAVEPOINT statement")
        try:
            rows = await joined.fetch(sql, arguments)
            await joined.connection.execute("RELEASE statement")
        except FAILURES as error:
            if not joined.connection.is_closed():
                await joined.connection.execute("ROLLBACK TO statement")
            raise translate(error) or error from error
        return rows

    @property
    def joined(self) -> Transaction:
        """The transaction that the current task has opened. Raises LookupError where it has not."""
        transaction = self._joined.get()
        if transaction is None:
            raise LookupError("no transaction is open")
        return transaction

    @asynccontextmanager
    async def open(self, organization: str) -> AsyncIterator[None]:
        """Open a transaction, alone in its organization among those that are opened here; nested ones are one."""
        if self._joined.get() is not None:
            yield
            return
        async with self.together():
            await self.fetch("SELECT pg_advisory_xact_lock($1, hashtext($2))", [_LOCK_CLASS, organization])
            yield

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Open a transaction in which nobody waits for others of the organization; nested ones are one."""
        if self._joined.get() is not None:
            yield
            return
        async with self.transaction() as transaction:
            token = self._joined.set(transaction)
            try:
                yield
            finally:
                self._joined.reset(token)
