"""What depends on a record: the records below it, and those that refer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from services.chassis.contract import OnDelete
from services.records.schema.indexes import names_inside
from services.records.scope import scoped
from services.records.writing.references import Nested, references_of
from services.records.writing.statements import is_deleted, many_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.writing.references import Inside

_TEXT = sa.Text(collation="C")

# Looked for at once, before it is asked which of them it is: else Postgres may compare each name with each row.
_ANY = sa.bindparam("gone_names", type_=ARRAY(sa.Text()))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dependent:
    """One way in which records depend on another."""

    table: RecordTable
    """The records that depend."""
    target: RecordTable
    """The record on which they do."""
    field: str
    """The field that refers, or where it is inside messages; empty for those below the record."""
    on_delete: OnDelete
    """What becomes of them; those below a record are refused or go with it, as the request says."""
    inside: Inside | None = None
    """For a field inside messages: where it is."""
    link: str = ""
    """For those below: the column that names the parent."""


def dependents_of(target: RecordTable, tables: Mapping[str, RecordTable]) -> tuple[Dependent, ...]:
    """Return all ways in which records of these tables depend on one of `target`."""
    found: list[Dependent] = []
    for table in tables.values():
        links = dict.fromkeys(parent.column for parent in table.parents if parent.table is target)
        found += [
            Dependent(table=table, target=target, field="", on_delete=OnDelete.RESTRICT, link=link) for link in links
        ]
        for field, other in references_of(table, tables).items():
            said = table.record.field(field)
            if other is target and said is not None:
                found.append(Dependent(table=table, target=target, field=field, on_delete=said.on_delete))
        found += [
            Dependent(
                table=table,
                target=target,
                field=place.path,
                # The contract has no choice for those: what is inside a message cannot be emptied or deleted alone.
                on_delete=OnDelete.RESTRICT,
                inside=place,
            )
            for place in Nested(table, tables).inside
            if place.target is target
        ]
    return tuple(found)


def find(dependent: Dependent, *, locks: bool, live: bool) -> Statement:
    """Return the statement that finds who depends on the rows of `gone_names` in `gone_organizations`, in order.

    Left out are the rows of `going_names` in `going_organizations`, and with `live` those that are deleted and kept.
    Its columns are organization, name, owner, revision, shape, deleted, size, and the name of the `target`; at most
    `most_rows` come back. `locks` keeps them as they are.
    """
    table = dependent.table
    rows = table.table
    gone = many_rows({"organization": ("gone_organizations", _TEXT), "name": ("gone_names", _TEXT)})
    going = _going()
    name = table.columns["name"]
    is_going = sa.exists(
        sa.select(1).select_from(going).where(going.c.organization == rows.c["organization"], going.c.name == name)
    )
    conditions = [_depends(dependent, gone), ~is_going]
    # A global record belongs to all: who depends on it may be of any organization.
    if table.is_global or not dependent.target.is_global:
        conditions.append(rows.c["organization"] == gone.c.organization)
    deleted = is_deleted(table)
    if live and table.is_soft:
        conditions.append(rows.c["deleted_at"].is_(None))
    owner = rows.c["owner"] if table.is_owned else sa.literal_column("''", _TEXT).label("owner")
    size = sa.func.octet_length(rows.c["message"]).label("size")
    chosen = [rows.c["organization"], name.label("name"), owner, rows.c["revision"], rows.c["shape"], deleted, size]
    found = sa.select(*chosen, gone.c.name.label("target")).select_from(rows.join(gone, sa.and_(*conditions)))
    found = found.order_by(rows.c["organization"], name).limit(sa.bindparam("most_rows", type_=sa.BigInteger()))
    return scoped(table, found.with_for_update(of=rows) if locks else found, writes=True, beyond=True)


def _going() -> Any:
    sent = (sa.bindparam(f"going_{part}", type_=ARRAY(sa.Text())) for part in ("organizations", "names"))
    kinds = [sa.column("organization", sa.Text()), sa.column("name", sa.Text())]
    return sa.func.unnest(*sent).table_valued(*kinds, name="going").render_derived()


def _depends(dependent: Dependent, gone: sa.CTE) -> sa.ColumnElement[bool]:
    table, name = dependent.table, gone.c.name
    if dependent.link:
        return table.table.c[dependent.link] == name
    if dependent.inside is None:
        column = table.columns[dependent.field]
        if isinstance(column.type, ARRAY):
            return sa.and_(column.contains(array([name])), column.overlap(_ANY))
        return column == name
    names = names_inside(table.columns[dependent.inside.field], dependent.inside)
    holds = names.op("@>", is_comparison=True)(sa.func.to_jsonb(name, type_=JSONB()))
    return sa.and_(holds, names.op("?|", is_comparison=True)(_ANY))
