"""A thin pool of Postgres connections for one event loop, and what Postgres' failures mean to a caller.

asyncpg's own pool sends a reset query on each release and wraps each connection in a proxy: measured, that doubles the
cost of a short read. Here a connection is handed back as it is, which is right because a connection is only ever lent
for one statement or for one transaction, and because its statements stay prepared.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg

from services.chassis.errors import Aborted, DeadlineExceeded, TenonError, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from asyncpg.prepared_stmt import PreparedStatement

    Row = asyncpg.Record
    Connection = asyncpg.Connection[Row]

DEFAULT_SIZE = 8
"""Connections of one worker: more than a core can keep busy, few enough for a small server."""

STATEMENT_TIMEOUT = 30.0
"""Seconds after which Postgres itself gives up a statement, whose caller may long be gone."""

CONNECT_TIMEOUT = 5.0
"""Seconds that opening or closing a connection may take."""

MAX_PREPARED = 256
"""Statements that one connection keeps prepared."""

RETRY_AFTER = 1.0
"""Seconds after which a caller may try again while Postgres does not answer."""

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What asyncpg raises."""

_GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    OSError,
)
_CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


# Postgres counts time from here.
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = (datetime(*day, tzinfo=UTC) for day in ((1, 1, 1), (9999, 12, 31)))


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer, or has no room."""

    reason = "DATABASE_UNAVAILABLE"


class Executor(Protocol):
    """What runs a statement: a pool, or a transaction."""

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[Row]:
        """Run one statement and return its rows.

        `repeatable` says that running it twice does no harm, so that it may be run again on another connection.
        """


def translate(error: BaseException) -> TenonError | None:
    """Return what a failure of Postgres means to a caller, or None where it is about the data and not the server."""
    if isinstance(error, asyncpg.QueryCanceledError):
        return DeadlineExceeded("The database took longer than it may. Ask for less, or narrow the filter.")
    if isinstance(error, _CONFLICTS):
        return Aborted("Another change was in the way. Read again and retry.")
    if _is_gone(error):
        return DatabaseUnavailable("The database does not answer just now. Retry shortly.", retry_after=RETRY_AFTER)
    return None


def _is_gone(error: BaseException) -> bool:
    if isinstance(error, asyncpg.InterfaceError):
        # The same class tells of our own mistakes, which retrying does not mend.
        return "closed" in str(error) and not isinstance(error, ValueError)
    if isinstance(error, asyncpg.InternalClientError):
        return True
    return isinstance(error, _GONE) and not isinstance(error, asyncpg.QueryCanceledError)


def _has_done_nothing(error: BaseException) -> bool:
    """Whether the statement was never sent, or was rolled back whole, so that anyone may run it again."""
    if isinstance(error, (*_CONFLICTS, asyncpg.InvalidCachedStatementError)):
        return True
    # Raised before a statement is sent, by a connection that Postgres ended while it was idle.
    return isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError) and _is_gone(error)


@dataclass(slots=True)
class _Link:
    """One connection and its prepared statements, the last used at the end."""

    connection: Connection
    prepared: OrderedDict[str, PreparedStatement[Row]] = field(default_factory=OrderedDict)

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> list[Row]:
        statement = self.prepared.get(sql)
        if statement is None:
            statement = await self.connection.prepare(sql)
            self.prepared[sql] = statement
            if len(self.prepared) > MAX_PREPARED:
                self.prepared.popitem(last=False)
        elif len(self.prepared) == MAX_PREPARED:
            self.prepared.move_to_end(sql)
        try:
            return await statement.fetch(*arguments)
        except asyncpg.InvalidCachedStatementError:
            self.prepared.pop(sql, None)
            raise


class Transaction:
    """A transaction on one connection; the block that opened it ends it."""

    def __init__(self, link: _Link) -> None:
        """Take the connection that was lent."""
        self._link = link

    @property
    def connection(self) -> Connection:
        """The connection itself, for what `fetch` does not do."""
        return self._link.connection

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[Row]:  # noqa: ARG002 - one interface with the pool
        """Run one statement. Nothing is run again: a failure has ended the transaction."""
        return await self._link.fetch(sql, arguments)


class Pool:
    """Connections to one database, lent for a statement or a transaction; it belongs to the loop that uses it first."""

    def __init__(self, url: str, *, size: int = DEFAULT_SIZE, statement_timeout: float = STATEMENT_TIMEOUT) -> None:
        """Take where Postgres is and how many connections there may be. Nothing is opened yet."""
        self._url = url
        self._size = size
        self._settings = {
            "application_name": "tenon",
            "statement_timeout": str(int(statement_timeout * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            "timezone": "UTC",
            # Our plans are short: compiling them to machine code costs more than it saves.
            "jit": "off",
        }
        self._idle: list[_Link] = []
        self._open = 0
        self._waiting: deque[asyncio.Future[_Link | None]] = deque()
        self._closed = False

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[Row]:
        """Run one statement in a transaction of its own and return its rows.

        Raises asyncpg's own error for what is wrong with the data, and what `translate` makes of any other.
        """
        try:
            return await self._fetch(sql, arguments)
        except FAILURES as error:
            if _is_gone(error):
                self._drop_idle()
            if not _has_done_nothing(error) and not (repeatable and _is_gone(error)):
                raise _translated(error) from error
        try:
            return await self._fetch(sql, arguments)
        except FAILURES as error:
            raise _translated(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Lend a connection in a transaction that is committed at the end, and rolled back on any error."""
        async with self.begin() as transaction:
            yield transaction
            await transaction.connection.execute("COMMIT")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Lend a connection in a transaction that is rolled back unless the borrower commits it."""
        async with self._lend() as link:
            await link.connection.execute("BEGIN")
            yield Transaction(link)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection as it is. What the borrower leaves open is rolled back."""
        async with self._lend() as link:
            yield link.connection

    async def open_apart(self) -> Connection:
        """Open a connection beside those that are lent, for whoever needs one for long and closes it."""
        try:
            return await self._opened()
        except FAILURES as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Close all connections; one that is lent is closed when it comes back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for link in idle:
            link.prepared.clear()
            try:
                await link.connection.close(timeout=CONNECT_TIMEOUT)
            except FAILURES:
                # The other side is gone, so there is nobody to take leave of.
                link.connection.terminate()

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[_Link]:
        link = None
        try:
            link = await self._acquire()
            yield link
        except FAILURES as error:
            raise _translated(error) from error
        finally:
            if link is not None:
                await self._tidy(link)
                self._release(link)

    async def _tidy(self, link: _Link) -> None:
        if link.connection.is_closed() or not link.connection.is_in_transaction():
            return
        try:
            await link.connection.execute("ROLLBACK")
        except BaseException:
            # Whatever went wrong, or if we are cancelled meanwhile: nobody may get a connection in this state.
            link.connection.terminate()
            raise

    async def _fetch(self, sql: str, arguments: Sequence[Any]) -> list[Row]:
        link = await self._acquire()
        try:
            return await link.fetch(sql, arguments)
        except asyncpg.InternalClientError:
            link.connection.terminate()
            raise
        finally:
            self._release(link)

    def _drop_idle(self) -> None:
        """Give up all idle connections: where Postgres ended one, it has most often ended all."""
        idle, self._idle = self._idle, []
        for link in idle:
            link.connection.terminate()
            self._release(link)

    async def _acquire(self) -> _Link:
        while True:
            while self._idle:
                link = self._idle.pop()
                if not link.connection.is_closed():
                    return link
                self._open -= 1
            if self._open < self._size:
                return await self._connect()
            link_or_room = await self._wait()
            if link_or_room is not None:
                return link_or_room

    async def _connect(self) -> _Link:
        if self._closed:
            raise DatabaseUnavailable("This process is about to stop. Retry shortly.", retry_after=RETRY_AFTER)
        self._open += 1
        try:
            connection = await self._opened()
        except BaseException:
            self._open -= 1
            self._tell_room()
            raise
        return _Link(connection)

    async def _opened(self) -> Connection:
        connection = await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT, server_settings=self._settings)
        await set_time_codec(connection)
        return connection

    async def _wait(self) -> _Link | None:
        """Wait in line for a connection, or for room to open one (None)."""
        waiter: asyncio.Future[_Link | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                # It was handed over just when we were cancelled: the next in line gets it.
                link = waiter.result()
                self._release(link) if link is not None else self._tell_room()
            raise

    def _release(self, link: _Link) -> None:
        if link.connection.is_closed():
            self._open -= 1
            self._tell_room()
        elif self._closed:
            link.connection.terminate()
        elif not self._hand_over(link):
            self._idle.append(link)

    def _hand_over(self, link: _Link | None) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(link)
                return True
        return False

    def _tell_room(self) -> None:
        self._hand_over(None)


async def set_time_codec(connection: Connection) -> None:
    """Make a connection read every time in UTC.

    asyncpg's own codec takes the first and the last moment of all for infinities, and forgets their time zone.
    """
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode_time, decoder=_decode_time, format="tuple"
    )


def _encode_time(moment: datetime | tuple[int]) -> tuple[int]:
    # Whoever has many moments as microseconds since Postgres' epoch may give them so: it costs a fraction.
    if isinstance(moment, tuple):
        return moment
    return ((moment - _EPOCH) // _MICROSECOND,)


def _decode_time(value: tuple[int]) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=value[0])
    except OverflowError:
        # An infinity, which Python does not have.
        return _LAST if value[0] > 0 else _FIRST


def _translated(error: Exception) -> Exception:
    return translate(error) or error


@asynccontextmanager
async def open_pool(
    url: str, *, size: int = DEFAULT_SIZE, statement_timeout: float = STATEMENT_TIMEOUT
) -> AsyncIterator[Pool]:
    """Open a pool for as long as the block lasts. Connections are made when they are needed."""
    pool = Pool(url, size=size, statement_timeout=statement_timeout)
    try:
        yield pool
    finally:
        await pool.close()
