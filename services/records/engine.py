"""The record engine: from a contract to the functions that serve its standard methods."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from services.chassis.contract import StandardKind
from services.chassis.errors import TenonError
from services.chassis.postgres import FAILURES
from services.records.deleting.deletion import BatchDelete, Delete, Expunge, Undelete
from services.records.deleting.purging import Purging
from services.records.deleting.removing import Removing
from services.records.migrating.adapting import FoundNames, adapting
from services.records.migrating.applied import packages_of
from services.records.migrating.migrations import Wanted, migrate, migration_state
from services.records.reading.answering import Answering
from services.records.reading.finding import Finding
from services.records.reading.getting import BatchGet, Get, Shown
from services.records.reading.listing import List
from services.records.reading.pages import PageTokens
from services.records.reading.searching import Search
from services.records.schema.declared import read_declared
from services.records.schema.names import Names
from services.records.schema.tables import build_tables
from services.records.schema.traits import text_pattern
from services.records.transactions.outbox import forget_request_ids, service_tables
from services.records.transactions.rehearsing import Rehearsed
from services.records.transactions.remembering import Remembering
from services.records.transactions.transacting import open_session, transact
from services.records.transfer.transfers import Transfers
from services.records.watching import Bell, Hub, ResumeTokens, Rung, Watch, WatchLimits, prune_outbox, watched_types
from services.records.writing.batching import BatchUpdate
from services.records.writing.changing import Move, Update
from services.records.writing.creating import BatchCreate, Create
from services.records.writing.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from google.protobuf.message import Message

    from services.chassis.call import Call, Caller
    from services.chassis.contract import Contract, Method, Record, Standard
    from services.chassis.keyring import Keyring
    from services.chassis.postgres import Pool
    from services.records.migrating.applied import Judge
    from services.records.migrating.migrations import MigrationState
    from services.records.schema.tables import RecordTable
    from services.records.session import Session
    from services.records.transactions.transacting import Work
    from services.records.transfer.limits import Limits

    Function = Callable[..., Awaitable[bytes]]


_log = logging.getLogger(__name__)
_FORGET_EVERY = 3600.0
_PURGE_EVERY = 60.0
_TRANSFERS = frozenset({StandardKind.IMPORT, StandardKind.EXPORT})
_READING = frozenset(
    {StandardKind.GET, StandardKind.LIST, StandardKind.SEARCH, StandardKind.BATCH_GET, StandardKind.WATCH}
)


class Engine:
    """Serves the standard methods of all records that one process keeps."""

    def __init__(
        self,
        contract: Contract,
        *,
        host: str,
        pool: Pool,
        keyring: Keyring,
        service: str = "",
        schema: str = "",
        limits: Limits | None = None,
        watch_limits: WatchLimits | None = None,
    ) -> None:
        """Derive tables and functions; nothing is read or written yet.

        `host` is the process, such as `data`. `service` is the schema of its outbox, the host's name where it is left
        out. `schema` is the one schema that keeps all records, or empty for one per package. `limits` bound imports and
        exports, `watch_limits` watches.

        Raises:
            RecordError: if a record cannot be kept.
        """
        self.pool = pool
        self.service = service or host
        self._host = host
        self._schema = schema
        self.contract = contract
        self.tables: Mapping[str, RecordTable] = build_tables(contract, host=host, schema=schema)
        self._asked = self.tables
        self._found = FoundNames(pool, (table.schema for table in self.tables.values()))
        self._tokens = PageTokens(keyring)
        self.remembering = Remembering(service_tables(self.service))
        self._declared = {message: read_declared(contract, table.record) for message, table in self.tables.items()}
        types = watched_types(contract, self.tables)
        self.bell = Bell(pool, self.service, is_needed=bool(types))
        """Rung once changes are committed, by whatever commits them otherwise than by `function`."""
        self.watching = Hub(pool, self.service, self.bell, types, watch_limits or WatchLimits())
        """What all watchers of this process share."""
        self._resume_tokens = ResumeTokens(keyring)
        self.transfers = Transfers(
            contract, host=host, pool=pool, schema=self.service, limits=limits, committed=self.bell.ring
        )
        """Files, and the operations that read and write them."""
        self._functions: dict[str, Function] = {}
        self._derive_all()

    def _derive_all(self) -> None:
        """Make what serves the methods, by the tables as they are called now."""
        self.answering = Answering(self.tables)
        self._writers: dict[str, Writer] = {}
        self._removing = Removing(self.tables, service_tables(self.service), self.writer, self._may_read)
        self.purging = Purging(self.tables, self._removing, self.pool, host=self._host)
        self._findings: dict[str, Finding] = {}
        self._functions = {
            method.path: self._derive(method, standard)
            for method in self.contract.methods.values()
            if (standard := method.standard) is not None and standard.record in self.tables
        }

    async def migrate(self, *, judge: Judge | None = None, by: str = "") -> tuple[MigrationState, ...]:
        """Bring the tables in step with the contract.

        `judge` says what breaks callers of the contract before (`Frame.judge`); `by` is who applies it.

        Raises:
            MigrationRefused: if that would lose data, or break callers.
        """
        found = await migrate(self.pool, wanted=self.wanted(judge=judge, by=by))
        await self.transfers.migrate()
        return found

    async def migrated(self) -> tuple[MigrationState, ...]:
        """Return how far the schemas are now, in the order in which `migrate` returns them."""
        return tuple([await migration_state(self.pool, schema) for schema in self.wanted().schemas()])

    def wanted(self, *, judge: Judge | None = None, by: str = "") -> Wanted:
        """Return what `migrate` brings the database in step with."""
        tables, packages = tuple(self._asked.values()), packages_of(self.contract, self._host)
        return Wanted(service=self.service, tables=tables, packages=packages, judge=judge, by=by or self._host)

    async def forget(self) -> None:
        """Forget request ids of yesterday and events of last week, now and every hour: a loop beside the server."""
        while True:
            try:
                await forget_request_ids(self.pool, schema=self.service)
                await prune_outbox(self.pool, schema=self.service)
            except TenonError as error:
                _log.warning("Old request ids and events were not deleted: %s", error)
            await asyncio.sleep(_FORGET_EVERY)

    async def purge(self) -> None:
        """Remove what was deleted and is kept no longer, now and every minute: a loop, as `forget` is."""
        while True:
            try:
                await self.purging.purge()
            except (TenonError, *FAILURES) as error:
                _log.warning("Deleted records were not purged: %s", error)
            await asyncio.sleep(_PURGE_EVERY)

    def _may_read(self, table: RecordTable, caller: Caller) -> bool:
        return self._declared[table.record.message].may_read(caller)

    def handlers(self) -> dict[str, Function]:
        """Return what serves each standard method, by the method's path."""
        return {path: self.function(path) for path in self._functions}

    def function(self, path: str) -> Function:
        """Return what serves one standard method, for a servicer that does something before or after it.

        It takes the request and the `Call`, and as a third argument what runs its statements: a transaction of yours
        (`unit_of_work(…).transaction`), or nothing for one of its own. It returns the response's bytes.
        """
        streams = self.contract.methods[path].server_streaming
        # A stream goes on by the names that it began with.
        return self._functions[path] if streams else adapting(self, path)

    def current(self, path: str) -> Function:
        """Return what serves a standard method by the names that tables and columns have as far as we know."""
        return self._functions[path]

    async def adapt(self) -> bool:
        """Serve by the names that tables and columns have now; return whether they are others than we knew."""
        found = await self._found.read()
        if found is None:
            return False
        self.tables = build_tables(self.contract, host=self._host, schema=self._schema, found=found)
        self._derive_all()
        return True

    def open(self, call: Call, *, acting: Caller | None = None) -> AbstractAsyncContextManager[Session]:
        """Open a transaction on the records, for the caller of a call or for `acting`: `async with`, and commit it."""
        return open_session(self, call, acting=acting)

    async def transact(self, request: Message, call: Call, work: Work, *, acting: Caller | None = None) -> bytes:
        """Do `work(session)` in one transaction, once for each `request_id`, and return the bytes of its answer."""
        return await transact(self, request, call, work, acting=acting)

    def writer(self, message: str) -> Writer:
        """Return what writes the records of a message, by its full name."""
        return self._writer(message)

    def finding(self, message: str) -> Finding:
        """Return what finds the records of a message, by its full name."""
        found = self._findings.get(message)
        if found is None:
            writer = self._writer(message)
            found = self._findings[message] = Finding(writer.table, writer.names)
        return found

    def _derive(self, method: Method, standard: Standard) -> Function:
        writer = self._writer(standard.record)
        if standard.kind in _TRANSFERS:
            return self.transfers.serve(writer, method, standard.kind)
        reading = (writer.table, writer.names, writer.shown, self.pool)
        request, response = (self.contract.pool.FindMessageTypeByName(name) for name in (method.input, method.output))
        made: Mapping[StandardKind, Callable[[], Any]] = {
            StandardKind.GET: lambda: Get(*reading, request),
            StandardKind.LIST: lambda: List(*reading, tokens=self._tokens, request=request, response=response),
            StandardKind.SEARCH: lambda: Search(*reading, tokens=self._tokens, request=request, response=response),
            StandardKind.BATCH_GET: lambda: BatchGet(*reading, request=request, response=response),
            StandardKind.CREATE: lambda: Create(writer),
            StandardKind.BATCH_CREATE: lambda: BatchCreate(writer, response),
            StandardKind.UPDATE: lambda: Update(writer),
            StandardKind.BATCH_UPDATE: lambda: BatchUpdate(writer, response),
            StandardKind.DELETE: lambda: Delete(writer),
            StandardKind.BATCH_DELETE: lambda: BatchDelete(writer, response),
            StandardKind.UNDELETE: lambda: Undelete(writer),
            StandardKind.EXPUNGE: lambda: Expunge(writer),
            StandardKind.TRANSITION: lambda: Move(writer, method.transitions, response),
            StandardKind.WATCH: lambda: (
                Watch(
                    writer.table,
                    writer.names,
                    self.pool,
                    self.watching,
                    tokens=self._resume_tokens,
                    request=request,
                    response=response,
                ).serve
            ),
        }
        function: Function = made[standard.kind]()
        if standard.kind not in _READING:
            function = Rung(function, self.bell)
        # An import, which goes on after its answer, rehearses by itself.
        rehearses = "validate_only" in request.fields_by_name and standard.kind is not StandardKind.IMPORT
        return Rehearsed(function, self.pool) if rehearses else function

    def _writer(self, message: str) -> Writer:
        found = self._writers.get(message)
        if found is None:
            table, declared = self.tables[message], self._declared[message]
            found = self._writers[message] = Writer(
                table,
                Names(table.record, id_pattern=self._id_pattern(table.record)),
                Shown(table),
                self.pool,
                service=service_tables(self.service),
                remembering=self.remembering,
                tables=self.tables,
                states=declared.states,
                removing=self._removing,
                takes_ids=declared.takes_ids,
            )
        return found

    def _id_pattern(self, record: Record) -> str:
        """Return what the contract itself says that the ids of a record look like, or an empty text."""
        for method in self.contract.methods.values():
            standard = method.standard
            if standard is not None and standard.record == record.message and standard.kind is StandardKind.CREATE:
                fields = self.contract.pool.FindMessageTypeByName(method.input).fields_by_name
                if found := text_pattern(fields.get(f"{record.singular}_id")):
                    return found
        return ""
