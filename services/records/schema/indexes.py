"""The indexes of a record's table, and how long the texts in them may be."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.chassis.contract import Behavior, Kind, Scope
from services.chassis.refusal import StartRefused
from services.records.schema.naming import identifier, named

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from services.chassis.contract import Record
    from services.records.schema.tables import RecordTable
    from services.records.writing.references import Inside

MAX_KEY_LENGTH = 512
"""The most characters of a string that an index holds, unless the contract says less."""


class RecordError(StartRefused):
    """A record that no table can keep: a mistake of the contract."""


def add_indexes(
    table: sa.Table, record: Record, columns: Mapping[str, sa.Column[Any]], *, shared: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Add the indexes that the contract asks for and those that the engine needs; return unique keys by their name.

    `shared` are the types of records that organizations share, and that rows of any of them may refer to.
    """
    keys: dict[str, tuple[str, ...]] = {}
    organization, name = table.columns["organization"], columns["name"]
    # What is unique is so among the rows that one caller sees: a refusal must tell nothing of another owner's rows.
    whose = [organization, table.columns["owner"]] if record.scope is Scope.OWNER else [organization]
    if "parent" in table.columns:
        sa.Index(free_name(table, "parent", "idx"), organization, table.columns["parent"], name)
    if record.scope is Scope.OWNER:
        sa.Index(free_name(table, "owner", "idx"), organization, table.columns["owner"], name)
    # What is deleted and kept holds its name, and no key.
    live = [table.columns["deleted_at"].is_(None)] if record.soft_delete else []
    if record.soft_delete:
        due = table.columns["purge_at"]
        sa.Index(free_name(table, "purge_at", "idx"), due, postgresql_where=due.is_not(None))
    for key in record.unique:
        kept = _key_columns(record, columns, key)
        free = free_name(table, *key, "key")
        keys[free] = key
        sa.Index(
            free,
            *whose,
            *kept,
            unique=True,
            postgresql_where=sa.and_(*(_is_set(column) for column in kept), *live),
        )
    references: dict[tuple[str, ...], str] = {
        (f.name,): f.reference for f in record.fields if f.reference and not f.repeated and f.name in columns
    }
    for key in dict.fromkeys((*record.index, *references)):
        if key in record.unique or key == ("name",):
            continue
        kept = _key_columns(record, columns, key)
        if any(isinstance(column.type, ARRAY | JSONB) for column in kept):
            _add_containment_index(table, key, kept)
        elif key not in record.index and references[key] in shared:
            # Who refers to what all organizations share is looked for in all of them.
            sa.Index(free_name(table, *key, "idx"), *map(_ascending, kept), organization, name)
        else:
            sa.Index(free_name(table, *key, "idx"), organization, *map(_ascending, kept), name)
    return keys


def add_reference_indexes(table: RecordTable, references: Mapping[str, RecordTable], inside: Iterable[Inside]) -> None:
    """Index the references that stand in lists, and those inside messages: a deletion looks for them."""
    for field in references:
        column = table.columns[field]
        if isinstance(column.type, ARRAY) and not any(field in key for key in table.record.index):
            _add_containment_index(table.table, (field,), [column])
    for place in inside:
        name = free_name(table.table, *place.path.split("."), "ref")
        sa.Index(name, names_inside(table.columns[place.field], place), postgresql_using="gin")


def names_inside(column: sa.ColumnElement[Any], place: Inside) -> sa.ColumnElement[Any]:
    """Return the names, as a list in JSON, to which one place inside a column's messages refers."""
    path = f"${place.steps}".replace("'", "''")
    return sa.func.jsonb_path_query_array(column, sa.literal_column(f"'{path}'::jsonpath"), type_=JSONB())


def free_name(table: sa.Table, *parts: str) -> str:
    """Return a name that no other index of the schema has: the keys (`a`, `b_c`) and (`a_b`, `c`) read alike."""
    taken: set[tuple[str | None, str]] = table.metadata.info.setdefault("index_names", set())
    name = named(table.name, *parts)
    while (table.schema, name) in taken:
        name = identifier(f"{name}_{hashlib.sha256(repr((table.name, parts)).encode()).hexdigest()[:8]}")
    taken.add((table.schema, name))
    return name


def _ascending(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Order as `ordering` does, where what is unset comes first: only then does the index serve it."""
    return column.asc().nulls_first() if column.nullable else column


def _add_containment_index(table: sa.Table, key: Sequence[str], columns: Sequence[sa.Column[Any]]) -> None:
    """Index each list, map and message among the columns: only GIN finds what is inside them."""
    for name, column in zip(key, columns, strict=True):
        if isinstance(column.type, ARRAY | JSONB):
            sa.Index(free_name(table, name, "gin"), column, postgresql_using="gin")


def _key_columns(record: Record, columns: Mapping[str, sa.Column[Any]], key: Sequence[str]) -> list[sa.Column[Any]]:
    for name in key:
        if name not in columns:
            raise RecordError(f"{record.message}: `{name}` cannot be in an index: it is unknown, or holds bytes.")
    return [columns[name] for name in key]


def _is_set(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    default = column.server_default
    if not isinstance(default, sa.DefaultClause):
        return column.is_not(None)
    return column != sa.literal_column(str(default.arg))


def text_limits(record: Record) -> dict[str, int]:
    """Return the most characters of each text that an index holds, by field."""
    keyed = {name for key in (*record.unique, *record.index) for name in key}
    keyed |= {f.name for f in record.fields if f.reference or f.indexed or f.unique}
    return {
        f.name: min(MAX_KEY_LENGTH, f.max_length or MAX_KEY_LENGTH)
        for f in record.fields
        if f.kind is Kind.STRING and f.name in keyed and Behavior.IDENTIFIER not in f.behaviors
    }
