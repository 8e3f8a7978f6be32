"""The statements that change rows: each one statement, so that change, event and request id are one round trip.

    WITH input AS (…the new rows…),
         missing AS (…references and parents that do not exist, or not for this caller…),
         written AS (INSERT INTO the table … unless anything is missing),
         event AS (INSERT INTO outbox … unless anything is missing),
         request AS (INSERT INTO request_ids …)
    SELECT … FROM missing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.chassis.contract import SYSTEM_ORGANIZATION
from services.records.scope import belonging, scoped, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.records.outbox import ServiceTables
    from services.records.scope import Statement
    from services.records.tables import RecordTable

PARENT = "parent"
"""What `missing` calls the parent of a new row."""

_FIRST = sa.literal_column("0", sa.BigInteger())
_NOTHING = sa.literal_column("NULL::bytea", sa.LargeBinary())


def input_columns(table: RecordTable) -> dict[str, sa.Column[Any]]:
    """Return the columns whose values come with a row, by their name: all but those that the statement sets."""
    set_here = {"organization", "owner", "revision", "shape", "written_at", "parent_organization"}
    return {column.name: column for column in table.table.columns if column.name not in set_here or _is_field(column)}


def _is_field(column: sa.Column[Any]) -> bool:
    return str(column.comment or "").startswith("field:")


def targets(table: RecordTable, tables: Mapping[str, RecordTable]) -> dict[str, RecordTable]:
    """Return the tables that the reference fields of a record point to, by field; those kept elsewhere are left out."""
    by_type = {other.record.type: other for other in tables.values()}
    return {
        field.name: by_type[field.reference]
        for field in table.record.fields
        if field.reference in by_type and field.name in table.columns
    }


def insert(
    table: RecordTable, service: ServiceTables, references: Mapping[str, RecordTable], *, many: bool, remembered: bool
) -> Statement:
    """Return the statement that adds one row, or `many` of them at once.

    Its rows are (`ordinal` of the input row, `field` that names what does not exist); with any, nothing is written.
    """
    given = _many(table) if many else _one(table)
    wanted = [*_references(given, references), *_parents(given, table)]
    missing = _missing(given, wanted)
    complete = [] if missing is None else [~sa.exists(sa.select(1).select_from(missing))]
    names = [*input_columns(table)]
    own: dict[str, Any] = {
        **belonging(table),
        "revision": sa.literal_column("1", sa.BigInteger()),
        "shape": sa.literal_column(str(table.shape), sa.BigInteger()),
    }
    source = sa.select(*own.values(), *(given.c[name] for name in names)).where(*complete)
    written = sa.insert(table.table).from_select([*own, *names], source).cte("written")
    after = given.c["event_after"] if "event_after" in given.c else given.c["message"]
    event = _event(
        service, table, given, verb="created", revision=own["revision"], before=_NOTHING, after=after, where=complete
    )
    chosen = (
        sa.select(_FIRST.label("ordinal"), sa.literal_column("''").label("field")).where(sa.false())
        if missing is None
        else sa.select(missing.c.ordinal, missing.c.field)
    )
    kept = [_remember(service, complete)] if remembered else []
    return scoped(table, chosen.add_cte(written, event, *kept), writes=True)


def update(
    table: RecordTable, service: ServiceTables, references: Mapping[str, RecordTable], *, remembered: bool
) -> Statement:
    """Return the statement that replaces one row, if it still has the revision `expected`.

    Its rows are ('', 'written') where it did, or (`field`, '') for each changed reference that does not exist.
    The parameters `check_<column>` hold what a reference names where it has changed, and NULL elsewhere.
    """
    given = _one(table, checked=references)
    missing = _missing(given, _references(given, references, prefix="check_"))
    names = [name for name in input_columns(table) if _is_field(table.table.columns[name])] + ["message"]
    target = table.table
    written = (
        sa.update(target)
        .where(visible(table), table.columns["name"] == given.c[table.columns["name"].name])
        .where(target.c["revision"] == sa.bindparam("expected", type_=sa.BigInteger()))
        .where(*([] if missing is None else [~sa.exists(sa.select(1).select_from(missing))]))
        .values(
            {name: given.c[name] for name in names}
            | {"revision": target.c["revision"] + 1, "shape": sa.literal_column(str(table.shape), sa.BigInteger())}
            | {"written_at": sa.literal_column("now()")}
        )
        .returning(target.c["revision"])
        .cte("written")
    )
    return _finish(table, service, given, written, missing, verb="updated", remembered=remembered)


def delete(table: RecordTable, service: ServiceTables, *, remembered: bool) -> Statement:
    """Return the statement that removes one row, if it still has the revision `expected`; its rows are as of `update`."""
    name = table.columns["name"]
    given = sa.select(
        sa.bindparam("in_name", type_=name.type).label(name.name),
        sa.bindparam("event_before", type_=sa.LargeBinary()).label("event_before"),
    ).cte("input")
    target = table.table
    written = (
        sa.delete(target)
        .where(visible(table), name == given.c[name.name])
        .where(target.c["revision"] == sa.bindparam("expected", type_=sa.BigInteger()))
        .returning((target.c["revision"] + 1).label("revision"))
        .cte("written")
    )
    return _finish(table, service, given, written, None, verb="deleted", remembered=remembered)


def current(table: RecordTable) -> Statement:
    """Return the statement that reads the row `in_name` in order to change it: message and revision."""
    columns = table.table.columns
    found = sa.select(columns["message"], columns["revision"]).where(visible(table), _is_named(table))
    return scoped(table, found, writes=True)


def parents_seen(table: RecordTable) -> Statement:
    """Return the statement that tells whether the row `in_name` is there for the caller."""
    return scoped(table, sa.select(sa.literal_column("1")).where(visible(table), _is_named(table)))


def recall(service: ServiceTables) -> tuple[str, tuple[str, ...]]:
    """Return the text that reads what was answered to a request id, and the names of its parameters."""
    order = ("caller_organization", "caller_subject", "method", "request_id")
    columns = ("organization", "subject", "method", "request_id")
    where = " AND ".join(f"{column} = ${n}" for n, column in enumerate(columns, 1))
    table = f'"{service.request_ids.schema}".request_ids'
    return f"SELECT request_hash, response FROM {table} WHERE {where}", order  # noqa: S608  (no input in it)


def _is_named(table: RecordTable) -> sa.ColumnElement[bool]:
    return table.columns["name"] == sa.bindparam("in_name", type_=sa.Text())


def _one(table: RecordTable, checked: Iterable[str] = ()) -> sa.CTE:
    """Give one row as parameters, `in_<column>` each."""
    columns = [
        sa.bindparam(f"in_{name}", type_=column.type).label(name) for name, column in input_columns(table).items()
    ]
    for reference in checked:
        column = table.columns[reference]
        columns.append(sa.bindparam(f"check_{column.name}", type_=column.type).label(f"check_{column.name}"))
    if checked is not ():
        columns.append(sa.bindparam("event_before", type_=sa.LargeBinary()).label("event_before"))
    if has_secrets(table):
        columns.append(sa.bindparam("event_after", type_=sa.LargeBinary()).label("event_after"))
    return sa.select(_FIRST.label("ordinal"), *columns).cte("input")


def _many(table: RecordTable) -> sa.CTE:
    """Give many rows as one array per column; a list is given as the text of its array, since arrays do not nest."""
    columns = dict(input_columns(table))
    kinds = {name: _element(column) for name, column in columns.items()}
    if has_secrets(table):
        kinds["event_after"] = sa.LargeBinary()
    rows = (
        sa.func.unnest(*(sa.bindparam(f"in_{name}", type_=ARRAY(kind)) for name, kind in kinds.items()))
        .table_valued(*(sa.column(name, kind) for name, kind in kinds.items()), with_ordinality="ordinal", name="row")
        .render_derived()
    )
    kept = []
    for name, kind in kinds.items():
        wanted = columns[name].type if name in columns else kind
        value: sa.ColumnElement[Any] = rows.c[name]
        if isinstance(wanted, ARRAY):
            value = sa.cast(value, ARRAY(_plain(wanted.item_type)))
        elif isinstance(wanted, JSONB):
            value = sa.cast(value, JSONB())
        kept.append((sa.collate(value, "C") if isinstance(wanted, sa.Text) else value).label(name))
    return sa.select((rows.c.ordinal - 1).label("ordinal"), *kept).cte("input")


def _element(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    return sa.Text() if isinstance(column.type, ARRAY | JSONB) else _plain(column.type)


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the type without its collation, which a cast cannot carry."""
    return sa.Text() if isinstance(kind, sa.Text) else kind


def has_secrets(table: RecordTable) -> bool:
    """Whether an event holds less than the row."""
    return table.redacts


def _references(
    given: sa.CTE, references: Mapping[str, RecordTable], prefix: str = ""
) -> list[tuple[str, sa.ColumnElement[Any], RecordTable]]:
    return [(field, given.c[prefix + target[0]], target[1]) for field, target in _columns_of(references).items()]


def _parents(given: sa.CTE, table: RecordTable) -> list[tuple[str, sa.ColumnElement[Any], RecordTable]]:
    seen = {parent.column: parent.table for parent in table.parents}
    return [(PARENT, given.c[column], target) for column, target in seen.items()]


def _missing(given: sa.CTE, wanted: Sequence[tuple[str, sa.ColumnElement[Any], RecordTable]]) -> sa.CTE | None:
    """Select what is referred to and is not there, or not for this caller."""
    selects = []
    for field, column, target in wanted:
        label = sa.literal_column(f"'{field}'", sa.Text()).label("field")
        source: sa.FromClause = given
        if isinstance(column.type, ARRAY):
            each = sa.func.unnest(column).table_valued("name", name=f"each_{field}").render_derived().lateral()
            source, column = given.join(each, sa.true()), each.c.name  # noqa: PLW2901
        there = sa.select(1).select_from(target.table).where(visible(target), target.columns["name"] == column)
        selects.append(
            sa.select(given.c.ordinal, label)
            .select_from(source)
            .where(column.is_not(None), column != sa.literal_column("''"), ~sa.exists(there.correlate(source, given)))
        )
    return sa.union_all(*selects).cte("missing") if selects else None


def _event(
    service: ServiceTables,
    table: RecordTable,
    source: sa.CTE,
    *,
    verb: str,
    revision: sa.ColumnElement[Any],
    before: sa.ColumnElement[Any],
    after: sa.ColumnElement[Any],
    where: Sequence[sa.ColumnElement[bool]] = (),
    beside: sa.CTE | None = None,
) -> sa.CTE:
    """Insert an event for each row of the input."""
    values: dict[str, Any] = {
        "occurred_at": sa.bindparam("event_time", type_=sa.TIMESTAMP(timezone=True)),
        "organization": belonging(table)["organization"],
        "actor": sa.bindparam("event_actor", type_=sa.Text()),
        "type": sa.literal_column(f"'{table.record.type}.{verb}'", sa.Text()),
        "subject": source.c[table.columns["name"].name],
        "revision": revision,
        "request_id": sa.bindparam("event_request_id", type_=sa.Text()),
        "trace": sa.bindparam("event_trace", type_=sa.Text()),
        "before": before,
        "after": after,
    }
    chosen = sa.select(*values.values()).where(*where)
    chosen = chosen.select_from(source if beside is None else source.join(beside, sa.true()))
    return sa.insert(service.outbox).from_select([*values], chosen, include_defaults=False).cte("event")


def _remember(service: ServiceTables, where: Sequence[sa.ColumnElement[bool]], beside: sa.CTE | None = None) -> sa.CTE:
    """Keep the answer to a request that carries an id, once."""
    values: dict[str, Any] = {
        "organization": sa.bindparam("caller_organization", type_=sa.Text()),
        "subject": sa.bindparam("caller_subject", type_=sa.Text()),
        "method": sa.bindparam("method", type_=sa.Text()),
        "request_id": sa.bindparam("request_id", type_=sa.Text()),
        "request_hash": sa.bindparam("request_hash", type_=sa.LargeBinary()),
        "response": sa.bindparam("response", type_=sa.LargeBinary()),
    }
    chosen = sa.select(*values.values()).where(*where)
    if beside is not None:
        chosen = chosen.select_from(beside)
    return sa.insert(service.request_ids).from_select([*values], chosen, include_defaults=False).cte("request")
