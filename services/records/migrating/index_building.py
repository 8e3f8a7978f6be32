"""Builds the indexes of tables that are in use: concurrently, so that nobody who writes has to wait.

An index that is built so and fails, or is broken off, stays behind unfinished; it is dropped and built again. One whose
definition has changed is built under another name first, so that a unique key holds all the while.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy.schema import CreateIndex

from services.records.migrating.catalogue import quoted
from services.records.migrating.refusals import MigrationRefused, Refusal, weigh
from services.records.migrating.wires import is_set
from services.records.schema.dialect import DIALECT
from services.records.schema.naming import identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from services.chassis.postgres import Connection
    from services.records.migrating.catalogue import FoundTable
    from services.records.schema.tables import RecordTable

ATTEMPTS = 5
"""How often an index is tried again that others' locks stood in the way of."""

LOCK_PATIENCE = "2s"
"""How long a change of a table waits for those who use it; all who come after it wait behind it."""

_OURS = re.compile(r"[0-9a-f]{16}")
_HEAD = re.compile(r"^CREATE (UNIQUE )?INDEX (\S+|\"[^\"]+\") ON ")


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexStep:
    """One index to be built or dropped."""

    schema: str
    """The schema that it is in."""
    name: str
    """Its name."""
    definition: str = ""
    """What makes it, or empty where it is to go."""
    replaces: bool = False
    """Whether a usable one of that name is there, of another definition."""
    leftover: bool = False
    """Whether one of that name is there that cannot be used."""

    @property
    def statements(self) -> tuple[str, ...]:
        """What runs, in order."""
        drop = f"DROP INDEX CONCURRENTLY IF EXISTS {quoted(self.schema)}."
        if not self.definition:
            return (f"{drop}{quoted(self.name)}",)
        place = f"{quoted(self.schema)}.{quoted(self.name)}"
        noted = f"COMMENT ON INDEX {place} IS '{digest_of(self.definition)}'"
        if not self.replaces:
            dropped = (f"{drop}{quoted(self.name)}",) if self.leftover else ()
            return (*dropped, _concurrently(self.definition, self.name), noted)
        draft = draft_of(self.name)
        swap = f"DROP INDEX {place}; ALTER INDEX {quoted(self.schema)}.{quoted(draft)} RENAME TO {quoted(self.name)}"
        return (f"{drop}{quoted(draft)}", _concurrently(self.definition, draft), f"{swap}; {noted}")


def definition_of(index: sa.Index) -> str:
    """Return the statement that makes an index."""
    return str(CreateIndex(index).compile(dialect=DIALECT))


def digest_of(definition: str) -> str:
    """Return the fingerprint by which an index's definition is known again."""
    return hashlib.sha256(definition.encode()).hexdigest()[:16]


def draft_of(name: str) -> str:
    """Return the name under which an index is built that is to replace another."""
    return identifier(f"{name}_draft")


def index_steps(schema: str, table: sa.Table, found: FoundTable, *, keep: bool = False) -> list[IndexStep]:
    """Return what brings the indexes of a table that is there in step; with `keep`, none is dropped.

    An index that somebody else has made is left alone.
    """
    wanted = {str(index.name): definition_of(index) for index in table.indexes}
    drafts = {draft_of(name) for name in wanted}
    unfinished = [name for name in found.invalid if name not in wanted]
    unfinished += [name for name in found.indexes if name in drafts]
    steps = [IndexStep(schema=schema, name=name) for name in sorted(unfinished)]
    for name, definition in sorted(wanted.items()):
        note = found.indexes.get(name)
        if note is None or digest_of(definition) not in note:
            replaces, leftover = note is not None, name in found.invalid
            steps.append(
                IndexStep(schema=schema, name=name, definition=definition, replaces=replaces, leftover=leftover)
            )
    if keep:
        return steps
    # Last of all, so that a unique key under another name holds before the one of before goes.
    gone = [name for name, note in found.indexes.items() if name not in {*wanted, *drafts} and _OURS.fullmatch(note)]
    return steps + [IndexStep(schema=schema, name=name) for name in sorted(gone)]


async def build(connection: Connection, steps: Sequence[IndexStep]) -> None:
    """Run the steps, each outside of any transaction; raises MigrationRefused where rows do not allow an index."""
    for step in steps:
        try:
            for statement in step.statements:
                await _run(connection, statement)
        except (asyncpg.UniqueViolationError, asyncpg.ProgramLimitExceededError) as error:
            for name in (draft_of(step.name),) if step.replaces else (step.name,):
                await _run(connection, f"DROP INDEX CONCURRENTLY IF EXISTS {quoted(step.schema)}.{quoted(name)}")
            raise MigrationRefused([_explain(step, error)]) from error


async def _run(connection: Connection, statement: str) -> None:
    for attempt in range(ATTEMPTS):
        try:
            if "CONCURRENTLY" in statement:
                await connection.execute(statement)
            else:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE}'")
                    await connection.execute(statement)
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
            if attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(0.2 * 2**attempt)
        else:
            return


def _explain(step: IndexStep, error: asyncpg.PostgresError) -> str:
    # What Postgres says of it holds the values of the rows.
    why = "two of them are equal" if isinstance(error, asyncpg.UniqueViolationError) else "a text of theirs is too long"
    return (
        f"{step.schema}: the rows that are there do not allow the index `{step.name}`: {why}. "
        "Change them, or leave the key out."
    )


async def refuse_keys(connection: Connection, table: RecordTable, found: FoundTable) -> list[str]:
    """Return what stands against the unique keys that a table is to get: rows that are equal in them.

    Asked before anything is changed, and of the columns as they are.
    """
    told = []
    for index in table.table.indexes:
        definition, fields = definition_of(index), table.keys.get(str(index.name))
        if fields is None or digest_of(definition) in found.indexes.get(str(index.name), ""):
            continue
        refusal = _key_refusal(table, found, index, fields)
        told += await weigh(connection, [refusal] if refusal is not None else [])
    return told


def _key_refusal(table: RecordTable, found: FoundTable, index: sa.Index, fields: Sequence[str]) -> Refusal | None:
    numbers = {
        table.columns[field.name].name: field.number for field in table.record.fields if field.name in table.columns
    }
    by_number = {column.number: column for column in found.columns}
    columns, conditions = [], []
    for column in index.columns:
        there = by_number.get(numbers.get(column.name, 0))
        if there is None and column.name in numbers:
            return None  # No row has a value in a column that is still to be added.
        columns.append(quoted(column.name if there is None else there.name))
        if there is not None:
            conditions.append(is_set(there.wire, columns[-1]))
    if any(column.name == "deleted_at" for column in found.columns):
        conditions.append('"deleted_at" IS NULL')
    return _shared_rows(table, found, columns, " AND ".join(conditions), fields)


def _shared_rows(
    table: RecordTable, found: FoundTable, columns: Sequence[str], condition: str, fields: Sequence[str]
) -> Refusal:
    place = f"{quoted(table.schema)}.{quoted(found.name)}"
    number = next(field.number for field in table.record.fields if field.name == "name")
    name = next((quoted(column.name) for column in found.columns if column.number == number), "")
    shared = (
        f"SELECT {', '.join(columns)} FROM {place} WHERE {condition} GROUP BY {', '.join(columns)} HAVING count(*) > 1"
    )
    said = f"{table.record.message}: the rows that are there do not allow the unique key `{', '.join(fields)}`."
    return Refusal(
        said=said,
        mend="Change those rows, or leave the key out.",
        table=place,
        condition=f"{condition} AND ({', '.join(columns)}) IN ({shared})",
        verb="hold what another holds too",
        only_if_any=True,
        name=name,
    )


def _concurrently(definition: str, name: str) -> str:
    """Return a definition that builds an index beside those who write, under another name."""
    return _HEAD.sub(lambda head: f"CREATE {head[1] or ''}INDEX CONCURRENTLY {quoted(name)} ON ", definition, count=1)
