"""What imports and exports of one process have in common: its files, its operations, and what runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.contract import StandardKind
from services.chassis.repository import RECORD_HOST
from services.records.schema.indexes import RecordError
from services.records.transfer.exporting import Export
from services.records.transfer.files import Files
from services.records.transfer.importing import Import
from services.records.transfer.limits import Limits
from services.records.transfer.operations import Operations
from services.records.transfer.running import Runner
from services.records.transfer.schema import make_tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.chassis.contract import Contract, Method
    from services.chassis.postgres import Pool
    from services.records.writing.writer import Writer


class Transfers:
    """Serves the imports and exports of the records that one process keeps."""

    def __init__(
        self,
        contract: Contract,
        *,
        host: str,
        pool: Pool,
        schema: str,
        limits: Limits | None = None,
        committed: Callable[[], None] | None = None,
    ) -> None:
        """Take the contract, the process and its schema; nothing is read or written yet.

        `committed` is called whenever an import has changed records.
        """
        self._committed = committed or _do_nothing
        limits = limits or Limits()
        self._contract, self._host, self._pool, self._schema = contract, host, pool, schema
        self.files = Files(pool, schema, limits)
        """The files of the process."""
        self.operations = Operations(pool, schema, limits)
        """Its operations."""
        self.runner = Runner(self.operations, limits, contract.methods)
        """What does them."""
        self.runner.sweep_also(self.files.forget_expired)

    def serve(self, writer: Writer, method: Method, kind: StandardKind) -> Import | Export:
        """Return what serves an Import or an Export of a record; raises RecordError."""
        if self._host != RECORD_HOST:
            raise RecordError(
                f"{method.path}: imports and exports are served by {RECORD_HOST} alone, where their files are, and this"
                f" record is kept by {self._host}. Remove the method."
            )
        parts: dict[str, Any] = {"pool": self._pool, "files": self.files, "runner": self.runner}
        job: Import | Export
        if kind is StandardKind.IMPORT:
            job = Import(writer, self._contract, method, **parts, committed=self._committed)
        else:
            job = Export(writer, self._contract, method, **parts)
        self.runner.jobs[method.path] = job
        return job

    async def migrate(self) -> None:
        """Make the tables of files and operations, where this process has them."""
        if self._host == RECORD_HOST:
            await make_tables(self._pool, self._schema)

    async def run(self) -> None:
        """Go on with what other workers have left: a loop for the process to run beside its server."""
        if self._host == RECORD_HOST:
            await self.runner.run()


def _do_nothing() -> None:
    """Tell nobody."""
