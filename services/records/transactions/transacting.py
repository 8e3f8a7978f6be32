"""Opens transactions for Python code, does their work once for each request, and again where others came first."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from services.chassis.call import Call, Caller, CallerKind
from services.chassis.errors import Aborted
from services.records.failures import TooMuchContention
from services.records.session import Overtaken, Session
from services.records.transactions.outbox import unit_of_work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from google.protobuf.message import Message

    from services.records.engine import Engine

    Work = Callable[[Session], Awaitable[Message | bytes]]

MAX_ATTEMPTS = 10
"""How often work is done again that met somebody else's change."""

FIRST_PAUSE = 0.005
"""Seconds before the second attempt, at most; it doubles each time."""

LONGEST_PAUSE = 0.25
"""Seconds between two attempts, at most."""

_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)


def service_caller(service: str, *, organization: str) -> Caller:
    """Return a service as a caller of its own accord: for global records (`system`), and for work behind no call."""
    return Caller(kind=CallerKind.WORKLOAD, workload=service, organization=organization, permissions=frozenset({"*"}))


def acting_as(call: Call, caller: Caller) -> Call:
    """Return the same call as somebody else's: what is done with it is done, and written down, as theirs."""
    other = Call(
        method=call.method,
        metadata=call.metadata,
        transport=call.transport,
        peer=call.peer,
        deadline=call.deadline,
        request_id=call.request_id,
    )
    other.caller, other.token, other.traceparent = caller, call.token, call.traceparent
    return other


@asynccontextmanager
async def open_session(engine: Engine, call: Call, *, acting: Caller | None = None) -> AsyncIterator[Session]:
    """Open a transaction on the engine's records, for the call's caller or for another; it has to be committed."""
    own = call if acting is None else acting_as(call, acting)
    async with unit_of_work(engine.pool, own, schema=engine.service) as work:
        yield Session(engine, own, work)


async def transact(engine: Engine, request: Message, call: Call, work: Work, *, acting: Caller | None = None) -> bytes:
    """Do work in one transaction and return the bytes of its answer.

    A message loses what the call's caller may not read of the records in it; bytes are an answer that lost it already.
    A request with a `request_id` that was answered before gets that answer, and the work is not done. Work that met
    somebody else's change is done again, so it must do nothing outside its session.

    Raises:
        TooMuchContention: where others kept coming first.
        RequestIdReused: where the id was sent with another request.
    """
    pause = FIRST_PAUSE
    for _ in range(MAX_ATTEMPTS):
        try:
            async with open_session(engine, call, acting=acting) as session:
                return await _once(engine, session, request, call, work)
        except (Overtaken, Aborted) as error:
            if not isinstance(error, Overtaken) and not isinstance(error.__cause__, _CONFLICTS):
                raise
        await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - it parts those who meet, and hides nothing
        pause = min(2 * pause, LONGEST_PAUSE)
    raise TooMuchContention("Others keep changing the same records. Retry shortly.")


async def _once(engine: Engine, session: Session, request: Message, call: Call, work: Work) -> bytes:
    transaction = session.work.transaction
    claim, known = await engine.remembering.claim(request, call, transaction)
    if known is not None:
        return known
    answer = await work(session)
    encoded = answer if isinstance(answer, bytes) else engine.answering.encode(answer, call.caller)
    await engine.remembering.settle(claim, call, transaction, encoded)
    await session.commit()
    return encoded
