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

from services.records.schema.columns import INPUT
from services.records.scope import belonging, scoped, visible
from services.records.writing.missing import ORDINAL, missing_from, parents_of, referred_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.transactions.outbox import ServiceTables
    from services.records.writing.references import Nested

# Beside the columns, the rows that are given have these; a field cannot have such a name by accident.
BEFORE, AFTER, CHECKED = "tenon_before", "tenon_after", "tenon_check_"

CHECK = "check_"
"""Parameters that hold a changed reference begin with this, and go on with the column's name."""

_SET_HERE = frozenset(
    {"organization", "owner", "revision", "shape", "written_at", "parent_organization", "deleted_at", "purge_at"}
)
_FIRST = sa.literal_column("0", sa.BigInteger())
_TRUE = sa.true()


def input_columns(table: RecordTable) -> dict[str, sa.Column[Any]]:
    """Return the columns whose values come with a row, by their name: all but those that the statement sets."""
    return {
        column.name: column
        for column in table.table.columns
        if column.name not in _SET_HERE and column.computed is None
    }


def insert(
    table: RecordTable,
    service: ServiceTables,
    references: Mapping[str, RecordTable],
    nested: Nested,
    *,
    many: bool,
    remembered: bool,
) -> Statement:
    """Return the statement that adds one row, or `many` of them at once.

    Its rows are `ordinal` of the input row, `field` that names what does not exist, and its `resource`; with any,
    nothing is written.
    """
    given = _many(table) if many else _one(table)
    missing = missing_from(
        [*referred_by(table, given, references), *parents_of(given, table)], nested, given, many=many
    )
    complete = _TRUE if missing is None else ~sa.exists(sa.select(1).select_from(missing))
    names = [*input_columns(table)]
    own = {**belonging(table), "revision": sa.literal_column("1", sa.BigInteger()), "shape": _shape(table)}
    rows = sa.select(*own.values(), *(given.c[name] for name in names)).where(complete)
    insertion = sa.insert(table.table).from_select([*own, *names], rows, include_defaults=False)
    written = insertion.returning(sa.literal_column("1").label("one")).cte("written")
    # Counted, so that an event gets its number when its row is there: a row may have to wait for the end of a deletion.
    done = sa.select(sa.func.count()).select_from(written).scalar_subquery() > sa.literal_column("0")
    event = _event(service, table, "created", given, {"revision": own["revision"], "after": _after(table, given)})
    chosen = _nothing().where(sa.false()) if missing is None else sa.select(*missing.c)
    kept = [_remember(service, done)] if remembered else []
    return scoped(table, chosen.add_cte(written, event(done), *kept), writes=True)


def update(
    table: RecordTable,
    service: ServiceTables,
    references: Mapping[str, RecordTable],
    nested: Nested,
    *,
    remembered: bool,
    verb: str = "updated",
) -> Statement:
    """Return the statement that replaces one row, if it still has the revision `expected`; `verb` names its event.

    Its rows are those of `insert`, with a `field` that is empty where the row was replaced. The parameters
    `check_<column>` hold what a reference names where it has changed, and what is empty elsewhere; `row_shape` is
    that of the bytes.
    """
    checked = [table.columns[name] for name in references]
    more = [sa.bindparam(CHECK + column.name, type_=column.type).label(CHECKED + column.name) for column in checked]
    more.append(sa.bindparam("event_before", type_=sa.LargeBinary()).label(BEFORE))
    if table.redact is None:
        # Empty but for a row that holds fields of another contract, which an event may not show.
        more.append(sa.bindparam("event_after", type_=sa.LargeBinary()).label(AFTER))
    given = _one(table, more)
    missing = missing_from(referred_by(table, given, references, CHECKED), nested, given)
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
    after = sa.func.coalesce(given.c[AFTER], given.c["message"])
    said = {"revision": written.c.revision, "before": given.c[BEFORE], "after": after}
    event = _event(service, table, verb, given, said)
    return _changing(table, service, written, missing, event(_TRUE), remembered=remembered)


def delete(table: RecordTable, service: ServiceTables, *, remembered: bool) -> Statement:
    """Return the statement that removes one row, if it still has the revision `expected`; its rows are of `update`.

    It is for records that nothing can refer to and that are not kept; `removing` has all others.
    """
    target, name = table.table, table.columns["name"]
    given = sa.select(
        sa.bindparam(INPUT + name.name, type_=name.type).label(name.name),
        sa.bindparam("event_before", type_=sa.LargeBinary()).label(BEFORE),
    ).cte("input")
    written = (
        sa.delete(target)
        .where(visible(table), name == given.c[name.name], _as_expected(table))
        .returning((target.c["revision"] + 1).label("revision"))
        .cte("written")
    )
    said = {"revision": written.c.revision, "before": given.c[BEFORE]}
    event = _event(service, table, "deleted", given, said)
    return _changing(table, service, written, None, event(_TRUE), remembered=remembered)


def current(table: RecordTable) -> Statement:
    """Return the statement that reads the row of a name in order to change it.

    Its columns are `message`, `revision`, `shape`, and `deleted`: whether it is deleted and kept.
    """
    columns = table.table.columns
    chosen = sa.select(columns["message"], columns["revision"], columns["shape"], is_deleted(table))
    found = chosen.where(visible(table), _is_named(table))
    return scoped(table, found, writes=True)


def is_deleted(table: RecordTable, rows: sa.FromClause | None = None) -> sa.ColumnElement[bool]:
    """Return the column `deleted`: whether a row is deleted and kept."""
    columns = table.table.columns if rows is None else rows.c
    return (columns["deleted_at"].is_not(None) if table.is_soft else sa.false()).label("deleted")


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


def _nothing() -> sa.Select[Any]:
    """Select one row of the columns that say what is missing, with nothing in them."""
    empty: sa.ColumnElement[Any] = sa.literal_column("''", sa.Text())
    return sa.select(_FIRST.label("ordinal"), empty.label("field"), empty.label("resource"))


def _is_named(table: RecordTable) -> sa.ColumnElement[bool]:
    name = table.columns["name"]
    return name == sa.bindparam(INPUT + name.name, type_=sa.Text())


def _as_expected(table: RecordTable) -> sa.ColumnElement[bool]:
    return table.table.columns["revision"] == sa.bindparam("expected", type_=sa.BigInteger())


def _shape(table: RecordTable) -> sa.ColumnElement[Any]:
    return sa.literal_column(f"{table.shape}::bigint", sa.BigInteger())


def _after(table: RecordTable, given: sa.CTE) -> sa.ColumnElement[Any]:
    return given.c["message"] if table.redact is None else given.c[AFTER]


def _one(table: RecordTable, more: Sequence[sa.ColumnElement[Any]] = ()) -> sa.CTE:
    """Give one row as parameters, `in_<column>` each, and `more` beside them."""
    given = [sa.bindparam(INPUT + name, type_=column.type).label(name) for name, column in input_columns(table).items()]
    if table.redact is not None:
        given.append(sa.bindparam("event_after", type_=sa.LargeBinary()).label(AFTER))
    return sa.select(_FIRST.label(ORDINAL), *given, *more).cte("input")


def _many(table: RecordTable) -> sa.CTE:
    """Give many new rows, `in_<column>` each."""
    wanted = {name: (INPUT + name, column.type) for name, column in input_columns(table).items()}
    if table.redact is not None:
        wanted[AFTER] = "event_after", sa.LargeBinary()
    return many_rows(wanted)


def many_rows(wanted: Mapping[str, tuple[str, sa.types.TypeEngine[Any]]]) -> sa.CTE:
    """Give many rows as one array per column, by name the parameter and the type, numbered from 0.

    A list is given as the text of its array, since arrays do not nest.
    """
    sent = {name: sa.Text() if isinstance(kind, ARRAY | JSONB) else _plain(kind) for name, (_, kind) in wanted.items()}
    rows = (
        sa.func.unnest(*(sa.bindparam(wanted[name][0], type_=ARRAY(kind)) for name, kind in sent.items()))
        .table_valued(*(sa.column(name, kind) for name, kind in sent.items()), with_ordinality=ORDINAL, name="given")
        .render_derived()
    )
    columns = [_as_column(rows.c[name], kind).label(name) for name, (_, kind) in wanted.items()]
    return sa.select((rows.c[ORDINAL] - sa.literal_column("1")).label(ORDINAL), *columns).cte("input")


def _as_column(value: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    if isinstance(kind, ARRAY):
        return sa.cast(value, ARRAY(_plain(kind.item_type)))
    if isinstance(kind, JSONB):
        return sa.cast(value, JSONB())
    return sa.collate(value, "C") if isinstance(kind, sa.Text) else value


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the type without its collation, which a cast cannot carry."""
    return sa.Text() if isinstance(kind, sa.Text) else kind


def _event(
    service: ServiceTables, table: RecordTable, verb: str, given: sa.CTE, said: Mapping[str, sa.ColumnElement[Any]]
) -> Any:
    """Return what makes the insert of an event for each row that is given, under a condition."""
    subject = given.c[table.columns["name"].name]
    values = {**event_values(table, verb), **belonging(table), "subject": subject, **said}

    def under(condition: sa.ColumnElement[bool]) -> sa.CTE:
        rows = (
            sa.select(*values.values()).where(condition).order_by(*([given.c[ORDINAL]] if ORDINAL in given.c else []))
        )
        return sa.insert(service.outbox).from_select([*values], rows, include_defaults=False).cte("event")

    return under


def event_values(table: RecordTable, verb: str) -> dict[str, sa.ColumnElement[Any]]:
    """Return what all events of a call have in common, by column of the outbox; `Writer.event` gives the values."""
    return {
        "occurred_at": sa.bindparam("event_time", type_=sa.TIMESTAMP(timezone=True)),
        "actor": sa.bindparam("event_actor", type_=sa.Text()),
        "type": sa.literal_column(f"'{table.record.type}.{verb}'", sa.Text()),
        "request_id": sa.bindparam("event_request_id", type_=sa.Text()),
        "trace": sa.bindparam("event_trace", type_=sa.Text()),
    }


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
    done: Any = _nothing().select_from(written)
    rows: Any = done if missing is None else sa.union_all(done, sa.select(*missing.c))
    return scoped(table, rows.add_cte(event, *kept), writes=True)
