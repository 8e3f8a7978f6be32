"""What changes a table that is there into the one that the contract asks for, and which changes are refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn, SetColumnComment, SetTableComment

from services.records.migrating.catalogue import quoted
from services.records.migrating.refusals import Refusal
from services.records.migrating.wires import (
    converted,
    is_lost,
    is_lost_inside,
    is_number,
    is_same_but_presence,
    is_set,
    keeps_values,
    reads_differently,
    unset_value,
)
from services.records.schema.dialect import DIALECT
from services.records.schema.shapes import outline_of
from services.records.schema.vectors import PREFIX, function_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from services.records.migrating.catalogue import FoundColumn, FoundTable
    from services.records.schema.shapes import Outline
    from services.records.schema.tables import RecordTable

SOFT_COLUMNS = frozenset({"deleted_at", "purge_at"})
"""Columns of the engine that a record has once it is deleted softly: they can be added to rows that are there."""


def table_statements(
    table: RecordTable, found: FoundTable, *, returning: bool = False
) -> tuple[list[str], list[Refusal]]:
    """Return the statements that bring a table in step, and what is refused.

    `returning` says that the contract is one that the table has had before: what a later one has added is left alone.
    """
    refused = _refuse_table(table, found)
    statements: list[str] = []
    if found.name != table.table.name:
        old = f"{quoted(table.schema)}.{quoted(found.name)}"
        statements.append(f"ALTER TABLE {old} RENAME TO {quoted(table.table.name)}")
    columns = _Columns(table, found, returning=returning)
    columns.compare()
    refused += _refuse_inside(table, found, returning=returning)
    if found.comment != table.table.comment:
        statements.append(str(SetTableComment(table.table).compile(dialect=DIALECT)))
    return statements + columns.renames() + columns.statements, refused + columns.refused


def _refuse_table(table: RecordTable, found: FoundTable) -> list[Refusal]:
    message, refused = table.record.message, []
    if found.scope != table.record.scope.value:
        said = f"{message}: its scope was {found.scope} and is now {table.record.scope.value}: nobody could tell whose "
        mend = f"Keep the scope {found.scope}, or move the rows to another message."
        refused.append(_refusal(table, found, f"{said}the rows are.", mend, verb="are there"))
    before, after = ([_shape(pattern) for pattern in patterns] for patterns in (found.patterns, table.record.patterns))
    if after[: len(before)] != before:
        said = f"{message}: its patterns were {', '.join(found.patterns)}: the names of its rows would be lost."
        mend = "Keep them in this order and add a new pattern at the end."
        refused.append(_refusal(table, found, said, mend, verb="are named so"))
    return refused


def _refusal(
    table: RecordTable, found: FoundTable, said: str, mend: str, *, condition: str = "", verb: str = "hold a value"
) -> Refusal:
    """Return a refusal that counts rows of a table as it is now."""
    number = next((field.number for field in table.record.fields if field.name == "name"), None)
    name = next((column.name for column in found.columns if column.number == number), "")
    return Refusal(
        said=said,
        mend=mend,
        table=f"{quoted(table.schema)}.{quoted(found.name)}",
        condition=condition,
        verb=verb,
        name=quoted(name) if name else "",
    )


def _refuse_inside(table: RecordTable, found: FoundTable, *, returning: bool) -> list[Refusal]:
    """Refuse what loses values that no column shows: those of bytes, and those in messages at any depth."""
    if not found.outline:
        return []
    wanted = outline_of(table.descriptor)
    refused: list[Refusal] = []
    pending = [(0, 0, table.record.message, "")]
    seen = {(0, 0)}
    while pending:
        old, new, where, top = pending.pop(0)
        for number, (name, wire, inner) in found.outline[old]["fields"].items():
            now = wanted[new]["fields"].get(number)
            here = f"{where}.{name if now is None else now[0]}"
            column = top or _column_of(found, int(number))
            # Of the record's own fields, those with a column are compared by it.
            if returning and old and now is not None:
                refused += _refuse_later_use(table, found, here, column=column, name=name, before=wire, after=now[1])
            elif not returning and (old or _has_no_column(wire)):
                problem = _refuse_field(here, int(number), wire, now, wanted[new]["reserved"])
                refused += [_refusal(table, found, *each, condition=_holds(found, column)) for each in problem]
            if now is not None and inner is not None and now[2] is not None and (inner, now[2]) not in seen:
                seen.add((inner, now[2]))
                pending.append((inner, now[2], here, column))
    return refused


def _refuse_later_use(
    table: RecordTable, found: FoundTable, where: str, *, column: str, name: str, before: str, after: str
) -> list[Refusal]:
    """Refuse to go back to a number that a later contract has made wider, where rows hold what does not fit."""
    if keeps_values(before, after) or not column or not (is_number(before) and is_number(after)):
        return []
    said = _widened_later(where, before)
    condition = is_lost_inside(name, after, quoted(column))
    refusal = _refusal(table, found, *said, condition=condition, verb="hold a value that does not fit")
    return [replace(refusal, only_if_any=True)]


def _widened_later(where: str, wire: str) -> tuple[str, str]:
    said = f"{where}: a later contract has made it `{wire}`, and has used it."
    return said, "Change those rows under the later contract first, or go on with that."


def _column_of(found: FoundTable, number: int) -> str:
    """Return the column of one of the record's own fields, or nothing where it has none."""
    return next((each.name for each in found.columns if each.number == number), "")


def _holds(found: FoundTable, column: str) -> str:
    """Return the condition that a row holds a value in a column, or nothing where there is no column."""
    return next((is_set(each.wire, quoted(each.name)) for each in found.columns if each.name == column), "")


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
            if now is None or now[0] != name or reads_differently(wire, now[1]):
                return True
            if None not in (inner, now[2]) and (inner, now[2]) not in seen:
                seen.add((inner, now[2]))
                pending.append((inner, now[2]))
    return False


def _has_no_column(wire: str) -> bool:
    """Whether fields that are encoded so have no column."""
    return wire.rpartition(" ")[2] == "bytes" and not wire.startswith("map ")


def _refuse_field(
    where: str, number: int, wire: str, now: Any, reserved: Sequence[Sequence[int]]
) -> list[tuple[str, str]]:
    """Refuse a field that is gone, or holds something else; each with its mend."""
    if now is None:
        gone = not any(start <= number < stop for start, stop in reserved)
        return [_gone(where, number, where.rpartition(".")[2])] if gone else []
    return [] if keeps_values(wire, now[1]) else [_other_type(where, wire, now[1])]


def _gone(where: str, number: int, name: str) -> tuple[str, str]:
    return (
        f"{where}: the field {number} is gone: its values would be lost.",
        f'Put it back, or write `reserved {number}; reserved "{name}";` to keep them out of sight.',
    )


def _other_type(where: str, before: str, after: str) -> tuple[str, str]:
    """Say why a field cannot change its type."""
    if is_same_but_presence(before, after):
        said = f"{where}: it was `{before}` and is now `{after}`: whether it was set would be lost."
        return said, "Keep `optional`."
    said = f"{where}: it was `{before}` and is now `{after}`: its values would be lost."
    return said, "Keep the type, or add a new field with a new number."


def _shape(pattern: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", pattern)


class _Columns:
    """Compares the columns of one table."""

    def __init__(self, table: RecordTable, found: FoundTable, *, returning: bool) -> None:
        self.table = table
        self._returning = returning
        self.name = f"{quoted(table.schema)}.{quoted(table.table.name)}"
        self.found = found
        self.statements: list[str] = []
        self.refused: list[Refusal] = []
        self._renamed: dict[str, str] = {}

    def compare(self) -> None:
        """Find all that differs."""
        by_number = {column.number: column for column in self.found.columns if column.number is not None}
        names = {column.name for column in self.found.columns if column.number is None}
        wanted = {field.number: field.name for field in self.table.record.fields if field.name in self.table.columns}
        self._refuse_hardening(names)
        for column in self.table.table.columns:
            if (column.comment or "").startswith("field:") or column.name in names or column.computed is not None:
                continue
            if column.name in SOFT_COLUMNS:
                # No row has been deleted softly yet, so all that are there are live.
                definition = str(CreateColumn(column).compile(dialect=DIALECT))
                self.statements.append(f"ALTER TABLE {self.name} ADD COLUMN {definition}")
            else:
                said = (
                    f"{self.table.record.message}: its rows have no `{column.name}`, and nobody could tell what it is."
                )
                self._refuse(said, "Keep the scope and the patterns as they were.", verb="are there")
        for number, name in wanted.items():
            if number in by_number:
                self._change(name, by_number[number])
            else:
                self._add(self.table.columns[name])
        for number, gone in by_number.items():
            if number not in wanted and not gone.is_retired:
                self._retire(number, gone)
        self._keep_words(names)

    def _keep_words(self, names: Collection[str]) -> None:
        """Add the column of words where it is another than before; the last one stays for workers that read it."""
        for column in self.table.table.columns:
            if column.computed is not None and column.name not in names:
                definition = str(CreateColumn(column).compile(dialect=DIALECT))
                self.statements += function_statements(self.table.table)
                self.statements.append(f"ALTER TABLE {self.name} ADD COLUMN {definition}")
        kept = self.table.table.columns.keys()
        former = [column.name for column in self.found.columns if column.name.startswith(PREFIX)]
        gone = [name for name in former if name not in kept][:-1]
        self.statements += [f"ALTER TABLE {self.name} DROP COLUMN {quoted(name)}" for name in gone]

    def _refuse_hardening(self, names: Collection[str]) -> None:
        """Refuse to forget which rows are deleted: they would be shown again."""
        if "deleted_at" in names and not self.table.is_soft:
            said = f"{self.table.record.message}: it was deleted softly, and rows that are deleted would come back."
            mend = "Keep `soft_delete: true`, or write the record as a new message."
            deleted = '"deleted_at" IS NOT NULL'
            self._refuse(said, mend, condition=deleted, verb="are deleted", only_if_any=self._returning)

    def _refuse(
        self, said: str, mend: str, *, condition: str = "", verb: str = "hold a value", only_if_any: bool = False
    ) -> None:
        refusal = _refusal(self.table, self.found, said, mend, condition=condition, verb=verb)
        self.refused.append(replace(refusal, only_if_any=only_if_any))

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
        if keeps_values(found.wire, wire):
            self._widen(column, found, wire)
            return
        condition, verb = is_lost(found.wire, wire, quoted(found.name))
        if self._returning and keeps_values(wire, found.wire):
            # A later contract has widened it. What it has written must fit, and the column has room for both.
            self._fit(field, found, condition, verb)
            return
        said = _other_type(f"{self.table.record.message}.{field}", found.wire, wire)
        self._refuse(*said, condition=condition, verb=verb)

    def _fit(self, field: str, found: FoundColumn, condition: str, verb: str) -> None:
        said, mend = _widened_later(f"{self.table.record.message}.{field}", found.wire)
        self._refuse(said, mend, condition=condition, verb=verb, only_if_any=True)

    def _widen(self, column: sa.Column[Any], found: FoundColumn, wire: str) -> None:
        name = quoted(column.name)
        alter = f"ALTER TABLE {self.name} ALTER COLUMN {name}"
        default = column.server_default
        if found.is_retired and isinstance(default, sa.DefaultClause):
            # Rows that were written meanwhile have nothing there.
            fill = f"UPDATE {self.name} SET {name} = {_default_of(found.wire)} WHERE {name} IS NULL"
            self.statements += [fill, f"{alter} SET NOT NULL"]
        # A map is jsonb, whatever it holds; where that reads differently, it is written again from the bytes.
        if not is_same_but_presence(found.wire, wire) and not wire.startswith("map "):
            kind = column.type.compile(dialect=DIALECT)
            using = converted(found.wire, name, kind)
            self.statements += [f"{alter} DROP DEFAULT", f"{alter} TYPE {kind} USING {using}"]
            if isinstance(default, sa.DefaultClause):
                self.statements.append(f"{alter} SET DEFAULT {default.arg}")
        if wire.startswith("optional ") and not found.wire.startswith("optional "):
            # The bytes of these rows hold no such field, so it is unset and not its default.
            self.statements += [f"{alter} DROP NOT NULL", f"{alter} DROP DEFAULT"]
            self.statements.append(f"UPDATE {self.name} SET {name} = NULL WHERE {name} = {unset_value(wire)}")
        self.statements.append(str(SetColumnComment(column).compile(dialect=DIALECT)))

    def _retire(self, number: int, found: FoundColumn) -> None:
        if not any(number in numbers for numbers in self.table.reserved):
            if not self._returning:
                said, mend = _gone(self.table.record.message, number, found.name)
                told = said.replace("is gone", f"(`{found.name}`) is gone")
                self._refuse(told, mend, condition=is_set(found.wire, quoted(found.name)))
            return
        name = f"retired_{number}"
        self._renamed[found.name] = name
        alter = f"ALTER TABLE {self.name}"
        self.statements += [
            f"{alter} ALTER COLUMN {quoted(name)} DROP NOT NULL",
            f"COMMENT ON COLUMN {self.name}.{quoted(name)} IS 'retired:{number} {found.wire}'",
        ]


def _default_of(wire: str) -> str:
    """Return what stands in the column of a field that is unset and has no presence, as SQL."""
    if wire.startswith("repeated "):
        return "'[]'" if wire.endswith((" message", " group")) else "'{}'"
    return "'{}'" if wire.startswith("map ") else unset_value(wire)
