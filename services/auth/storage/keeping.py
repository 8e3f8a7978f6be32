"""Lets auth itself make and change records within the transaction that is open, those fields too that nobody else sets.

What is done this way is an event as any other, of the person in whose name it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.call import Call, Caller, CallerKind
from services.records.session import Session
from services.records.transactions.outbox import UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.auth.storage.database import Database
    from services.chassis.contract import Method
    from services.chassis.postgres import Connection, Row
    from services.records.engine import Engine


class _NoTransport:
    """Stands where nobody called."""

    def send_initial_metadata(self, name: str, value: str) -> None:
        """Drop it."""

    def send_trailer(self, name: str, value: str | bytes) -> None:
        """Drop it."""

    def is_cancelled(self) -> bool:
        """Say that nobody goes away."""
        return False

    def on_done(self, callback: Callable[[], None]) -> None:
        """Drop it."""


class _Joined:
    """The open transaction, each statement behind a savepoint, so that one that fails is not the end of it."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self.connection = connection

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[Row]:
        return await self._database.fetch(sql, arguments, repeatable=repeatable)


class RecordKeeper:
    """Opens sessions of the record engine in the transaction that is open."""

    def __init__(self, engine: Engine, database: Database, method: Method) -> None:
        """Take the engine, where transactions are opened, and a method of auth's, since each call is one of some."""
        self._engine = engine
        self._database = database
        self._method = method

    def session(self, organization: str, actor: str = "") -> Session:
        """Return a session on an organization's records, in the name of `actor` or else of auth.

        Raises:
            LookupError: no transaction is open.
        """
        call = Call(method=self._method, metadata={}, transport=_NoTransport())
        call.caller = Caller(
            kind=CallerKind.USER if actor else CallerKind.WORKLOAD,
            subject=actor,
            organization=organization,
            permissions=frozenset({"*"}),
            workload="auth",
        )
        transaction: Any = _Joined(self._database, self._database.joined.connection)
        return Session(self._engine, call, UnitOfWork(transaction, call, self._engine.service))
