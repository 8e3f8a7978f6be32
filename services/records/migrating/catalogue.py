"""Reads what tables a schema has: migrations compare it with what the contract asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.chassis.postgres import Connection
    from services.records.schema.shapes import Outline

_TABLES = """
SELECT c.oid::bigint AS id, c.relname AS name, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
"""
_COLUMNS = """
SELECT a.attrelid::bigint AS table, a.attname AS name, col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""
_INDEXES = """
SELECT i.indrelid::bigint AS table, c.relname AS name, obj_description(c.oid, 'pg_class') AS comment,
    i.indisvalid AS valid
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND NOT i.indisprimary
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundColumn:
    """A column as it is."""

    name: str
    """Its name."""
    number: int | None
    """The number of the field that it holds, or None for a column of the engine."""
    wire: str
    """How the field is encoded, or empty."""
    is_retired: bool
    """Whether the contract has given the field up, and reserves its number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundTable:
    """A table as it is."""

    name: str
    """Its name."""
    message: str
    """Full name of the message that it keeps, or empty where it is no record's."""
    scope: str
    """The scope of the record when it was made."""
    patterns: tuple[str, ...]
    """The name patterns of the record when it was last migrated."""
    comment: str
    """The whole comment that says so."""
    outline: Outline
    """The fields of the message and of those in it when it was last migrated; empty where nobody noted them."""
    columns: tuple[FoundColumn, ...]
    """Its columns."""
    indexes: Mapping[str, str]
    """Its indexes that can be used, each with the fingerprint of its definition; with nothing where it is not ours."""
    invalid: frozenset[str]
    """Its indexes that were never finished."""


def quoted(name: str) -> str:
    """Return a name in quotes, as SQL takes any name."""
    return '"' + name.replace('"', '""') + '"'


async def read_schema(connection: Connection, schema: str) -> tuple[FoundTable, ...]:
    """Return the tables of a schema; none where there is no such schema."""
    tables = await connection.fetch(_TABLES, schema)
    columns = await connection.fetch(_COLUMNS, schema)
    indexes = await connection.fetch(_INDEXES, schema)

    def of_table(table: Any, rows: Sequence[Any]) -> list[Any]:
        return [each for each in rows if each["table"] == table["id"]]

    return tuple(
        FoundTable(
            name=row["name"],
            columns=tuple(_column(each["name"], each["comment"]) for each in of_table(row, columns)),
            indexes={each["name"]: each["comment"] or "" for each in of_table(row, indexes) if each["valid"]},
            invalid=frozenset(each["name"] for each in of_table(row, indexes) if not each["valid"]),
            **_identity(row["comment"] or ""),
        )
        for row in tables
    )


def _identity(comment: str) -> dict[str, Any]:
    try:
        known = json.loads(comment)
        kept = {"message": known["message"], "scope": known["scope"], "patterns": tuple(known["patterns"])}
        return {**kept, "comment": comment, "outline": known.get("outline", [])}
    except (ValueError, KeyError, TypeError):
        return {"message": "", "scope": "", "patterns": (), "comment": comment, "outline": []}


def _column(name: str, comment: str | None) -> FoundColumn:
    words = (comment or "").split(" ", 1)
    kind, _, number = words[0].partition(":")
    if kind not in ("field", "retired") or not number.isdigit():
        return FoundColumn(name=name, number=None, wire="", is_retired=False)
    wire = words[1] if len(words) > 1 else ""
    return FoundColumn(name=name, number=int(number), wire=wire, is_retired=kind == "retired")
