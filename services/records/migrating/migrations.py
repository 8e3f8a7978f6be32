"""Brings the tables in step with the contract, at start and under a lock: only ever by adding.

A field is known by its number, so a renamed field is a renamed column. What would lose data is refused, with what would
be lost; a field that is removed and whose number is reserved keeps its column, under another name. What breaks callers
is refused where somebody judges it. A contract that the database has had before may come back: what a later one has
added is left alone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from services.records.failures import Unstorable
from services.records.migrating.applied import judge_packages, note_applied, read_applied, was_here
from services.records.migrating.catalogue import quoted
from services.records.migrating.index_building import LOCK_PATIENCE, build
from services.records.migrating.planning import SchemaPlan, fingerprint_of, plan_schema
from services.records.migrating.refusals import MigrationRefused
from services.records.migrating.reindexing import reindex

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from datetime import datetime

    from services.chassis.postgres import Connection, Pool
    from services.records.migrating.applied import Applied, Judge, PackageContract
    from services.records.schema.tables import RecordTable

__all__ = ["MigrationRefused", "MigrationState", "Wanted", "migrate", "migration_state", "plan_migration"]

LOCK = "tenon migrations of "
"""What the advisory lock of a service's migrations is named after: one start migrates, others wait and find it done."""

LOCK_INTERVAL = 0.1
"""Seconds between two looks whether the lock is free. Who waited in a statement would hold up the building of indexes,
which waits for all statements that began before it."""

BUSY_ATTEMPTS = 60
"""How often a change of a table is tried again that its users stood in the way of."""

BREAKS = (
    "This breaks those who call by the contract of before. Take the change back, or allow it: by "
    "`tenon up --allow-breaking`, or by `tenon migrate apply --allow-breaking`, with the same `--contracts`, and by "
    "saving again where they are watched."
)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a database is to be brought in step with."""

    service: str
    """The schema of the service's own tables."""
    tables: tuple[RecordTable, ...]
    """The tables of all records that the service keeps."""
    packages: Mapping[str, PackageContract] = field(default_factory=dict)
    """The contracts that ask for them, by package."""
    judge: Judge | None = None
    """Says what breaks callers, or None where nobody asks."""
    by: str = ""
    """Who wants it, for whoever reads of it later."""

    def schemas(self) -> dict[str, list[RecordTable]]:
        """Return the tables by their schema, the service's own first."""
        found: dict[str, list[RecordTable]] = {self.service: []}
        for table in self.tables:
            found.setdefault(table.schema, []).append(table)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What a database has had."""

    applied: Mapping[str, Applied]
    """The contracts that were applied to it, by package."""
    returning: frozenset[str]
    """Packages whose wanted contract was there before another came."""


async def migrate(
    pool: Pool, tables: Iterable[RecordTable] = (), *, service: str = "", wanted: Wanted | None = None
) -> tuple[MigrationState, ...]:
    """Bring the schemas of these tables, and the service's own, in step.

    Returns the state of each schema. Safe where several workers start at once, and beside those who read and write.
    Tables change all together or not at all; their indexes follow one by one.

    Raises:
        MigrationRefused: with everything that would be lost, or whom it would break.
    """
    asked = wanted or Wanted(service=service, tables=tuple(tables))
    if not await _is_done(pool, asked):
        async with _alone(pool, asked) as connection:
            if connection is not None:
                await _migrate(pool, connection, asked)
    return tuple([await migration_state(pool, schema) for schema in asked.schemas()])


async def plan_migration(pool: Pool, wanted: Wanted) -> tuple[tuple[SchemaPlan, ...], tuple[str, ...]]:
    """Return what `migrate` would do in each schema, and what it would break; nothing is changed."""
    known = await _look_back(pool, wanted)
    async with pool.connection() as connection:
        plans = await _plan(connection, wanted, known)
    return plans, await _judge(wanted, known)


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


async def _is_done(pool: Pool, wanted: Wanted) -> bool:
    """Whether there is nothing to do, found without a lock: this is how almost every start ends."""
    for schema, kept in wanted.schemas().items():
        state = await migration_state(pool, schema)
        if state.fingerprint != fingerprint_of(kept, schema if schema == wanted.service else ""):
            return False
    applied = await read_applied(pool, wanted.service)
    return all(
        name in applied and applied[name].latest.fingerprint == each.fingerprint
        for name, each in wanted.packages.items()
    )


@asynccontextmanager
async def _alone(pool: Pool, wanted: Wanted) -> AsyncIterator[Connection | None]:
    """Lend a connection that holds the lock; None where somebody else has done all of it meanwhile."""
    name = LOCK + wanted.service
    async with pool.connection() as connection:
        # It is another process that holds it, which tells nobody.
        while not await connection.fetchval(  # noqa: ASYNC110 - a lock is asked for
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name
        ):
            await asyncio.sleep(LOCK_INTERVAL)
        try:
            await connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            yield None if await _is_done(pool, wanted) else connection
        finally:
            if not connection.is_closed():
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
                await connection.execute("RESET statement_timeout; RESET idle_in_transaction_session_timeout")
                await connection.fetchval("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)


async def _migrate(pool: Pool, connection: Connection, wanted: Wanted) -> None:
    known = await _look_back(pool, wanted)
    plans = await _plan(connection, wanted, known)
    if refused := [problem for plan in plans for problem in plan.refused]:
        raise MigrationRefused(refused)
    if broken := await _judge(wanted, known):
        raise MigrationRefused([*broken, BREAKS])
    tables = {table.record.message: table for table in wanted.tables}
    await _change_tables(connection, plans, tables)
    # Outside of any transaction, and seen by all: from here on it is only indexes that may lack.
    for plan in plans:
        await build(connection, plan.indexes)
    async with connection.transaction():
        for plan in plans:
            await _note(connection, plan)
        await note_applied(connection, wanted.service, wanted.packages, known.applied, wanted.by)


async def _plan(connection: Connection, wanted: Wanted, known: _Known) -> tuple[SchemaPlan, ...]:
    schemas = wanted.schemas().items()
    return tuple(
        [await plan_schema(connection, schema, kept, wanted.service, known.returning) for schema, kept in schemas]
    )


async def _judge(wanted: Wanted, known: _Known) -> tuple[str, ...]:
    """Return what breaks callers; to go back to what was there before breaks nobody."""
    if wanted.judge is None:
        return ()
    new = {name: each for name, each in wanted.packages.items() if name not in known.returning}
    return await asyncio.to_thread(judge_packages, new, known.applied, wanted.judge)


async def _look_back(pool: Pool, wanted: Wanted) -> _Known:
    """Return what the database has had, from before contracts were kept in it too."""
    applied = await read_applied(pool, wanted.service)
    returning = {name for name, each in wanted.packages.items() if name in applied and applied[name].had(each)}
    for schema, kept in wanted.schemas().items():
        if schema != wanted.service and await was_here(pool, wanted.service, schema, fingerprint_of(kept, "")):
            returning |= {table.record.package for table in kept}
    return _Known(applied=applied, returning=frozenset(returning))


async def _change_tables(
    connection: Connection, plans: Sequence[SchemaPlan], tables: Mapping[str, RecordTable]
) -> None:
    """Run all statements in one transaction, which waits only a moment for those who use the tables."""
    for attempt in range(BUSY_ATTEMPTS):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE}'")
                for plan in plans:
                    await _change_schema(connection, plan, tables)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt == BUSY_ATTEMPTS - 1:
                raise
            await asyncio.sleep(LOCK_INTERVAL)
        else:
            return


async def _change_schema(connection: Connection, plan: SchemaPlan, tables: Mapping[str, RecordTable]) -> None:
    for statement in plan.statements:
        try:
            await connection.execute(statement)
        except asyncpg.IntegrityConstraintViolationError as error:
            why = error.constraint_name or type(error).__name__
            problem = f"{plan.schema}: the rows that are there do not allow `{statement}` ({why})."
            raise MigrationRefused([problem]) from error
    for message, fields in plan.rewritten.items():
        try:
            await reindex(connection, tables[message], fields)
        except (Unstorable, asyncpg.IntegrityConstraintViolationError) as error:
            raise MigrationRefused([f"{message}: a row cannot be kept so: {error}"]) from error


async def _note(connection: Connection, plan: SchemaPlan) -> None:
    insert = f"INSERT INTO {quoted(plan.schema)}.tenon_migrations (fingerprint, statements) VALUES ($1, $2)"
    last = f"SELECT fingerprint FROM {quoted(plan.schema)}.tenon_migrations ORDER BY id DESC LIMIT 1"
    if plan.all_statements or await connection.fetchval(last) != plan.fingerprint:
        await connection.execute(insert, plan.fingerprint, list(plan.all_statements))
