"""Turns the records of a contract into the tables that keep them.

One row is one message: `message` holds the encoded protobuf, which is the truth, and one typed column per top-level
field is its index. Beside them stand the columns that the engine needs; a field of the same name moves aside (`owner_`).

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

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.chassis.contract import SYSTEM_ORGANIZATION, Behavior, Kind, Scope
from services.records.shapes import shape_of
from services.records.traits import redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from services.chassis.contract import Contract, Field, Record

MAX_KEY_LENGTH = 512
"""The most characters of a string that an index holds, unless the contract says less."""

MAX_IDENTIFIER = 63
"""The most bytes of a name in Postgres."""

OWN_COLUMNS = frozenset(
    {"organization", "owner", "parent", "parent_organization", "message", "revision", "shape", "written_at"}
)
"""Columns of the engine; a field of such a name gets an underscore behind it."""

OWN_TABLES = frozenset({"outbox", "request_ids", "tenon_migrations"})
"""Tables of the engine; a record of such a name gets an underscore behind it."""

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


class RecordError(ValueError):
    """A record that no table can keep: a mistake of the contract."""


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
    def is_global(self) -> bool:
        """Whether the rows belong to the system organization and are read by all."""
        return self.record.scope is Scope.GLOBAL


def schema_name(package: str) -> str:
    """Return the schema of a hosted package: `tenon.flightops.v1` is kept in `tenon_flightops_v1`."""
    return identifier(package.replace(".", "_"))


def identifier(text: str) -> str:
    """Return `text`, cut and hashed where Postgres would cut it in silence."""
    if len(text.encode()) <= MAX_IDENTIFIER:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{text[: MAX_IDENTIFIER - 11]}_{digest}"


def column_name(name: str) -> str:
    """Return the column of a field."""
    return identifier(f"{name}_" if name in OWN_COLUMNS else name)


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


def build_tables(contract: Contract, *, host: str, schema: str = "") -> dict[str, RecordTable]:
    """Return the tables of all records that a process keeps, by the full name of their message.

    `schema` is the one schema that holds them, or empty for one per package. Raises `RecordError`.
    """
    metadata = sa.MetaData()
    tables: dict[str, RecordTable] = {}
    hosted = [record for record in contract.records if record.host == host]
    taken: dict[str, str] = {}
    for record in _parents_first(hosted):
        where = schema or schema_name(record.package)
        table = _table_name(record)
        other = taken.setdefault(f"{where}.{table}", record.message)
        if other != record.message:
            raise RecordError(f"{record.message}: its plural is also that of {other}. Give one of them another plural.")
        tables[record.message] = _record_table(contract, record, metadata, where, table, tables)
    return tables


def parent_pattern(pattern: str) -> str:
    """Return the pattern of the parent, or an empty text at the top level."""
    segments = pattern.split("/")
    # A singleton (`users/{user}/settings`) ends in a literal, every other resource in a collection and an id.
    return "/".join(segments[:-2] if "{" in segments[-1] else segments[:-1])


def wire_type(field: FieldDescriptor) -> str:
    """Return how a field is encoded, such as `optional int32`: two fields of the same wire type read each other's bytes."""
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        key, value = (wire_type(inner.fields_by_name[part]) for part in ("key", "value"))
        return f"map {key} {value}"
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    if inner is not None and inner.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        kind = inner.name.lower()
    if field.is_repeated:
        return f"repeated {kind}"
    return f"optional {kind}" if field.has_presence and inner is None else kind


def _reserved(descriptor: Descriptor) -> tuple[range, ...]:
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    return tuple(range(each.start, each.end) for each in proto.reserved_range)


def _identity(record: Record) -> str:
    """Return the comment by which a migration knows the table again, whatever its name is."""
    known = {"message": record.message, "scope": record.scope.value, "patterns": list(record.patterns)}
    return json.dumps(known)


def _table_name(record: Record) -> str:
    return identifier(f"{record.plural}_" if record.plural in OWN_TABLES else record.plural)


def _parents_first(records: Sequence[Record]) -> list[Record]:
    """Order records so that a foreign key finds its target."""
    by_pattern = {pattern: record for record in records for pattern in record.patterns}
    ordered: dict[str, Record] = {}

    def visit(record: Record, path: tuple[str, ...]) -> None:
        if record.message in ordered:
            return
        if record.message in path:
            raise RecordError(f"{record.message}: it is its own ancestor. Remove one of the patterns {record.patterns}.")
        for pattern in record.patterns:
            parent = by_pattern.get(parent_pattern(pattern))
            if parent is not None and parent is not record:
                visit(parent, (*path, record.message))
        ordered[record.message] = record

    for record in records:
        visit(record, ())
    return list(ordered.values())


def _record_table(
    contract: Contract,
    record: Record,
    metadata: sa.MetaData,
    schema: str,
    name: str,
    tables: Mapping[str, RecordTable],
) -> RecordTable:
    patterns = [parent_pattern(pattern) for pattern in record.patterns]
    found = [(p, t) for p in patterns for t in tables.values() if p in t.record.patterns]
    several = len({t.record.message for _, t in found}) > 1
    links = [(p, t, identifier(f"parent_{t.record.singular}") if several else "parent") for p, t in found]
    message = GetMessageClass(contract.pool.FindMessageTypeByName(record.message))
    fields = message.DESCRIPTOR.fields_by_name
    columns = {f.name: c for f in record.fields if (c := _field_column(f, wire_type(fields[f.name]))) is not None}
    if "name" not in columns:
        raise RecordError(f"{record.message}: it has no field `name`. Add `string name = 1`.")
    own = list(_own_columns(record, any(patterns), nullable="" in patterns, links=[c for *_, c in links]))
    table = sa.Table(name, metadata, *own, *columns.values(), schema=schema, comment=_identity(record))
    table.append_constraint(sa.PrimaryKeyConstraint("organization", columns["name"].name, name=_named(name, "pkey")))
    for _, parent, column in dict.fromkeys((t.record.message, t, c) for _, t, c in links):
        _link_parent(table, record, parent, column)
    _add_indexes(table, record, columns)
    return RecordTable(
        record=record,
        message=message,
        table=table,
        columns=columns,
        shape=shape_of(message.DESCRIPTOR),
        limits=_limits(record),
        keys={_named(name, *key, "key"): key for key in record.unique},
        redact=redaction(message.DESCRIPTOR),
        reserved=_reserved(message.DESCRIPTOR),
        parents=tuple(Parent(pattern=p, table=t, column=c) for p, t, c in links),
        has_parent=any(patterns),
    )


def _field_column(field: Field, wire: str) -> sa.Column[Any] | None:
    kind = column_type(field)
    if kind is None:
        return None
    default = column_default(field)
    return sa.Column(
        column_name(field.name),
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


def _link_parent(table: sa.Table, record: Record, parent: RecordTable, column: str) -> None:
    if record.scope is Scope.GLOBAL and not parent.is_global:
        raise RecordError(f"{record.message}: a global record cannot have {parent.record.message} as its parent.")
    organization = "parent_organization" if parent.is_global else "organization"
    target = parent.table.columns
    table.append_constraint(
        sa.ForeignKeyConstraint(
            [organization, column],
            [target["organization"], target[parent.columns["name"].name]],
            name=_named(table.name, column, "fkey"),
        )
    )
    if column != "parent":
        sa.Index(_named(table.name, column, "idx"), table.columns["organization"], table.columns[column])


def _add_indexes(table: sa.Table, record: Record, columns: Mapping[str, sa.Column[Any]]) -> None:
    organization, name = table.columns["organization"], columns["name"]
    if "parent" in table.columns:
        sa.Index(_named(table.name, "parent", "idx"), organization, table.columns["parent"], name)
    if record.scope is Scope.OWNER:
        sa.Index(_named(table.name, "owner", "idx"), organization, table.columns["owner"], name)
    for key in record.unique:
        kept = _key_columns(record, columns, key)
        sa.Index(
            _named(table.name, *key, "key"),
            organization,
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
            sa.Index(_named(table.name, *key, "idx"), organization, *map(_ascending, kept), name)


def _ascending(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Order as `ordering` does, where what is unset comes first: only then does the index serve it."""
    return column.asc().nulls_first() if column.nullable else column


def _add_containment_index(table: sa.Table, key: Sequence[str], columns: Sequence[sa.Column[Any]]) -> None:
    """Index each list, map and message among the columns: only GIN finds what is inside them."""
    for name, column in zip(key, columns, strict=True):
        if isinstance(column.type, ARRAY | JSONB):
            sa.Index(_named(table.name, name, "gin"), column, postgresql_using="gin")


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


def _limits(record: Record) -> dict[str, int]:
    keyed = {name for key in (*record.unique, *record.index) for name in key}
    keyed |= {f.name for f in record.fields if f.reference or f.indexed or f.unique}
    return {
        f.name: min(MAX_KEY_LENGTH, f.max_length or MAX_KEY_LENGTH)
        for f in record.fields
        if f.kind is Kind.STRING and f.name in keyed and Behavior.IDENTIFIER not in f.behaviors
    }


def _named(*parts: str) -> str:
    return identifier("_".join(parts))
