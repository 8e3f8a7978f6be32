"""Whose rows a statement sees: the one place where organization and owner come into every statement.

A statement is only made by `scoped`, which refuses one that does not ask for the caller's organization (and for the
subject, where rows have an owner); and its arguments are only given for a caller, who is looked at there. So no handler
can forget either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from services.chassis.call import CallerKind
from services.chassis.contract import SYSTEM_ORGANIZATION
from services.chassis.errors import PermissionDenied, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis.call import Caller
    from services.records.schema.tables import RecordTable

_ORGANIZATION = sa.bindparam("caller_organization", type_=sa.Text())
_SUBJECT = sa.bindparam("caller_subject", type_=sa.Text())
_SYSTEM = sa.literal_column(f"'{SYSTEM_ORGANIZATION}'", sa.Text())
# asyncpg executes, so the text has asyncpg's `$1` and nothing of SQLAlchemy runs at execution.
_DIALECT = PGDialect_asyncpg(paramstyle="numeric_dollar")


class NoOrganization(PermissionDenied):
    """A caller that acts in no organization asks for rows that belong to one."""

    reason = "ORGANIZATION_REQUIRED"


class GlobalReadOnly(PermissionDenied):
    """A caller of another organization than the system's changes a global record."""

    reason = "GLOBAL_RECORD_READ_ONLY"


def visible(table: RecordTable, rows: sa.FromClause | None = None) -> sa.ColumnElement[bool]:
    """Return the condition that a row of the table, or of `rows` as an alias of it, is one that the caller may see."""
    columns = table.table.columns if rows is None else rows.c
    condition = columns["organization"] == (_SYSTEM if table.is_global else _ORGANIZATION)
    return sa.and_(condition, columns["owner"] == _SUBJECT) if table.is_owned else condition


def belonging(table: RecordTable) -> dict[str, sa.ColumnElement[Any]]:
    """Return what a new row holds so that it belongs to the caller, by column."""
    values: dict[str, sa.ColumnElement[Any]] = {"organization": _SYSTEM if table.is_global else _ORGANIZATION}
    if table.is_owned:
        values["owner"] = _SUBJECT
    return values


def organization_of(table: RecordTable, caller: Caller) -> str:
    """Return whose the rows of this caller are."""
    return SYSTEM_ORGANIZATION if table.is_global else caller.organization


def admit(table: RecordTable, caller: Caller, *, writes: bool) -> None:
    """Refuse a caller who can have no such rows, or who may not change them, whatever its permissions are."""
    if table.is_global and not writes:
        return
    if not caller.organization or (table.is_owned and not caller.subject):
        if caller.kind is CallerKind.NOBODY:
            raise Unauthenticated(f"{table.record.type} belongs to an organization. Send an access token.")
        raise NoOrganization(
            f"{table.record.type} belongs to an organization, and this caller acts in none. "
            "Call with the token of a user or of a service account.",
            metadata={"resource": table.record.type},
        )
    if table.is_global and caller.organization != SYSTEM_ORGANIZATION:
        raise GlobalReadOnly(
            f"{table.record.type} is global: all organizations read it and only `{SYSTEM_ORGANIZATION}` changes it. "
            f"Call with a token of the organization `{SYSTEM_ORGANIZATION}`.",
            metadata={"resource": table.record.type, "organization": caller.organization},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A compiled statement that sees only rows of its caller."""

    table: RecordTable
    """The table whose rows it sees."""
    writes: bool
    """Whether it changes rows."""
    sql: str
    """Its text, with `$1` and so on."""
    order: tuple[str, ...]
    """Names of its parameters, in order."""
    constants: Mapping[str, Any]
    """Values that are the same in each execution, by parameter."""
    beyond: bool = False
    """Whether it goes beyond the caller's rows, to what a row that the caller may delete takes along."""

    def arguments(self, caller: Caller, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments in order, those of the caller among them.

        Raises:
            PermissionDenied: if the caller can have no such rows, or may not change them.
            Unauthenticated: if there is no caller.
        """
        admit(self.table, caller, writes=self.writes)
        known = {
            **self.constants,
            **values,
            "caller_organization": caller.organization,
            "caller_subject": caller.subject,
        }
        return [known[name] for name in self.order]

    def beyond_arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the arguments of a statement that goes beyond the caller's rows, in order."""
        if not self.beyond:
            raise AssertionError("A statement on a caller's rows needs the caller.")
        known = {**self.constants, **values}
        return [known[name] for name in self.order]


def estimated(statement: Statement) -> Statement:
    """Return what asks Postgres how many rows it believes a statement to have; the one row is its plan, as JSON."""
    return replace(statement, sql=f"EXPLAIN (FORMAT JSON) {statement.sql}")


def scoped(table: RecordTable, statement: sa.ClauseElement, *, writes: bool = False, beyond: bool = False) -> Statement:
    """Compile a statement on the rows of a table.

    `beyond` is for deletions alone: what refers to a global row, or to one that several owners share, may be others'.
    Such a statement is given the organizations and names of the rows that it is about, which were found for a caller.

    Raises:
        AssertionError: if it does not ask whose rows it may see; that is a mistake in this package.
    """
    compiled = statement.compile(dialect=_DIALECT)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{type(statement).__name__} takes no arguments, so none could say whose rows it sees.")
    order = tuple(compiled.positiontup or ())
    wanted = set() if table.is_global else {"caller_organization"} | ({"caller_subject"} if table.is_owned else set())
    if not beyond and not wanted <= set(order):
        raise AssertionError(f"A statement on {table.table.fullname} does not ask for {sorted(wanted - set(order))}.")
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Statement(table=table, writes=writes, sql=str(compiled), order=order, constants=constants, beyond=beyond)
