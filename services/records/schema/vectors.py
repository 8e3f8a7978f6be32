"""The column of words that Search reads: a `tsvector` that Postgres itself keeps in step with the fields.

The fields weigh by the order in which the record's `search` names them: A, B, C, and D for all further. Where some of
them need a permission to be read, those are D and no others are, so that a caller without it searches the rest. Beside
the words stands the organization, so that the index finds one organization's rows and passes over all others.

The column's name ends in a digest of what is in it. Once that changes it is another column, which Postgres fills as it
is added.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from services.records.schema.indexes import free_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.contract import Record

PREFIX = "tenon_search_"
"""What the names of these columns begin with."""

WEIGHTS = "ABCD"
"""The weights, the heaviest first."""

GUARDED = "D"
"""The weight of fields that need a permission, where there are any."""

CHARACTERS = 64 * 1024
"""The characters of all fields together that are searched: Postgres holds at most 1 MiB of words and places."""

JOIN = "tenon_join"
"""The function that joins a list of texts; what Postgres has for it may not be used in a column."""

MARK = "\x01"
"""What the word of an organization begins with; no word of a text does."""

_VERSION = 1


def weights_of(record: Record) -> dict[str, str]:
    """Return the weight of each field that is searched, in the order of the record's `search`, guarded fields last.

    Words have places, and rank by how close they are: a guarded field between two others would tell how long it is.
    """
    guarded = [name for name in record.search if _permission(record, name)]
    plain = WEIGHTS[:3] if guarded else WEIGHTS
    open_ = [name for name in record.search if name not in guarded]
    weights = {name: plain[min(place, len(plain) - 1)] for place, name in enumerate(open_)}
    return {**weights, **dict.fromkeys(guarded, GUARDED)}


def vector_name(record: Record) -> str:
    """Return the name of the record's column of words, which tells what is in it."""
    said: list[object] = [_VERSION, CHARACTERS]
    for name, weight in weights_of(record).items():
        field = record.field(name)
        said.append((field.number if field is not None else 0, weight))
    return PREFIX + hashlib.sha256(repr(said).encode()).hexdigest()[:10]


def add_vector(table: sa.Table, record: Record, columns: Mapping[str, sa.Column[Any]]) -> None:
    """Add the column of words and its index to a table whose record is searched; `columns` are those of the fields."""
    if not record.search:
        return
    most = CHARACTERS // len(record.search)
    parts = [_words(table, columns[name], weight, most) for name, weight in weights_of(record).items()]
    # Core Postgres has no index over a text and a column of words at once, so the organization is a word.
    parts.append("array_to_tsvector(ARRAY[E'\\x01' || organization])")
    column: sa.Column[Any] = sa.Column(
        vector_name(record), TSVECTOR(), sa.Computed(" || ".join(parts), persisted=True), nullable=True
    )
    table.append_column(column)
    sa.Index(free_name(table, "search", "gin"), column, postgresql_using="gin")


def function_statements(table: sa.Table) -> list[str]:
    """Return what makes the function that a table's column of words needs, if any; it may be there already."""
    if not any(column.computed is not None and JOIN in str(column.computed.sqltext) for column in table.columns):
        return []
    name = f"{_quoted(str(table.schema))}.{JOIN}"
    how = "LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN array_to_string($1, ' ')"
    return [f"CREATE OR REPLACE FUNCTION {name}(text[]) RETURNS text {how}"]


def _words(table: sa.Table, column: sa.Column[Any], weight: str, most: int) -> str:
    text = _quoted(column.name)
    if isinstance(column.type, ARRAY):
        text = f"{_quoted(str(table.schema))}.{JOIN}({text})"
    elif column.nullable:
        text = f"coalesce({text}, '')"
    return f"setweight(to_tsvector('pg_catalog.simple', left({text}, {most})), '{weight}')"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _permission(record: Record, name: str) -> str:
    field = record.field(name)
    return field.read_permission if field is not None else ""
