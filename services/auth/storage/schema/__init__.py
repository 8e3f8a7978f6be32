"""Auth's own tables beside its records, and the step that makes them at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from services.auth.storage.schema import (
    api_keys,
    audit,
    credentials,
    factors,
    federation,
    mails,
    oauth,
    organizations,
    relations,
    sessions,
    signing_keys,
)
from services.auth.storage.schema.tables import SCHEMA, metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import sqlalchemy as sa

    from services.chassis.postgres import Pool

__all__ = [
    "SCHEMA",
    "api_keys",
    "audit",
    "credentials",
    "factors",
    "federation",
    "mails",
    "metadata",
    "migrate",
    "oauth",
    "organizations",
    "relations",
    "sessions",
    "signing_keys",
]

_LOCK = 0x61757468_73636865  # "auth" "sche": any number that nobody else locks
_DIALECT = postgresql.dialect()
_COLUMNS = f"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = '{SCHEMA}'"


async def migrate(pool: Pool) -> None:
    """Make what is missing of auth's own tables; nothing is ever taken away. Several workers may do it at once."""
    async with pool.transaction() as transaction:
        await transaction.connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        there = {(row["table_name"], row["column_name"]) for row in await transaction.fetch(_COLUMNS)}
        for statement in _statements(there):
            await transaction.connection.execute(statement)


def _statements(there: Collection[tuple[str, str]]) -> Iterator[str]:
    # CREATE SCHEMA asks for the right to create one even where it exists, which a service's role may not have.
    yield (f"DO $$ BEGIN IF to_regnamespace('{SCHEMA}') IS NULL THEN CREATE SCHEMA {SCHEMA}; END IF; END $$")
    for table in metadata.sorted_tables:
        yield str(CreateTable(table, if_not_exists=True).compile(dialect=_DIALECT))
        yield from _missing_columns(table, there)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index, if_not_exists=True).compile(dialect=_DIALECT))
    yield from audit.APPEND_ONLY


def _missing_columns(table: sa.Table, there: Collection[tuple[str, str]]) -> Iterator[str]:
    """Say how a table of an earlier release gains its newer columns: all of those are nullable or have a default.

    Where nothing is missing nothing is said: even then the statement would wait for all who use the table.
    """
    if any(table_name == table.name for table_name, _ in there):
        for column in table.columns:
            if (table.name, column.name) not in there:
                described = CreateColumn(column).compile(dialect=_DIALECT)
                yield f"ALTER TABLE {SCHEMA}.{table.name} ADD COLUMN IF NOT EXISTS {described}"
