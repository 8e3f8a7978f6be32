"""The record engine: from a contract to the functions that serve its standard methods."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from services.chassis.contract import StandardKind
from services.chassis.errors import TenonError
from services.records.changing import Delete, Update
from services.records.creating import BatchCreate, Create
from services.records.migrations import migrate
from services.records.names import Names
from services.records.outbox import forget_request_ids, service_tables
from services.records.pages import PageTokens
from services.records.reading import BatchGet, Get, List, Shown
from services.records.remembering import Remembering
from services.records.tables import build_tables
from services.records.traits import text_pattern
from services.records.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from services.chassis.contract import Contract, Method, Record, Standard
    from services.chassis.keyring import Keyring
    from services.chassis.postgres import Pool
    from services.records.migrations import MigrationState
    from services.records.tables import RecordTable

    Function = Callable[..., Awaitable[bytes]]


_log = logging.getLogger(__name__)
_FORGET_EVERY = 3600.0


class Engine:
    """Serves the standard methods of all records that one process keeps."""

    def __init__(
        self, contract: Contract, *, host: str, pool: Pool, keyring: Keyring, service: str = "", schema: str = ""
    ) -> None:
        """Derive tables and functions; nothing is read or written yet.

        `host` is the process, such as `data`. `service` is the schema of its outbox, the host's name where it is left
        out. `schema` is the one schema that keeps all records, or empty for one per package.

        Raises:
            RecordError: if a record cannot be kept.
        """
        self.pool = pool
        self.service = service or host
        self.tables: Mapping[str, RecordTable] = build_tables(contract, host=host, schema=schema)
        self.contract = contract
        self._tokens = PageTokens(keyring)
        self._remembering = Remembering(service_tables(self.service))
        self._writers: dict[str, Writer] = {}
        self._functions: dict[str, Function] = {
            method.path: self._derive(method, standard)
            for method in contract.methods.values()
            if (standard := method.standard) is not None and standard.record in self.tables
        }

    async def migrate(self) -> tuple[MigrationState, ...]:
        """Bring the tables in step with the contract.

        Raises:
            MigrationRefused: if that would lose data.
        """
        return await migrate(self.pool, self.tables.values(), service=self.service)

    async def forget(self) -> None:
        """Forget request ids of yesterday, now and every hour: a loop for the process to run beside its server."""
        while True:
            try:
                await forget_request_ids(self.pool, schema=self.service)
            except TenonError as error:
                _log.warning("Old request ids were not deleted: %s", error)
            await asyncio.sleep(_FORGET_EVERY)

    def handlers(self) -> dict[str, Function]:
        """Return what serves each standard method, by the method's path."""
        return dict(self._functions)

    def function(self, path: str) -> Function:
        """Return what serves one standard method, for a servicer that does something before or after it.

        It takes the request and the `Call`, and as a third argument what runs its statements: a transaction of yours
        (`unit_of_work(…).transaction`), or nothing for one of its own. It returns the response's bytes.
        """
        return self._functions[path]

    def _derive(self, method: Method, standard: Standard) -> Function:
        writer = self._writer(standard.record)
        reading = (writer.table, writer.names, writer.shown, self.pool)
        request, response = (self.contract.pool.FindMessageTypeByName(name) for name in (method.input, method.output))
        made: Mapping[StandardKind, Callable[[], Any]] = {
            StandardKind.GET: lambda: Get(*reading),
            StandardKind.LIST: lambda: List(*reading, tokens=self._tokens, request=request, response=response),
            StandardKind.BATCH_GET: lambda: BatchGet(*reading, response),
            StandardKind.CREATE: lambda: Create(writer),
            StandardKind.BATCH_CREATE: lambda: BatchCreate(writer, response),
            StandardKind.UPDATE: lambda: Update(writer),
            StandardKind.DELETE: lambda: Delete(writer),
        }
        function: Function = made[standard.kind]()
        return function

    def _writer(self, message: str) -> Writer:
        found = self._writers.get(message)
        if found is None:
            table = self.tables[message]
            found = self._writers[message] = Writer(
                table,
                Names(table.record, id_pattern=self._id_pattern(table.record)),
                Shown(table),
                self.pool,
                service=service_tables(self.service),
                remembering=self._remembering,
                tables=self.tables,
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
