"""The statements on many rows that one transaction has locked: they are rewritten or removed, each with its event.

WITH input AS (…the rows by name, with what is written…),
     missing AS (…references that do not exist, where they are looked at…),
     written AS (UPDATE or DELETE … unless anything is missing),
     event AS (INSERT INTO outbox … in the order of the input)
SELECT … FROM written, missing
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from services.records.schema.columns import INPUT
from services.records.scope import scoped, visible
from services.records.writing.missing import ORDINAL, missing_from, parents_of, referred_by
from services.records.writing.statements import (
    AFTER,
    BEFORE,
    CHECK,
    CHECKED,
    event_values,
    input_columns,
    is_deleted,
    many_rows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.records.schema.tables import RecordTable
    from services.records.scope import Statement
    from services.records.transactions.outbox import ServiceTables
    from services.records.writing.references import Nested

    Given = dict[str, tuple[str, sa.types.TypeEngine[Any]]]

_EXPECTED, _SHAPE, _WHOSE = "tenon_expected", "tenon_shape", "tenon_organization"
_BYTES, _NUMBER, _TEXT = sa.LargeBinary(), sa.BigInteger(), sa.Text(collation="C")


class Deletion(enum.Enum):
    """What a rewriting does to the mark that a row is deleted."""

    LEAVE = "leave"
    SET = "set"
    CLEAR = "clear"


def lock(table: RecordTable, *, deletes: bool, limit: int) -> Statement:
    """Return the statement that reads and locks the rows of `names`, in their order; `message` is NULL beyond `limit`.

    `limit` bounds the bytes of all messages together, so that no batch fills this process. Whoever `deletes` waits for
    those who refer to the rows just now, and has new ones wait.
    """
    columns, name = table.table.columns, table.columns["name"]
    owner = columns["owner"] if table.is_owned else sa.literal_column("''", _TEXT).label("owner")
    named = name == sa.any_(sa.bindparam("names", type_=sa.ARRAY(sa.Text())))
    chosen = [columns["organization"], name.label("name"), owner, columns["message"], columns["revision"]]
    found = sa.select(*chosen, columns["shape"], is_deleted(table)).where(visible(table), named).order_by(name)
    locked = found.with_for_update(key_share=not deletes).cte("locked")
    size = sa.func.sum(sa.func.octet_length(locked.c.message)).over()
    message = sa.case((size <= sa.literal_column(str(limit)), locked.c.message)).label("message")
    rest = [column for column in locked.c if column.name != "message"]
    rest.append(sa.func.octet_length(locked.c.message).label("size"))
    return scoped(table, sa.select(message, *rest), writes=True)


def fetch(table: RecordTable) -> Statement:
    """Return the statement that reads rows which are locked already, by `row_organization` and `in_<name>`."""
    given = many_rows(_named(table, beyond=True))
    columns = table.table.columns
    chosen = [columns["organization"], table.columns["name"].label("name"), columns["message"], columns["revision"]]
    found = sa.select(*chosen, columns["shape"]).where(_meets(table, given, beyond=True))
    return scoped(table, found.order_by(given.c[ORDINAL]), writes=True, beyond=True)


def rewrite(
    table: RecordTable,
    service: ServiceTables,
    references: Mapping[str, RecordTable],
    nested: Nested | None,
    *,
    verb: str,
    deletion: Deletion = Deletion.LEAVE,
    beyond: bool = False,
) -> Statement:
    """Return the statement that replaces rows; `verb` names their events.

    Its rows are those of `statements.update`, numbered as the input. `nested` None says that nobody looks at
    references. One that takes a deletion back looks at the parents too.
    """
    given = many_rows(_rewritten(table, references if nested is not None else {}, beyond=beyond))
    missing = None
    if nested is not None:
        wanted = referred_by(table, given, references, CHECKED)
        wanted += parents_of(given, table) if deletion is Deletion.CLEAR else []
        missing = missing_from(wanted, nested, given)
    target = table.table
    changed: dict[str, Any] = {column.name: given.c[column.name] for column in table.columns.values()}
    changed |= {"message": given.c["message"], "shape": given.c[_SHAPE], "revision": target.c["revision"] + 1}
    changed |= {"written_at": sa.literal_column("now()"), **_marks(deletion)}
    written = (
        sa.update(target)
        .where(_meets(table, given, beyond=beyond), target.c["revision"] == given.c[_EXPECTED])
        .where(sa.true() if missing is None else ~sa.exists(sa.select(1).select_from(missing)))
        .values(changed)
        .returning(*_returned(table, given), target.c["revision"].label("revision"))
        .cte("written")
    )
    after = sa.func.coalesce(given.c[AFTER], given.c["message"])
    event = _event(table, service, verb, given, written, said={"before": given.c[BEFORE], "after": after})
    done: Any = _done(written)
    rows: Any = done if missing is None else sa.union_all(done, sa.select(*missing.c))
    return scoped(table, rows.add_cte(event), writes=True, beyond=beyond)


def remove(table: RecordTable, service: ServiceTables, *, verb: str) -> Statement:
    """Return the statement that removes rows for good; an event holds the row's own bytes where none are given."""
    wanted = _named(table, beyond=True) | {BEFORE: ("event_before", _BYTES), _EXPECTED: ("expected", _NUMBER)}
    given = many_rows(wanted)
    target = table.table
    before = sa.func.coalesce(given.c[BEFORE], target.c["message"]).label("before")
    revision = (target.c["revision"] + 1).label("revision")
    written = (
        sa.delete(target)
        .where(_meets(table, given, beyond=True), target.c["revision"] == given.c[_EXPECTED])
        .returning(*_returned(table, given), revision, before)
        .cte("written")
    )
    event = _event(table, service, verb, given, written, said={"before": written.c.before})
    return scoped(table, _done(written).add_cte(event), writes=True, beyond=True)


def _named(table: RecordTable, *, beyond: bool) -> Given:
    name = table.columns["name"].name
    wanted: Given = {name: (INPUT + name, _TEXT)}
    return wanted | {_WHOSE: ("row_organization", _TEXT)} if beyond else wanted


def _rewritten(table: RecordTable, checked: Mapping[str, RecordTable], *, beyond: bool) -> Given:
    wanted: Given = {name: (INPUT + name, column.type) for name, column in input_columns(table).items()}
    for field in checked:
        column = table.columns[field]
        wanted[CHECKED + column.name] = CHECK + column.name, column.type
    wanted |= _named(table, beyond=beyond)
    wanted |= {BEFORE: ("event_before", _BYTES), AFTER: ("event_after", _BYTES)}
    return wanted | {_EXPECTED: ("expected", _NUMBER), _SHAPE: ("row_shape", _NUMBER)}


def _meets(table: RecordTable, given: sa.CTE, *, beyond: bool) -> sa.ColumnElement[bool]:
    name = table.columns["name"]
    whose = table.table.c["organization"] == given.c[_WHOSE] if beyond else visible(table)
    return sa.and_(whose, name == given.c[name.name])


def _marks(deletion: Deletion) -> dict[str, Any]:
    if deletion is Deletion.LEAVE:
        return {}
    if deletion is Deletion.CLEAR:
        return {"deleted_at": sa.null(), "purge_at": sa.null()}
    moment = sa.TIMESTAMP(timezone=True)
    return {"deleted_at": sa.bindparam("event_time", type_=moment), "purge_at": sa.bindparam("purge_at", type_=moment)}


def _returned(table: RecordTable, given: sa.CTE) -> list[sa.ColumnElement[Any]]:
    own = [table.table.c["organization"], *([table.table.c["owner"]] if table.is_owned else [])]
    return [given.c[ORDINAL].label("ordinal"), *own]


def _done(written: sa.CTE) -> Any:
    empty: sa.ColumnElement[Any] = sa.literal_column("''", sa.Text())
    return sa.select(written.c.ordinal, empty.label("field"), empty.label("resource")).select_from(written)


def _event(
    table: RecordTable,
    service: ServiceTables,
    verb: str,
    given: sa.CTE,
    written: sa.CTE,
    *,
    said: Mapping[str, sa.ColumnElement[Any]],
) -> sa.CTE:
    """Return the insert of an event for each row that was written, in the order of the input."""
    own = {name: written.c[name] for name in ("organization", "owner") if name in written.c}
    subject = given.c[table.columns["name"].name]
    values = {**event_values(table, verb), **own, "subject": subject, "revision": written.c.revision, **said}
    joined = written.join(given, written.c.ordinal == given.c[ORDINAL])
    rows = sa.select(*values.values()).select_from(joined).order_by(written.c.ordinal)
    return sa.insert(service.outbox).from_select([*values], rows, include_defaults=False).cte("event")
