"""What changes a table that is there into the one that the contract asks for, and which changes are refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateColumn, SetColumnComment, SetTableComment

from services.chassis.refusal import StartRefused
from services.records.catalogue import quoted
from services.records.shapes import outline_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.records.catalogue import FoundColumn, FoundTable
    from services.records.shapes import Outline
    from services.records.tables import RecordTable

DIALECT = PGDialect()
"""Writes the text of what is made, changed and noted."""

WIDENED = {
    ("int32", "int64"),
    ("uint32", "uint64"),
    ("uint32", "int64"),
    ("sint32", "sint64"),
    ("enum", "int32"),
    ("enum", "int64"),
    ("int32", "enum"),
}
"""Changes of a field's type that lose nothing: the bytes mean the same, and the column has room."""


class MigrationRefused(StartRefused):
    """The contract asks for what would lose data. `problems` says what, and how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take all that is refused."""
        super().__init__("The tables cannot follow the contract:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = tuple(problems)


def table_statements(table: RecordTable, found: FoundTable) -> tuple[list[str], list[str]]:
    """Return the statements that bring a table in step, and what is refused."""
    refused = _refuse_table(table, found)
    statements: list[str] = []
    if found.name != table.table.name:
        old = f"{quoted(table.schema)}.{quoted(found.name)}"
        statements.append(f"ALTER TABLE {old} RENAME TO {quoted(table.table.name)}")
    columns = _Columns(table, found)
    columns.compare()
    refused += _refuse_inside(table, found)
    if found.comment != table.table.comment:
        statements.append(str(SetTableComment(table.table).compile(dialect=DIALECT)))
    return statements + columns.renames() + columns.statements, refused + columns.refused


def index_statements(table: RecordTable, found: FoundTable, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the statements that bring a table's indexes in step. An index holds nothing that its table does not."""
    statements = []
    for name, fingerprint in sorted(found.indexes.items()):
        if name not in wanted or fingerprint not in wanted[name][-1] or not fingerprint:
            statements.append(f"DROP INDEX {quoted(table.schema)}.{quoted(name)}")
    for name, definition in sorted(wanted.items()):
        fingerprint = found.indexes.get(name, "")
        if not fingerprint or fingerprint not in definition[-1]:
            statements += definition
    return statements


def _refuse_table(table: RecordTable, found: FoundTable) -> list[str]:
    message, refused = table.record.message, []
    if found.scope != table.record.scope.value:
        refused.append(
            f"{message}: its scope was {found.scope} and is now {table.record.scope.value}: nobody could tell whose "
            f"the rows are. Keep the scope {found.scope}, or move the rows to another message."
        )
    before, after = ([_shape(pattern) for pattern in patterns] for patterns in (found.patterns, table.record.patterns))
    if after[: len(before)] != before:
        refused.append(
            f"{message}: its patterns were {', '.join(found.patterns)}: the names of its rows would be lost. "
            "Keep them in this order and add a new pattern at the end."
        )
    return refused


def _refuse_inside(table: RecordTable, found: FoundTable) -> list[str]:
    """Refuse what loses values that no column shows: those of bytes, and those in messages at any depth."""
    if not found.outline:
        return []
    wanted = outline_of(table.descriptor)
    refused: list[str] = []
    pending = [(0, 0, table.record.message)]
    seen = {(0, 0)}
    while pending:
        old, new, where = pending.pop(0)
        for number, (name, wire, inner) in found.outline[old]["fields"].items():
            now = wanted[new]["fields"].get(number)
            here = f"{where}.{name if now is None else now[0]}"
            # Of the record's own fields, those with a column are compared by it.
            if old or _has_no_column(wire):
                refused += _refuse_field(here, int(number), wire, now, wanted[new]["reserved"])
            if now is not None and inner is not None and now[2] is not None and (inner, now[2]) not in seen:
                seen.add((inner, now[2]))
                pending.append((inner, now[2], here))
    return refused


def stale_fields(table: RecordTable, found: FoundTable) -> set[str]:
    """Return the fields whose columns no longer hold what the same bytes now stand for.

    These are documents in which a field has another name or presence, or is gone so that its name is free for another;
    and fields that come back, since rows were written without them.
    """
    retired = {column.number for column in found.columns if column.is_retired}
    stale = {field.name for field in table.record.fields if field.number in retired and field.name in table.columns}
    if not found.outline:
        return stale
    wanted = outline_of(table.descriptor)
    for number, (_, _, inner) in found.outline[0]["fields"].items():
        now = wanted[0]["fields"].get(number)
        if now is not None and None not in (inner, now[2]) and _reads_differently(found.outline, inner, wanted, now[2]):
            stale.add(now[0])
    return stale & set(table.columns)


def _reads_differently(before: Outline, old: int, after: Outline, new: int) -> bool:
    pending, seen = [(old, new)], {(old, new)}
    for one, other in pending:  # grows while it is walked
        for number, (name, wire, inner) in before[one]["fields"].items():
            now = after[other]["fields"].get(number)
            if now is None or now[0] != name or now[1].startswith("optional ") != wire.startswith("optional "):
                return True
            if None not in (inner, now[2]) and (inner, now[2]) not in seen:
                seen.add((inner, now[2]))
                pending.append((inner, now[2]))
    return False


def _has_no_column(wire: str) -> bool:
    """Whether fields that are encoded so have no column."""
    return wire.rpartition(" ")[2] == "bytes" and not wire.startswith("map ")


def _refuse_field(where: str, number: int, wire: str, now: Any, reserved: Sequence[Sequence[int]]) -> list[str]:
    """Refuse a field that is gone, or holds something else."""
    if now is None:
        if any(start <= number < stop for start, stop in reserved):
            return []
        name = where.rpartition(".")[2]
        mend = f'Put it back, or write `reserved {number}; reserved "{name}";` to keep them out of sight.'
        return [f"{where}: the field {number} is gone: its values would be lost. {mend}"]
    return [] if _keeps_values(wire, now[1]) else [_refuse_type(where, wire, now[1])]


def _keeps_values(before: str, after: str) -> bool:
    """Whether a field of one wire type can become one of another, and no value of it is lost."""
    plain = before.removeprefix("optional "), after.removeprefix("optional ")
    was_optional, is_optional = before.startswith("optional "), after.startswith("optional ")
    return (plain[0] == plain[1] or plain in WIDENED) and (is_optional or not was_optional)


def _refuse_type(where: str, before: str, after: str) -> str:
    """Say why a field cannot change its type."""
    if before.removeprefix("optional ") == after.removeprefix("optional "):
        return f"{where}: it was `{before}` and is now `{after}`: whether it was set would be lost. Keep `optional`."
    return (
        f"{where}: it was `{before}` and is now `{after}`: its values would be lost. "
        "Keep the type, or add a new field with a new number."
    )


def _shape(pattern: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", pattern)


class _Columns:
    """Compares the columns of one table."""

    def __init__(self, table: RecordTable, found: FoundTable) -> None:
        self.table = table
        self.name = f"{quoted(table.schema)}.{quoted(table.table.name)}"
        self.found = found
        self.statements: list[str] = []
        self.refused: list[str] = []
        self._renamed: dict[str, str] = {}

    def compare(self) -> None:
        """Find all that differs."""
        by_number = {column.number: column for column in self.found.columns if column.number is not None}
        names = {column.name for column in self.found.columns if column.number is None}
        wanted = {field.number: field.name for field in self.table.record.fields if field.name in self.table.columns}
        for column in self.table.table.columns:
            if not (column.comment or "").startswith("field:") and column.name not in names:
                self.refused.append(
                    f"{self.table.record.message}: its rows have no `{column.name}`, and nobody could tell what it is. "
                    "Keep the scope and the patterns as they were."
                )
        for number, name in wanted.items():
            if number in by_number:
                self._change(name, by_number[number])
            else:
                self._add(self.table.columns[name])
        for number, gone in by_number.items():
            if number not in wanted and not gone.is_retired:
                self._retire(number, gone)

    def renames(self) -> list[str]:
        """Return the renames; where names are swapped, by way of names that nobody has."""
        taken = {column.name for column in self.found.columns}
        if taken.isdisjoint(self._renamed.values()):
            return [self._rename(old, new) for old, new in self._renamed.items()]
        aside = {old: f"tenon_moving_{index}" for index, old in enumerate(self._renamed)}
        away = [self._rename(old, by) for old, by in aside.items()]
        return away + [self._rename(aside[old], new) for old, new in self._renamed.items()]

    def _rename(self, old: str, new: str) -> str:
        return f"ALTER TABLE {self.name} RENAME COLUMN {quoted(old)} TO {quoted(new)}"

    def _add(self, column: sa.Column[object]) -> None:
        definition = str(CreateColumn(column).compile(dialect=DIALECT))
        self.statements.append(f"ALTER TABLE {self.name} ADD COLUMN {definition}")
        self.statements.append(str(SetColumnComment(column).compile(dialect=DIALECT)))

    def _change(self, field: str, found: FoundColumn) -> None:
        column = self.table.columns[field]
        wire = str(column.comment).split(" ", 1)[1]
        if found.name != column.name:
            self._renamed[found.name] = column.name
        if found.wire == wire and not found.is_retired:
            return
        if not _keeps_values(found.wire, wire):
            self.refused.append(_refuse_type(f"{self.table.record.message}.{field}", found.wire, wire))
        else:
            self._widen(column, found, wire)

    def _widen(self, column: sa.Column[object], found: FoundColumn, wire: str) -> None:
        alter = f"ALTER TABLE {self.name} ALTER COLUMN {quoted(column.name)}"
        kind = column.type.compile(dialect=DIALECT)
        default = column.server_default
        if found.is_retired and isinstance(default, sa.DefaultClause):
            # Rows that were written meanwhile have nothing there.
            name = quoted(column.name)
            fill = f"UPDATE {self.name} SET {name} = {default.arg} WHERE {name} IS NULL"
            self.statements += [fill, f"{alter} SET NOT NULL"]
        self.statements.append(f"{alter} TYPE {kind}")
        if wire.startswith("optional ") and not found.wire.startswith("optional "):
            # The bytes of these rows hold no such field, so it is unset and not its default.
            self.statements += [f"{alter} DROP NOT NULL", f"{alter} DROP DEFAULT"]
            unset = "false" if wire.endswith(" bool") else "''" if wire.endswith(" string") else "0"
            name = quoted(column.name)
            self.statements.append(f"UPDATE {self.name} SET {name} = NULL WHERE {name} = {unset}")
        self.statements.append(str(SetColumnComment(column).compile(dialect=DIALECT)))

    def _retire(self, number: int, found: FoundColumn) -> None:
        if not any(number in numbers for numbers in self.table.reserved):
            self.refused.append(
                f"{self.table.record.message}: the field {number} (`{found.name}`) is gone: its values would be lost. "
                f'Put it back, or write `reserved {number}; reserved "{found.name}";` to keep them out of sight.'
            )
            return
        name = f"retired_{number}"
        self._renamed[found.name] = name
        alter = f"ALTER TABLE {self.name}"
        self.statements += [
            f"{alter} ALTER COLUMN {quoted(name)} DROP NOT NULL",
            f"COMMENT ON COLUMN {self.name}.{quoted(name)} IS 'retired:{number} {found.wire}'",
        ]
