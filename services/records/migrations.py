"""Brings the tables in step with the contract, at start and under a lock: only ever by adding.

A field is known by its number, so a renamed field is a renamed column. What would lose data is refused, with what would
be lost; a field that is removed and whose number is reserved keeps its column, under another name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

from services.records.catalogue import quoted, read_schema
from services.records.changes import DIALECT, MigrationRefused, index_statements, stale_fields, table_statements
from services.records.failures import Unstorable
from services.records.outbox import service_tables
from services.records.reindexing import reindex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from services.chassis.postgres import Connection, Pool
    from services.records.catalogue import FoundTable
    from services.records.tables import RecordTable

__all__ = ["MigrationRefused", "MigrationState", "migrate", "migration_state"]

LOCK = "tenon migrations"
"""What the advisory lock of all migrations is named after: one start migrates, the others wait and find it done."""

_STATE = """
CREATE TABLE IF NOT EXISTS {schema}.tenon_migrations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now(),
    fingerprint text NOT NULL,
    statements text[] NOT NULL
)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationState:
    """How far the tables of one schema are."""

    schema: str
    """The schema."""
    fingerprint: str
    """Fingerprint of the tables that the last migration made; empty where there was none."""
    applied_at: datetime | None
    """When the last migration was."""
    statements: tuple[str, ...]
    """What it did."""
    count: int
    """How many migrations there were."""


async def migrate(pool: Pool, tables: Iterable[RecordTable], *, service: str) -> tuple[MigrationState, ...]:
    """Bring the schemas of these tables, and the service's own, in step; all of it or nothing.

    Returns the state of each schema. Safe where several workers start at once.

    Raises:
        MigrationRefused: with everything that would be lost.
    """
    wanted: dict[str, list[RecordTable]] = {service: []}
    for table in tables:
        wanted.setdefault(table.schema, []).append(table)
    if not await _is_done(pool, wanted, service):
        async with pool.transaction() as transaction:
            connection = transaction.connection
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", LOCK)
            refused: list[str] = []
            for schema, kept in wanted.items():
                refused += await _migrate_schema(connection, schema, kept, service)
            if refused:
                raise MigrationRefused(refused)
    return tuple([await migration_state(pool, schema) for schema in wanted])


async def migration_state(pool: Pool, schema: str) -> MigrationState:
    """Return how far the tables of a schema are."""
    there = await pool.fetch("SELECT to_regclass($1)::text AS found", (f'"{schema}".tenon_migrations',))
    if there[0]["found"] is None:
        return MigrationState(schema=schema, fingerprint="", applied_at=None, statements=(), count=0)
    rows = await pool.fetch(
        f"SELECT applied_at, fingerprint, statements, count(*) OVER () AS count "
        f"FROM {quoted(schema)}.tenon_migrations ORDER BY id DESC LIMIT 1"
    )
    if not rows:
        return MigrationState(schema=schema, fingerprint="", applied_at=None, statements=(), count=0)
    row = rows[0]
    return MigrationState(
        schema=schema,
        fingerprint=row["fingerprint"],
        applied_at=row["applied_at"],
        statements=tuple(row["statements"]),
        count=row["count"],
    )


async def _is_done(pool: Pool, wanted: dict[str, list[RecordTable]], service: str) -> bool:
    """Whether there is nothing to do, found without a lock: this is how almost every start ends."""
    for schema, kept in wanted.items():
        state = await migration_state(pool, schema)
        if state.fingerprint != _fingerprint(kept, schema if schema == service else ""):
            return False
    return True


def _fingerprint(tables: Sequence[RecordTable], service: str) -> str:
    statements = [*(_service_statements(service) if service else ()), *(s for t in tables for s in _create(t))]
    reserved = [table.reserved for table in tables]
    return hashlib.sha256("\n".join([*statements, str(reserved)]).encode()).hexdigest()


async def _migrate_schema(
    connection: Connection, schema: str, tables: Sequence[RecordTable], service: str
) -> Sequence[str]:
    """Bring one schema in step and return what is refused."""
    there = await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema)
    if not there:
        await connection.execute(f"CREATE SCHEMA {quoted(schema)}")
    await connection.execute(_STATE.format(schema=quoted(schema)))
    found = await read_schema(connection, schema)
    statements, refused = _plan(found, schema, tables, service)
    if refused:
        return refused
    for statement in statements:
        try:
            await connection.execute(statement)
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError) as error:
            # The transaction is over, so this is the one problem that can be told.
            raise MigrationRefused(
                [f"{schema}: the rows that are there do not allow `{statement}`: {error}"]
            ) from error
    await _reindex(connection, found, tables)
    fingerprint = _fingerprint(tables, schema if schema == service else "")
    insert = f"INSERT INTO {quoted(schema)}.tenon_migrations (fingerprint, statements) VALUES ($1, $2)"
    last = f"SELECT fingerprint FROM {quoted(schema)}.tenon_migrations ORDER BY id DESC LIMIT 1"
    if statements or await connection.fetchval(last) != fingerprint:
        await connection.execute(insert, fingerprint, statements)
    return []


async def _reindex(connection: Connection, found: Sequence[FoundTable], tables: Sequence[RecordTable]) -> None:
    for table in tables:
        known = next((each for each in found if each.message == table.record.message), None)
        fields = stale_fields(table, known) if known is not None else set()
        if not fields:
            continue
        try:
            await reindex(connection, table, fields)
        except (Unstorable, asyncpg.IntegrityConstraintViolationError) as error:
            raise MigrationRefused([f"{table.record.message}: a row cannot be kept so: {error}"]) from error


def _plan(
    found: Sequence[FoundTable], schema: str, tables: Sequence[RecordTable], service: str
) -> tuple[list[str], list[str]]:
    names = {table.name for table in found}
    statements: list[str] = []
    refused: list[str] = []
    if schema == service and "outbox" not in names:
        statements += _service_statements(service)
    for table in tables:
        known = next((each for each in found if each.message == table.record.message), None)
        if known is None and table.table.name in names:
            refused.append(
                f"{table.record.message}: the table {table.table.fullname} is there and keeps something else. "
                "Give the record another plural, or rename that table."
            )
        elif known is None:
            statements += _create(table)
        else:
            changes, problems = table_statements(table, known)
            statements += [*changes, *index_statements(table, known, _indexes(table))]
            refused += problems
    return statements, refused


def _service_statements(service: str) -> list[str]:
    kept = service_tables(service)
    statements = []
    for table in (kept.outbox, kept.request_ids):
        statements.append(str(CreateTable(table).compile(dialect=DIALECT)).strip())
        statements += [str(CreateIndex(index).compile(dialect=DIALECT)) for index in sorted(table.indexes, key=str)]
    return statements


def _create(table: RecordTable) -> list[str]:
    """Return what makes a table that is not there."""
    statements = [
        str(CreateTable(table.table).compile(dialect=DIALECT)).strip(),
        str(SetTableComment(table.table).compile(dialect=DIALECT)),
    ]
    commented = [column for column in table.table.columns if column.comment]
    statements += [str(SetColumnComment(column).compile(dialect=DIALECT)) for column in commented]
    return statements + [statement for _, definition in sorted(_indexes(table).items()) for statement in definition]


def _indexes(table: RecordTable) -> dict[str, list[str]]:
    """Return the statements that make each index, the last of which notes its definition."""
    made = {}
    for index in table.table.indexes:
        definition = str(CreateIndex(index).compile(dialect=DIALECT))
        digest = hashlib.sha256(definition.encode()).hexdigest()[:16]
        name = f"{quoted(table.schema)}.{quoted(str(index.name))}"
        made[str(index.name)] = [definition, f"COMMENT ON INDEX {name} IS '{digest}'"]
    return made
