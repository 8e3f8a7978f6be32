"""The statements that change rows: each one statement, so that change, event and request id are one round trip.

WITH input AS (…the new rows…),
     missing AS (…references and parents that do not exist, or not for this caller…),
     written AS (INSERT INTO the table … unless anything is missing),
     event AS (INSERT INTO outbox … once that is done),
     request AS (INSERT INTO request_ids …)
SELECT … FROM missing
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.records.columns import INPUT
from services.records.scope import belonging, scoped, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.records.outbox import ServiceTables
    from services.records.scope import Statement
    from services.records.tables import RecordTable

    Wanted = tuple[str, sa.ColumnElement[Any], RecordTable]

# Beside the columns, the rows that are given have these; a field cannot have such a name by accident.
_ORDINAL, _BEFORE, _AFTER, _CHECK = "tenon_ordinal", "tenon_before", "tenon_after", "tenon_check_"

PARENT = "parent"
"""What `missing` calls the parent of a new row."""

CHECK = "check_"
"""Parameters that hold a changed reference begin with this, and go on with the column's name."""

_SET_HERE = frozenset({"organization", "owner", "revision", "shape", "written_at", "parent_organization"})
_FIRST = sa.literal_column("0", sa.BigInteger())
_TRUE = sa.true()


def input_columns(table: RecordTable) -> dict[str, sa.Column[Any]]:
    """Return the columns whose values come with a row, by their name: all but those that the statement sets."""
    return {column.name: column for column in table.table.columns if column.name not in _SET_HERE}


def references_of(table: RecordTable, tables: Mapping[str, RecordTable]) -> dict[str, RecordTable]:
    """Return the tables that the reference fields of a record point to, by field; those kept elsewhere are left out."""
    by_type = {other.record.type: other for other in tables.values()}
    return {
        field.name: by_type[field.reference]
        for field in table.record.fields
        if field.reference in by_type and field.name in table.columns and field.name != "name"
    }


def insert(
    table: RecordTable, service: ServiceTables, references: Mapping[str, RecordTable], *, many: bool, remembered: bool
) -> Statement:
    """Return the statement that adds one row, or `many` of them at once.

    Its rows are (`ordinal` of the input row, `field` that names what does not exist); with any, nothing is written.
    """
    given = _many(table) if many else _one(table)
    missing = _missing([*_references(table, given, references), *_parents(given, table)], given)
    complete = _TRUE if missing is None else ~sa.exists(sa.select(1).select_from(missing))
    names = [*input_columns(table)]
    own = {**belonging(table), "revision": sa.literal_column("1", sa.BigInteger()), "shape": _shape(table)}
    rows = sa.select(*own.values(), *(given.c[name] for name in names)).where(complete)
    insertion = sa.insert(table.table).from_select([*own, *names], rows, include_defaults=False)
    written = insertion.returning(sa.literal_column("1").label("one")).cte("written")
    # Counted, so that an event gets its number when its row is there: a row may have to wait for the end of a deletion.
    done = sa.select(sa.func.count()).select_from(written).scalar_subquery() > sa.literal_column("0")
    event = _event(service, table, "created", given, {"revision": own["revision"], "after": _after(table, given)})
    chosen = (
        sa.select(_FIRST.label("ordinal"), sa.literal_column("''").label("field")).where(sa.false())
        if missing is None
        else sa.select(missing.c.ordinal, missing.c.field)
    )
    kept = [_remember(service, done)] if remembered else []
    return scoped(table, chosen.add_cte(written, event(done), *kept), writes=True)


def update(
    table: RecordTable, service: ServiceTables, references: Mapping[str, RecordTable], *, remembered: bool
) -> Statement:
    """Return the statement that replaces one row, if it still has the revision `expected`.

    Its rows are those of `insert`, with a `field` that is empty where the row was replaced. The parameters
    `check_<column>` hold what a reference names where it has changed, and what is empty elsewhere; `row_shape` is
    that of the bytes.
    """
    checked = [table.columns[name] for name in references]
    more = [sa.bindparam(CHECK + column.name, type_=column.type).label(_CHECK + column.name) for column in checked]
    more.append(sa.bindparam("event_before", type_=sa.LargeBinary()).label(_BEFORE))
    if table.redact is None:
        # Empty but for a row that holds fields of another contract, which an event may not show.
        more.append(sa.bindparam("event_after", type_=sa.LargeBinary()).label(_AFTER))
    given = _one(table, more)
    missing = _missing(_references(table, given, references, _CHECK), given)
    target, name = table.table, table.columns["name"]
    changed: dict[str, Any] = {column.name: given.c[column.name] for column in table.columns.values()}
    shape = sa.bindparam("row_shape", type_=sa.BigInteger())
    changed |= {"message": given.c["message"], "shape": shape, "written_at": sa.literal_column("now()")}
    written = (
        sa.update(target)
        .where(visible(table), name == given.c[name.name], _as_expected(table))
        .where(_TRUE if missing is None else ~sa.exists(sa.select(1).select_from(missing)))
        .values({**changed, "revision": target.c["revision"] + 1})
        .returning(target.c["revision"].label("revision"))
        .cte("written")
    )
    after = sa.func.coalesce(given.c[_AFTER], given.c["message"])
    said = {"revision": written.c.revision, "before": given.c[_BEFORE], "after": after}
    event = _event(service, table, "updated", given, said)
    return _changing(table, service, written, missing, event(_TRUE), remembered=remembered)


def delete(table: RecordTable, service: ServiceTables, *, remembered: bool) -> Statement:
    """Return the statement that removes one row, if it still has the revision `expected`; its rows are of `update`."""
    target, name = table.table, table.columns["name"]
    given = sa.select(
        sa.bindparam(INPUT + name.name, type_=name.type).label(name.name),
        sa.bindparam("event_before", type_=sa.LargeBinary()).label(_BEFORE),
    ).cte("input")
    written = (
        sa.delete(target)
        .where(visible(table), name == given.c[name.name], _as_expected(table))
        .returning((target.c["revision"] + 1).label("revision"))
        .cte("written")
    )
    said = {"revision": written.c.revision, "before": given.c[_BEFORE]}
    event = _event(service, table, "deleted", given, said)
    return _changing(table, service, written, None, event(_TRUE), remembered=remembered)


def current(table: RecordTable) -> Statement:
    """Return the statement that reads the row of a name in order to change it: `message`, `revision` and `shape`."""
    columns = table.table.columns
    chosen = sa.select(columns["message"], columns["revision"], columns["shape"])
    found = chosen.where(visible(table), _is_named(table))
    return scoped(table, found, writes=True)


def presence(table: RecordTable) -> Statement:
    """Return the statement that has a row if the row of a name is there for the caller."""
    return scoped(table, sa.select(sa.literal_column("1").label("there")).where(visible(table), _is_named(table)))


def recall(service: ServiceTables) -> str:
    """Return the text that reads what was answered, for organization, subject, method and request id."""
    where = "organization = $1 AND subject = $2 AND method = $3 AND request_id = $4"
    table = f'"{service.request_ids.schema}".request_ids'
    return f"SELECT request_hash, response FROM {table} WHERE {where}"


def remember(service: ServiceTables) -> str:
    """Return the text that keeps an answer by itself; it takes what `recall` does, the hash and the response."""
    table = f'"{service.request_ids.schema}".request_ids'
    columns = "organization, subject, method, request_id, request_hash, response"
    return f"INSERT INTO {table} ({columns}) VALUES ($1, $2, $3, $4, $5, $6)"


def _is_named(table: RecordTable) -> sa.ColumnElement[bool]:
    name = table.columns["name"]
    return name == sa.bindparam(INPUT + name.name, type_=sa.Text())


def _as_expected(table: RecordTable) -> sa.ColumnElement[bool]:
    return table.table.columns["revision"] == sa.bindparam("expected", type_=sa.BigInteger())


def _shape(table: RecordTable) -> sa.ColumnElement[Any]:
    return sa.literal_column(f"{table.shape}::bigint", sa.BigInteger())


def _after(table: RecordTable, given: sa.CTE) -> sa.ColumnElement[Any]:
    return given.c["message"] if table.redact is None else given.c[_AFTER]


def _one(table: RecordTable, more: Sequence[sa.ColumnElement[Any]] = ()) -> sa.CTE:
    """Give one row as parameters, `in_<column>` each, and `more` beside them."""
    given = [sa.bindparam(INPUT + name, type_=column.type).label(name) for name, column in input_columns(table).items()]
    if table.redact is not None:
        given.append(sa.bindparam("event_after", type_=sa.LargeBinary()).label(_AFTER))
    return sa.select(_FIRST.label(_ORDINAL), *given, *more).cte("input")


def _many(table: RecordTable) -> sa.CTE:
    """Give many rows as one array per column; a list is given as the text of its array, since arrays do not nest."""
    wanted = {name: column.type for name, column in input_columns(table).items()}
    parameters = {name: INPUT + name for name in wanted}
    if table.redact is not None:
        wanted[_AFTER], parameters[_AFTER] = sa.LargeBinary(), "event_after"
    sent = {name: sa.Text() if isinstance(kind, ARRAY | JSONB) else _plain(kind) for name, kind in wanted.items()}
    rows = (
        sa.func.unnest(*(sa.bindparam(parameters[name], type_=ARRAY(kind)) for name, kind in sent.items()))
        .table_valued(*(sa.column(name, kind) for name, kind in sent.items()), with_ordinality=_ORDINAL, name="given")
        .render_derived()
    )
    columns = [_as_column(rows.c[name], kind).label(name) for name, kind in wanted.items()]
    return sa.select((rows.c[_ORDINAL] - sa.literal_column("1")).label(_ORDINAL), *columns).cte("input")


def _as_column(value: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    if isinstance(kind, ARRAY):
        return sa.cast(value, ARRAY(_plain(kind.item_type)))
    if isinstance(kind, JSONB):
        return sa.cast(value, JSONB())
    return sa.collate(value, "C") if isinstance(kind, sa.Text) else value


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the type without its collation, which a cast cannot carry."""
    return sa.Text() if isinstance(kind, sa.Text) else kind


def _references(
    table: RecordTable, given: sa.CTE, references: Mapping[str, RecordTable], prefix: str = ""
) -> list[Wanted]:
    return [(name, given.c[prefix + table.columns[name].name], target) for name, target in references.items()]


def _parents(given: sa.CTE, table: RecordTable) -> list[Wanted]:
    seen = {parent.column: parent.table for parent in table.parents}
    return [(PARENT, given.c[column], target) for column, target in seen.items()]


def _missing(wanted: Sequence[Wanted], given: sa.CTE) -> sa.CTE | None:
    """Select what is referred to and is not there, or not for this caller."""
    if not wanted:
        return None
    found = []
    for number, (name, column, target) in enumerate(wanted):
        source: sa.FromClause = given
        value = column
        if isinstance(column.type, ARRAY):
            each = sa.func.unnest(column, type_=sa.Text()).column_valued(f"each_{number}")
            listed = sa.lateral(sa.select(sa.collate(each, "C").label("value"))).alias(f"listed_{number}")
            source, value = given.join(listed, _TRUE), listed.c.value
        there = target.table.alias(f"target_{number}")
        exists = sa.exists(
            sa.select(1).select_from(there).where(visible(target, there), _named(target, there) == value)
        )
        label = sa.literal_column(f"'{name}'", sa.Text()).label("field")
        unset: sa.ColumnElement[Any] = sa.literal_column("''")
        found.append(
            sa.select(given.c[_ORDINAL].label("ordinal"), label).select_from(source).where(value != unset, ~exists)
        )
    return sa.union_all(*found).cte("missing")


def _named(table: RecordTable, rows: sa.FromClause) -> sa.ColumnElement[Any]:
    return rows.c[table.columns["name"].name]


def _event(
    service: ServiceTables, table: RecordTable, verb: str, given: sa.CTE, said: Mapping[str, sa.ColumnElement[Any]]
) -> Any:
    """Return what makes the insert of an event for each row that is given, under a condition."""
    values: dict[str, Any] = {
        "occurred_at": sa.bindparam("event_time", type_=sa.TIMESTAMP(timezone=True)),
        "organization": belonging(table)["organization"],
        "actor": sa.bindparam("event_actor", type_=sa.Text()),
        "type": sa.literal_column(f"'{table.record.type}.{verb}'", sa.Text()),
        "subject": given.c[table.columns["name"].name],
        "request_id": sa.bindparam("event_request_id", type_=sa.Text()),
        "trace": sa.bindparam("event_trace", type_=sa.Text()),
        **said,
    }

    def under(condition: sa.ColumnElement[bool]) -> sa.CTE:
        rows = (
            sa.select(*values.values()).where(condition).order_by(*([given.c[_ORDINAL]] if _ORDINAL in given.c else []))
        )
        return sa.insert(service.outbox).from_select([*values], rows, include_defaults=False).cte("event")

    return under


def _remember(service: ServiceTables, condition: sa.ColumnElement[bool]) -> sa.CTE:
    """Keep the answer to a request that carries an id, once."""
    names = {"organization": "caller_organization", "subject": "caller_subject"}
    kept = [column for column in service.request_ids.columns if column.server_default is None]
    values = {each.name: sa.bindparam(names.get(each.name, each.name), type_=each.type) for each in kept}
    rows = sa.select(*values.values()).where(condition)
    return sa.insert(service.request_ids).from_select([*values], rows, include_defaults=False).cte("request")


def _changing(
    table: RecordTable,
    service: ServiceTables,
    written: sa.CTE,
    missing: sa.CTE | None,
    event: sa.CTE,
    *,
    remembered: bool,
) -> Statement:
    kept = [_remember(service, sa.exists(sa.select(1).select_from(written)))] if remembered else []
    done: Any = sa.select(_FIRST.label("ordinal"), sa.literal_column("''").label("field")).select_from(written)
    rows: Any = done if missing is None else sa.union_all(done, sa.select(missing.c.ordinal, missing.c.field))
    return scoped(table, rows.add_cte(event, *kept), writes=True)
