"""Turns the records of a contract into the tables that keep them.

One row is one message: `message` holds the encoded protobuf, which is the truth, and one typed column per top-level
field is its index. Beside them stand the columns that the engine needs; a field of such a name moves aside (`owner_`).

    field                                   column
    ─────────────────────────────────────   ──────────────────────────────────────────────────────────────
    scalar without presence                 typed, NOT NULL, holding the default
    `optional`, member of a oneof           typed, NULL when unset
    string                                  text COLLATE "C"
    enum; uint32; uint64; bytes             integer; bigint; numeric(20); none
    Timestamp; Duration                     timestamptz; bigint of microseconds; NULL when unset
    repeated of these                       array, NOT NULL, empty by default
    message; map; repeated message          jsonb (see `documents`): NULL when unset; `{}`; `[]`
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.chassis.contract import SYSTEM_ORGANIZATION, Kind, Scope
from services.records.migrating.adapting import names_of
from services.records.schema.indexes import RecordError, add_indexes, add_reference_indexes, text_limits
from services.records.schema.naming import column_name, identifier, named, parent_pattern, schema_name, table_name
from services.records.schema.shapes import outline_of, reserved_of, shape_of, wire_type
from services.records.schema.traits import redaction
from services.records.schema.vectors import add_vector
from services.records.writing.references import Nested, references_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.contract import Contract, Field, Record
    from services.records.migrating.catalogue import FoundTable

_SCALARS: Mapping[Kind, tuple[sa.types.TypeEngine[Any], str]] = {
    Kind.BOOL: (sa.Boolean(), "false"),
    Kind.INT32: (sa.Integer(), "0"),
    Kind.UINT32: (sa.BigInteger(), "0"),
    Kind.INT64: (sa.BigInteger(), "0"),
    Kind.UINT64: (sa.Numeric(20, 0), "0"),
    Kind.FLOAT: (sa.REAL(), "0"),
    Kind.DOUBLE: (sa.DOUBLE_PRECISION(), "0"),
    Kind.STRING: (sa.Text(collation="C"), "''"),
    Kind.ENUM: (sa.Integer(), "0"),
    Kind.TIMESTAMP: (sa.TIMESTAMP(timezone=True), ""),
    Kind.DURATION: (sa.BigInteger(), ""),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parent:
    """One type of parent that a record may have."""

    pattern: str
    """The parent's pattern, such as `airlines/{airline}`."""
    table: RecordTable
    """Where the parent is kept."""
    column: str
    """The column that holds the parent's name, or NULL where the parent is of another type."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RecordTable:
    """One record and the table that keeps it."""

    record: Record
    """What the contract says of it."""
    message: type[Message]
    """Class of the message, from the contract's own pool."""
    descriptor: Descriptor
    """Descriptor of the message, from the same pool."""
    table: sa.Table
    """The table; columns of the engine are reached by name, those of fields by `columns`."""
    columns: Mapping[str, sa.Column[Any]]
    """The column of each top-level field by the field's name; a field of bytes has none."""
    shape: int
    """Fingerprint of the fields that the contract has now."""
    limits: Mapping[str, int]
    """The most characters of each string field that an index holds."""
    keys: Mapping[str, tuple[str, ...]]
    """The fields of each unique key, by the name of its index."""
    redact: Callable[[Message], None] | None
    """Clears what events may not hold, or None where they may hold all."""
    reserved: tuple[range, ...]
    """The field numbers that the contract reserves."""
    parents: tuple[Parent, ...] = field(default=(), repr=False)
    """The types of parent that the same process keeps."""
    has_parent: bool = False
    """Whether there is a `parent` column."""

    @property
    def schema(self) -> str:
        """Name of the schema that the table is in."""
        return str(self.table.schema)

    @property
    def is_owned(self) -> bool:
        """Whether a row belongs to one subject."""
        return self.record.scope is Scope.OWNER

    @property
    def is_soft(self) -> bool:
        """Whether Delete hides a row and keeps it: then it has `deleted_at` and `purge_at`, NULL while it is live."""
        return self.record.soft_delete

    @property
    def is_global(self) -> bool:
        """Whether the rows belong to the system organization and are read by all."""
        return self.record.scope is Scope.GLOBAL


def column_type(field: Field) -> sa.types.TypeEngine[Any] | None:
    """Return the type of a field's column, or None where it has none."""
    if field.kind is Kind.BYTES:
        return None
    if field.kind in (Kind.MESSAGE, Kind.MAP):
        return JSONB()
    scalar = _SCALARS[field.kind][0]
    return ARRAY(scalar) if field.repeated else scalar


def column_default(field: Field) -> str | None:
    """Return the SQL text of a column's default, or None where the column may be NULL."""
    if field.kind is Kind.MAP:
        return "'{}'"
    if field.repeated:
        return "'[]'" if field.kind is Kind.MESSAGE else "'{}'"
    if field.presence or field.kind in (Kind.MESSAGE, Kind.TIMESTAMP, Kind.DURATION):
        return None
    return _SCALARS[field.kind][1]


def build_tables(
    contract: Contract, *, host: str, schema: str = "", found: Mapping[str, FoundTable] | None = None
) -> dict[str, RecordTable]:
    """Return the tables of all records that a process keeps, by the full name of their message.

    `schema` is the one schema that holds them, or empty for one per package. `found` are tables as they are, by
    message, where tables and columns are to be called as they are there. Raises `RecordError`.
    """
    metadata = sa.MetaData()
    tables: dict[str, RecordTable] = {}
    hosted = [record for record in contract.records if record.host == host]
    taken: dict[str, str] = {}
    for record in _parents_first(hosted):
        where = schema or schema_name(record.package)
        table = table_name(record)
        other = taken.setdefault(f"{where}.{table}", record.message)
        if other != record.message:
            raise RecordError(f"{record.message}: its plural is also that of {other}. Give one of them another plural.")
        there = (found or {}).get(record.message)
        empty = sa.Table(
            table if there is None else there.name,
            metadata,
            schema=where,
            comment=_identity(record, contract.pool.FindMessageTypeByName(record.message)),
        )
        tables[record.message] = _record_table(contract, record, empty, tables, names_of(there) if there else {})
    for made in tables.values():
        add_reference_indexes(made, references_of(made, tables), Nested(made, tables).inside)
    return tables


def _identity(record: Record, descriptor: Descriptor) -> str:
    """Return the comment by which a migration knows the table again, whatever its name is, and what its bytes hold."""
    known = {"message": record.message, "scope": record.scope.value, "patterns": list(record.patterns)}
    return json.dumps({**known, "outline": outline_of(descriptor)})


def _parents_first(records: Sequence[Record]) -> list[Record]:
    """Order records so that a foreign key finds its target."""
    by_pattern = {(record.package, pattern): record for record in records for pattern in record.patterns}
    ordered: dict[str, Record] = {}

    def visit(record: Record, path: tuple[str, ...]) -> None:
        if record.message in ordered:
            return
        if record.message in path:
            raise RecordError(f"{record.message}: it is its own ancestor. Remove one of its patterns.")
        for pattern in record.patterns:
            parent = by_pattern.get((record.package, parent_pattern(pattern)))
            if parent is not None and parent is not record:
                visit(parent, (*path, record.message))
        ordered[record.message] = record

    for record in records:
        visit(record, ())
    return list(ordered.values())


def _record_table(
    contract: Contract,
    record: Record,
    table: sa.Table,
    tables: Mapping[str, RecordTable],
    names: Mapping[int, str],
) -> RecordTable:
    """Fill an empty table with what keeps the record; `names` are columns as they are, by the number of the field."""
    name = table.name
    patterns = [parent_pattern(pattern) for pattern in record.patterns]
    # Two packages may use the same words: a parent is of the record's own.
    near = [t for t in tables.values() if t.record.package == record.package]
    found = [(p, t) for p in patterns for t in near if p in t.record.patterns]
    several = len({t.record.message for _, t in found}) > 1
    links = [(p, t, identifier(f"tenon_parent_{t.record.singular}") if several else "parent") for p, t in found]
    descriptor = contract.pool.FindMessageTypeByName(record.message)
    fields = descriptor.fields_by_name
    made = ((f, _field_column(f, wire_type(fields[f.name]), names.get(f.number, ""))) for f in record.fields)
    columns = {f.name: column for f, column in made if column is not None}
    if "name" not in columns:
        raise RecordError(f"{record.message}: it has no field `name`. Add `string name = 1`.")
    own = list(_own_columns(record, any(patterns), nullable="" in patterns, links=[c for *_, c in links]))
    for each in (*own, *columns.values()):
        table.append_column(each)
    table.append_constraint(sa.PrimaryKeyConstraint("organization", columns["name"].name, name=named(name, "pkey")))
    for parent, column in dict.fromkeys((t, c) for _, t, c in links):
        _link_parent(table, record, parent, column)
    everyones = {other.type for other in contract.records if other.scope is Scope.GLOBAL}
    keys = add_indexes(table, record, columns, shared=() if record.scope is Scope.GLOBAL else everyones)
    add_vector(table, record, columns)
    return RecordTable(
        record=record,
        message=GetMessageClass(descriptor),
        descriptor=descriptor,
        table=table,
        columns=columns,
        shape=shape_of(descriptor),
        limits=text_limits(record),
        keys=keys,
        redact=redaction(descriptor),
        reserved=reserved_of(descriptor),
        parents=tuple(Parent(pattern=p, table=t, column=c) for p, t, c in links),
        has_parent=any(patterns),
    )


def _field_column(field: Field, wire: str, name: str) -> sa.Column[Any] | None:
    kind = column_type(field)
    if kind is None:
        return None
    default = column_default(field)
    return sa.Column(
        name or column_name(field.name),
        kind,
        nullable=default is None,
        server_default=None if default is None else sa.text(default),
        comment=f"field:{field.number} {wire}",
    )


def _own_columns(record: Record, has_parent: bool, *, nullable: bool, links: Iterable[str]) -> Iterable[sa.Column[Any]]:
    text = sa.Text(collation="C")
    yield sa.Column("organization", text, nullable=False)
    if record.scope is Scope.OWNER:
        yield sa.Column("owner", text, nullable=False)
    if has_parent:
        yield sa.Column("parent", text, nullable=nullable)
        for link in dict.fromkeys(links):
            if link != "parent":
                yield sa.Column(link, text, nullable=True)
        # A foreign key needs the parent's organization, and that of a global parent is not the row's.
        yield sa.Column("parent_organization", text, nullable=False, server_default=SYSTEM_ORGANIZATION)
    yield sa.Column("message", sa.LargeBinary(), nullable=False)
    yield sa.Column("revision", sa.BigInteger(), nullable=False)
    yield sa.Column("shape", sa.BigInteger(), nullable=False)
    yield sa.Column("written_at", sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("now()"))
    if record.soft_delete:
        yield sa.Column("deleted_at", sa.TIMESTAMP(timezone=True), nullable=True)
        yield sa.Column("purge_at", sa.TIMESTAMP(timezone=True), nullable=True)


def _link_parent(table: sa.Table, record: Record, parent: RecordTable, column: str) -> None:
    if record.scope is Scope.GLOBAL and not parent.is_global:
        raise RecordError(f"{record.message}: a global record cannot have {parent.record.message} as its parent.")
    organization = "parent_organization" if parent.is_global else "organization"
    target = parent.table.columns
    table.append_constraint(
        sa.ForeignKeyConstraint(
            [organization, column],
            [target["organization"], target[parent.columns["name"].name]],
            name=named(table.name, column, "fkey"),
        )
    )
    if column != "parent":
        sa.Index(named(table.name, column, "idx"), table.columns["organization"], table.columns[column])
