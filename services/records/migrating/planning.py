"""What brings the tables of one schema in step with the contract: an ordered plan, before anything is done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.schema import CreateColumn, CreateTable, SetColumnComment, SetTableComment

from services.records.migrating.catalogue import quoted, read_schema
from services.records.migrating.changes import stale_fields, table_statements
from services.records.migrating.index_building import IndexStep, definition_of, digest_of, index_steps, refuse_keys
from services.records.migrating.refusals import Refusal, weigh
from services.records.schema.dialect import DIALECT
from services.records.schema.vectors import function_statements
from services.records.transactions.outbox import service_tables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import sqlalchemy as sa

    from services.chassis.postgres import Connection
    from services.records.migrating.catalogue import FoundTable
    from services.records.schema.tables import RecordTable

STATE = """
CREATE TABLE IF NOT EXISTS {schema}.tenon_migrations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now(),
    fingerprint text NOT NULL,
    statements text[] NOT NULL
)
"""
"""Where a schema notes how far it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SchemaPlan:
    """What one schema needs."""

    schema: str
    """Its name."""
    fingerprint: str
    """What its tables are once it is done."""
    statements: tuple[str, ...] = ()
    """What runs in one transaction."""
    rewritten: Mapping[str, frozenset[str]]
    """Fields whose columns are written again from the bytes in that transaction, by message."""
    indexes: tuple[IndexStep, ...] = ()
    """What runs after it, beside those who write."""
    refused: tuple[str, ...] = ()
    """What stands against it; then none of it is done."""

    @property
    def all_statements(self) -> tuple[str, ...]:
        """Everything that runs, in order, but for the rows that are written again."""
        return (*self.statements, *(statement for step in self.indexes for statement in step.statements))


def fingerprint_of(tables: Sequence[RecordTable], service: str) -> str:
    """Return what the tables of a schema come to; `service` is its name where it is a service's own, else empty."""
    statements = [*(_service_plan(service, ())[0] if service else ()), *(s for t in tables for s in _create(t))]
    reserved = [table.reserved for table in tables]
    return hashlib.sha256("\n".join([*statements, str(reserved)]).encode()).hexdigest()


async def plan_schema(
    connection: Connection,
    schema: str,
    tables: Sequence[RecordTable],
    service: str,
    returning: Collection[str] = (),
) -> SchemaPlan:
    """Return what brings a schema in step; nothing is changed.

    `returning` are packages whose contract is one that the database has had before.
    """
    found = await read_schema(connection, schema)
    there = await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema)
    statements = [] if there else [f"CREATE SCHEMA {quoted(schema)}"]
    indexes: list[IndexStep] = []
    refused: list[str] = []
    if "tenon_migrations" not in {table.name for table in found}:
        statements.append(STATE.format(schema=quoted(schema)).strip())
    if schema == service:
        made, steps = _service_plan(service, found)
        statements += made
        indexes += steps
    known = {each.message: each for each in found if each.message}
    for table in tables:
        before = known.get(table.record.message)
        back = table.record.package in returning
        if before is None:
            refused += [_name_taken(table).tell()] if table.table.name in {each.name for each in found} else []
            statements += _create(table)
            continue
        changes, problems = table_statements(table, before, returning=back)
        refused += await weigh(connection, problems)
        # What loses values is said first: the keys are asked for once nothing else is in the way.
        refused += [] if problems else await refuse_keys(connection, table, before)
        statements += changes
        indexes += index_steps(table.schema, table.table, before, keep=back)
    return SchemaPlan(
        schema=schema,
        fingerprint=fingerprint_of(tables, schema if schema == service else ""),
        statements=tuple(statements),
        rewritten=_rewritten(tables, known),
        indexes=tuple(indexes),
        refused=tuple(refused),
    )


def _rewritten(tables: Iterable[RecordTable], known: Mapping[str, FoundTable]) -> dict[str, frozenset[str]]:
    pairs = ((table, known.get(table.record.message)) for table in tables)
    stale = {t.record.message: stale_fields(t, before) for t, before in pairs if before is not None}
    return {message: frozenset(fields) for message, fields in stale.items() if fields}


def _name_taken(table: RecordTable) -> Refusal:
    return Refusal(
        said=f"{table.record.message}: the table {table.table.fullname} is there and keeps something else.",
        mend="Give the record another plural, or rename that table.",
    )


def _service_plan(service: str, found: Sequence[FoundTable]) -> tuple[list[str], list[IndexStep]]:
    """Return what makes the service's own tables; those that are there get the columns and indexes that they lack."""
    statements: list[str] = []
    steps: list[IndexStep] = []
    for table in service_tables(service).all:
        known = next((each for each in found if each.name == table.name), None)
        if known is None:
            statements += [_text(CreateTable(table)), *_made_indexes(table)]
            continue
        there = {column.name for column in known.columns}
        added = [_text(CreateColumn(column)) for column in table.columns if column.name not in there]
        statements += [f"ALTER TABLE {quoted(service)}.{quoted(table.name)} ADD COLUMN {each}" for each in added]
        steps += index_steps(service, table, known)
    return statements, steps


def _create(table: RecordTable) -> list[str]:
    """Return what makes a table that is not there."""
    commented = [column for column in table.table.columns if column.comment]
    return [
        *function_statements(table.table),
        _text(CreateTable(table.table)),
        _text(SetTableComment(table.table)),
        *(_text(SetColumnComment(column)) for column in commented),
        *_made_indexes(table.table),
    ]


def _made_indexes(table: sa.Table) -> list[str]:
    """Return what makes the indexes of a table that nobody uses yet, each with a note of its definition."""
    made = []
    for name, definition in sorted((str(index.name), definition_of(index)) for index in table.indexes):
        place = f"{quoted(str(table.schema))}.{quoted(name)}"
        made += [definition, f"COMMENT ON INDEX {place} IS '{digest_of(definition)}'"]
    return made


def _text(element: sa.DDLElement | CreateColumn) -> str:
    return str(element.compile(dialect=DIALECT)).strip()
