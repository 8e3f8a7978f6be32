"""A Postgres for the tests of filters and orders, with the table of the specimens."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy.schema import CreateSchema, CreateTable

from services.chassis.postgres import set_time_codec
from services.cli.stack.postgres import as_unprivileged, binary
from services.records.schema.documents import Documents
from services.records.schema.times import duration_micros, timestamp_datetime
from tests.unit.records.filter.specimen import dialect, table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    import sqlalchemy as sa

READY_TIMEOUT = 60.0
"""Seconds that a server may take to answer."""


@pytest.fixture(scope="session")
def filter_server() -> Iterator[Path]:
    """The folder of the socket of a Postgres that lives as long as the tests."""
    folder = Path(tempfile.mkdtemp(prefix="tenon-pg-"))
    data = folder / "data"
    made = (
        str(binary("initdb")),
        "-D",
        str(data),
        "-U",
        "tenon",
        "--auth-local=trust",
        "--encoding=UTF8",
        "--locale=C",
    )
    subprocess.run(as_unprivileged((*made, "--no-sync")), check=True, capture_output=True)
    options = ("-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off", "-c", "io_method=sync")
    server = subprocess.Popen(
        as_unprivileged((str(binary("postgres")), "-D", str(data), *options)), stderr=subprocess.PIPE, text=True
    )
    try:
        _await_ready(server)
        yield folder
    finally:
        server.terminate()
        server.communicate(timeout=READY_TIMEOUT)
        shutil.rmtree(folder, ignore_errors=True)


def _await_ready(server: subprocess.Popen[str]) -> None:
    assert server.stderr is not None
    started = time.monotonic()
    lines = []
    for line in server.stderr:
        lines.append(line)
        if "ready to accept connections" in line:
            return
        assert time.monotonic() - started < READY_TIMEOUT, lines
    raise AssertionError(lines)


class Specimens:
    """The table of the specimens, and what is in it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.dialect = dialect()
        self.table = table()
        self._documents = Documents()
        self._compiled: dict[str, Any] = {}

    async def create(self) -> None:
        for statement in (CreateSchema(self.table.schema), CreateTable(self.table.table)):
            await self.connection.execute(str(statement.compile(dialect=dialect())))

    async def fill(self, messages: Sequence[Any]) -> None:
        """Make these the rows of the table."""
        name = f"{self.table.schema}.{self.table.table.name}"
        await self.connection.execute(f"TRUNCATE {name}")
        columns = ["organization", "message", "revision", "shape", *(c.name for c in self.table.columns.values())]
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        rows = [
            ["acme", m.SerializeToString(), 1, 0, *(self._value(m, f) for f in self.table.columns)] for m in messages
        ]
        insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})"
        await self.connection.executemany(insert, rows)

    async def select(self, key: str, query: sa.Select[Any], parameters: dict[str, Any]) -> list[Any]:
        """Run a query, compiled once for each key, with the parameters and with no value of the query's own."""
        compiled: Any = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = query.compile(dialect=dialect())
        return list(await self.connection.fetch(str(compiled), *(parameters[name] for name in compiled.positiontup)))

    def _value(self, message: Any, name: str) -> Any:
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.has_presence and not message.HasField(name):
            return None
        value = getattr(message, name)
        kind = field.message_type.full_name if field.message_type is not None else ""
        if kind == "google.protobuf.Timestamp":
            return [timestamp_datetime(v) for v in value] if field.is_repeated else timestamp_datetime(value)
        if kind == "google.protobuf.Duration":
            return duration_micros(value)
        return self._documents.column(field)(value) if kind else list(value) if field.is_repeated else value


@pytest.fixture
async def specimens(filter_server: Path) -> AsyncIterator[Specimens]:
    """The table, made anew and empty."""
    connection = await asyncpg.connect(host=str(filter_server), user="tenon", database="postgres")
    try:
        await set_time_codec(connection)
        found = Specimens(connection)
        await connection.execute(f"DROP SCHEMA IF EXISTS {found.table.schema} CASCADE")
        await found.create()
        yield found
    finally:
        await connection.close()
