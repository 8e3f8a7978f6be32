"""How an operation is executed: by graphql-core, but for the fields that are only read from messages.

Most of an answer is fields of records, which neither wait nor fail. They are written by functions that are made once
for each selection of an execution, at a fifth of what graphql-core needs for a field. What calls, what is denied to
some and what is above such a field goes graphql-core's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
)
from graphql.execution import Executor

from services.graph.failures import QueryTooCostly
from services.graph.limits import MAX_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.graph.messages import Plan
    from services.graph.session import Session

    Write = Callable[[Any], Any]
    """Takes a message and returns the value of a field of it, as the answer has it."""

_TYPENAME = "__typename"


class Row:
    """What is selected of one type."""

    __slots__ = ("fields", "has_rest", "plain")

    def __init__(self, fields: list[tuple[str, Write | None, Any]]) -> None:
        """Take each field's name in the answer, what writes it, and what graphql-core knows of it."""
        self.fields = fields
        self.plain = [(name, write) for name, write, _ in fields if write is not None]
        self.has_rest = len(self.plain) < len(fields)

    def write(self, message: Any) -> dict[str, Any]:
        """Return a message as the answer has it, where no field needs anything but the message."""
        return {name: write(message) for name, write in self.plain}


class Running(Executor[Any]):
    """Executes one operation."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Write the fields of an object (graphql-core's interface)."""
        row = self._row(parent_type, grouped_field_set)
        if not row.has_rest:
            return row.write(source_value)
        if not row.plain:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        rest = {name: details for name, write, details in row.fields if write is None}
        executed: Any = super().execute_fields(parent_type, source_value, path, rest, position_context)
        written = row.write(source_value)
        if self.is_awaitable(executed):
            return self._join(row, written, executed)
        done: Any = executed
        return {name: written[name] if write else done[name] for name, write, _ in row.fields}

    async def _join(self, row: Row, written: dict[str, Any], executed: Any) -> dict[str, Any]:
        """Return all fields in the order of the document."""
        waited = await executed
        return {name: written[name] if write else waited[name] for name, write, _ in row.fields}

    def complete_list_value(
        self, return_type: GraphQLList[Any], field_details_list: Any, info: Any, path: Any, result: Any, *rest: Any
    ) -> Any:
        """Complete a list (graphql-core's interface), unless the answer has grown beyond what was reckoned."""
        count(self.context_value, result)
        return super().complete_list_value(return_type, field_details_list, info, path, result, *rest)

    def _row(self, parent_type: GraphQLObjectType, grouped: Any) -> Row:
        rows = self.context_value.rows
        # The set is kept beside what is made of it, so that no other can have its identity.
        known = rows.get(id(grouped))
        if known is None:
            known = rows[id(grouped)] = grouped, self._make_row(parent_type, grouped)
        row: Row = known[1]
        return row

    def _make_row(self, parent_type: GraphQLObjectType, grouped: Any) -> Row:
        return Row([(name, self._writer(parent_type, details), details) for name, details in grouped.items()])

    def _writer(self, parent_type: GraphQLObjectType, details: Any) -> Write | None:
        name = details[0].node.name.value
        if name == _TYPENAME:
            return _constant(parent_type.name)
        field = parent_type.fields.get(name)
        plan: Plan | None = field.extensions.get("plan") if field is not None else None
        if field is None or plan is None or plan.read is None or plan.permission:
            return None
        kind: Any = get_named_type(field.type)
        write: Write | None = None
        if isinstance(kind, GraphQLObjectType):
            row = self._row(kind, self.collect_subfields(kind, details).grouped_field_set)
            if row.has_rest:
                return None
            write = row.write
        elif isinstance(kind, GraphQLEnumType):
            # Numbers that the contract has no name for were read as None.
            write = {value.value: name for name, value in reversed(kind.values.items())}.get
        if isinstance(get_nullable_type(field.type), GraphQLList):
            return _list_writer(plan.read, write, self.context_value)
        return plan.read if write is None else _one_writer(plan.read, write)


def _constant(value: str) -> Write:
    return lambda _message: value


def _one_writer(read: Write, write: Write) -> Write:
    def run(message: Any) -> Any:
        value = read(message)
        return None if value is None else write(value)

    return run


def _list_writer(read: Write, write: Write | None, session: Session) -> Write:
    def run(message: Any) -> Any:
        values = read(message)
        if values is None:
            return None
        count(session, values)
        return values if write is None else [None if value is None else write(value) for value in values]

    return run


def count(session: Session, values: Any) -> None:
    """Count the items of a list; raises QueryTooCostly where there are more than an answer may have."""
    session.values += len(values)
    if session.values > MAX_VALUES:
        raise QueryTooCostly(session.values, MAX_VALUES)
