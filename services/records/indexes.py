"""The indexes of a record's table, and how long the texts in them may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.chassis.contract import Behavior, Kind, Scope
from services.records.naming import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.chassis.contract import Record

MAX_KEY_LENGTH = 512
"""The most characters of a string that an index holds, unless the contract says less."""


class RecordError(ValueError):
    """A record that no table can keep: a mistake of the contract."""


def add_indexes(table: sa.Table, record: Record, columns: Mapping[str, sa.Column[Any]]) -> None:
    """Add the indexes that the contract asks for, and those that the engine needs."""
    organization, name = table.columns["organization"], columns["name"]
    # What is unique is so among the rows that one caller sees: a refusal must tell nothing of another owner's rows.
    whose = [organization, table.columns["owner"]] if record.scope is Scope.OWNER else [organization]
    if "parent" in table.columns:
        sa.Index(named(table.name, "parent", "idx"), organization, table.columns["parent"], name)
    if record.scope is Scope.OWNER:
        sa.Index(named(table.name, "owner", "idx"), organization, table.columns["owner"], name)
    for key in record.unique:
        kept = _key_columns(record, columns, key)
        sa.Index(
            named(table.name, *key, "key"),
            *whose,
            *kept,
            unique=True,
            postgresql_where=sa.and_(*(_is_set(column) for column in kept)),
        )
    references = [(f.name,) for f in record.fields if f.reference and not f.repeated and f.name in columns]
    for key in dict.fromkeys((*record.index, *references)):
        if key in record.unique or key == ("name",):
            continue
        kept = _key_columns(record, columns, key)
        if any(isinstance(column.type, ARRAY | JSONB) for column in kept):
            _add_containment_index(table, key, kept)
        else:
            sa.Index(named(table.name, *key, "idx"), organization, *map(_ascending, kept), name)


def _ascending(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Order as `ordering` does, where what is unset comes first: only then does the index serve it."""
    return column.asc().nulls_first() if column.nullable else column


def _add_containment_index(table: sa.Table, key: Sequence[str], columns: Sequence[sa.Column[Any]]) -> None:
    """Index each list, map and message among the columns: only GIN finds what is inside them."""
    for name, column in zip(key, columns, strict=True):
        if isinstance(column.type, ARRAY | JSONB):
            sa.Index(named(table.name, name, "gin"), column, postgresql_using="gin")


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
