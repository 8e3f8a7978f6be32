"""Finds what rows refer to and is not there, and holds what is there until the end: nobody can delete it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from services.records.scope import visible
from services.records.writing.references import NESTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.records.schema.tables import RecordTable
    from services.records.writing.references import Nested

    Wanted = tuple[str, sa.ColumnElement[Any], RecordTable]

ORDINAL = "tenon_ordinal"
"""What the column is called that numbers the rows of a statement; a field cannot have such a name by accident."""

PARENT = "parent"
"""What `missing` calls the parent of a new row."""

_TRUE = sa.true()


def referred_by(
    table: RecordTable, given: sa.CTE, references: Mapping[str, RecordTable], prefix: str = ""
) -> list[Wanted]:
    """Return what the columns of the given rows refer to."""
    return [(name, given.c[prefix + table.columns[name].name], target) for name, target in references.items()]


def parents_of(given: sa.CTE, table: RecordTable) -> list[Wanted]:
    """Return the parents of the given rows."""
    seen = {parent.column: parent.table for parent in table.parents}
    return [(PARENT, given.c[column], target) for column, target in seen.items()]


def missing_from(wanted: Sequence[Wanted], nested: Nested, given: sa.CTE, *, many: bool = False) -> sa.CTE | None:
    """Select what is referred to and is not there, or not for this caller: `ordinal`, `field` and `resource`.

    Where `many` rows are given, each name is looked for once, whatever number of rows have it.
    """
    found = [_in_column(number, each, given, nested.table, many=many) for number, each in enumerate(wanted)]
    found += [_inside(number, target, given, nested.table) for number, target in enumerate(nested.targets)]
    return sa.union_all(*found).cte("missing") if found else None


def live(table: RecordTable, rows: sa.FromClause | None = None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a row is not deleted: none where the record is not deleted softly."""
    columns = table.table.columns if rows is None else rows.c
    return [columns["deleted_at"].is_(None)] if table.is_soft else []


def _in_column(number: int, wanted: Wanted, given: sa.CTE, table: RecordTable, *, many: bool) -> sa.Select[Any]:
    name, column, target = wanted
    source: sa.FromClause = given
    value = column
    if isinstance(column.type, ARRAY):
        each = sa.func.unnest(column, type_=sa.Text()).column_valued(f"each_{number}")
        listed = sa.lateral(sa.select(sa.collate(each, "C").label("value"))).alias(f"listed_{number}")
        source, value = given.join(listed, _TRUE), listed.c.value
    unset: sa.ColumnElement[Any] = sa.literal_column("''")
    # The foreign key holds a parent; but it does not see that one was deleted and kept.
    holds = name != PARENT or target.is_soft
    chosen = sa.select(given.c[ORDINAL].label("ordinal"), _text(name).label("field"), _kind(target)).select_from(source)
    if many:
        names = sa.select(value.label("name")).select_from(source).where(value != unset).distinct().subquery()
        is_there = _is_there(target, names.c.name, f"target_{number}", holds=holds)
        gone = sa.select(names.c.name).where(~is_there, *_comes(table, target, names.c.name, given))
        # Looked for once, and not for each row: most often nothing is gone.
        absent = gone.cte(f"gone_{number}").prefix_with("MATERIALIZED")
        return chosen.where(value.in_(sa.select(absent.c.name)))
    is_there = _is_there(target, value, f"target_{number}", holds=holds)
    return chosen.where(value != unset, ~is_there, *_comes(table, target, value, given))


def _inside(number: int, target: RecordTable, given: sa.CTE, table: RecordTable) -> sa.Select[Any]:
    kinds: dict[str, Any] = {"at": sa.BigInteger(), "path": sa.Text(), "name": sa.Text()}
    sent = (sa.bindparam(f"{NESTED}{number}_{part}", type_=ARRAY(kind)) for part, kind in kinds.items())
    rows = (
        sa.func.unnest(*sent)
        .table_valued(*(sa.column(part, kind) for part, kind in kinds.items()), name=f"nested_{number}")
        .render_derived()
    )
    name = sa.collate(rows.c.name, "C")
    is_there = _is_there(target, name, f"nested_target_{number}", holds=True)
    chosen = sa.select(rows.c.at.label("ordinal"), rows.c.path.label("field"), _kind(target))
    return chosen.where(~is_there, *_comes(table, target, name, given))


def _comes(
    table: RecordTable, target: RecordTable, name: sa.ColumnElement[Any], given: sa.CTE
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a name is not among the rows that are written: these are there once they are."""
    if target is not table:
        return []
    return [name.not_in(sa.select(given.c[table.columns["name"].name]))]


def _is_there(target: RecordTable, name: sa.ColumnElement[Any], alias: str, *, holds: bool) -> sa.ColumnElement[bool]:
    there = target.table.alias(alias)
    named = there.c[target.columns["name"].name] == name
    found = sa.select(1).select_from(there).where(visible(target, there), *live(target, there), named)
    # One who deletes it waits for us, or we for it: what we refer to cannot go while we say so.
    return sa.exists(found.with_for_update(read=True, key_share=True) if holds else found)


def _kind(target: RecordTable) -> sa.ColumnElement[Any]:
    return _text(target.record.type).label("resource")


def _text(text: str) -> sa.ColumnElement[Any]:
    quoted = text.replace("'", "''")
    return sa.literal_column(f"'{quoted}'", sa.Text())
