"""All or nothing: work of several statements in one transaction, its own or a part of the caller's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from services.chassis.errors import Aborted
from services.chassis.postgres import FAILURES, Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from services.chassis.call import Call
    from services.chassis.postgres import Executor, Pool
    from services.records.writing.writer import Writer

    Work = Callable[[Transaction], Awaitable[bytes]]

T = TypeVar("T")

MAX_ATTEMPTS = 5
"""How often work is done that Postgres takes back, because it and other work waited for each other."""

_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_SAVEPOINTS = count(1)


async def atomically(work: Callable[[Transaction], Awaitable[T]], executor: Executor | None, pool: Pool) -> T:
    """Do work as a whole: in a transaction of its own, or inside the one that is given.

    There, a refusal takes back what this work did and no more. What fails in Postgres may be done again from its
    beginning where the transaction is its own.
    """
    if isinstance(executor, Transaction):
        async with savepoint(executor):
            return await work(executor)
    for left in reversed(range(MAX_ATTEMPTS)):
        try:
            async with pool.transaction() as transaction:
                return await work(transaction)
        except Aborted as error:
            if not left or not isinstance(error.__cause__, _CONFLICTS):
                raise
    raise AssertionError("The last attempt returns or raises.")


async def once(writer: Writer, request: Any, call: Call, executor: Executor | None, work: Work) -> bytes:
    """Do work as a whole, once for each `request_id`, and return its answer, or the answer that it had before.

    Raises:
        RequestIdReused: if the id was sent with another request.
    """

    async def inside(transaction: Transaction) -> bytes:
        claim, known = await writer.remembering.claim(request, call, transaction)
        if known is not None:
            return known
        answer = await work(transaction)
        await writer.remembering.settle(claim, call, transaction, answer)
        return answer

    return await atomically(inside, executor, writer.executor)


@asynccontextmanager
async def savepoint(transaction: Transaction, *, keeps: bool = True) -> AsyncIterator[None]:
    """Take back what the block did where it raises, or `keeps` nothing of it; the transaction itself goes on."""
    name = f"tenon_{next(_SAVEPOINTS)}"
    connection = transaction.connection
    await connection.execute(f"SAVEPOINT {name}")
    try:
        yield
    except Exception as error:
        if not (isinstance(error, FAILURES) and connection.is_closed()):
            await connection.execute(f"ROLLBACK TO SAVEPOINT {name}")
        raise
    await connection.execute(f"{'RELEASE' if keeps else 'ROLLBACK TO'} SAVEPOINT {name}")


class TakenBack(Exception):
    """The rehearsal is over."""


async def rehearse(work: Callable[[Transaction], Awaitable[T]], executor: Executor | None, pool: Pool) -> T:
    """Do work and take all of it back; it fails as it would have failed."""
    if not isinstance(executor, Transaction):
        async with pool.begin() as transaction:
            return await work(transaction)
    async with savepoint(executor, keeps=False):
        return await work(executor)
