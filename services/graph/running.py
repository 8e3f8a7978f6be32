"""How an operation is executed: by graphql-core, but for the fields that are only read from messages.

Most of an answer is fields of records and of records that those name, which do not fail. They are written by functions
that are made once for each selection of an execution, at a fifth of what graphql-core needs for a field; the records
that are named are read before, level by level. What calls, what is denied to some and what is above such a field goes
graphql-core's way, and so does whatever cannot be read, so that each field of it gets its error.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
)
from graphql.execution import Executor

from services.chassis.errors import TenonError
from services.graph.limits import MAX_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.graph.messages import Link, Plan
    from services.graph.session import Session

    Write = Callable[[Any], Any]
    """Takes a message and returns the value of a field of it, as the answer has it."""

_TYPENAME = "__typename"


class Way:
    """A way from a message to other messages below which there are records to be read."""

    __slots__ = ("link", "read", "row")

    def __init__(self, read: Callable[[Any], Any] | None, link: Link | None, row: Row) -> None:
        """Take what reads them from the message, or what names them, and what is selected of them."""
        self.read, self.link, self.row = read, link, row

    def follow(self, messages: Iterable[Any]) -> list[Any]:
        """Return the messages that are inside these."""
        found: list[Any] = []
        for message in messages:
            value = self.read(message)  # type: ignore[misc]  # a way without a link has it
            if isinstance(value, list):
                found.extend(each for each in value if each is not None)
            elif value is not None:
                found.append(value)
        return found


class Row:
    """What is selected of one type."""

    __slots__ = ("fields", "has_rest", "plain", "ways", "width")

    def __init__(self, fields: list[tuple[str, Write | None, Any]], ways: list[Way], width: int) -> None:
        """Take each field's name in the answer, what writes it, and what graphql-core knows of it.

        `width` is how many fields it has, with those of the single messages that are inside it.
        """
        self.fields = fields
        self.width = width
        self.ways = ways
        self.plain = [(name, write) for name, write, _ in fields if write is not None]
        self.has_rest = len(self.plain) < len(fields)

    def write(self, message: Any) -> dict[str, Any]:
        """Return a message as the answer has it, where nothing but messages is needed, and all of them are read."""
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
        # Here and in `_list_writer`: an object of graphql-core's, and the items of each list, are counted once.
        self.context_value.count(row.width)
        if row.plain and not (row.has_rest or row.ways):
            return row.write(source_value)
        if not row.plain:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        return self._execute(row, parent_type, source_value, path, grouped_field_set)

    async def _execute(self, row: Row, kind: GraphQLObjectType, source: Any, path: Any, grouped: Any) -> dict[str, Any]:
        """Return the fields of an object in the order of the document, once all that they need is read."""
        rest = {name: details for name, write, details in row.fields if write is None}
        executed: Any = super().execute_fields(kind, source, path, rest, None) if rest else {}
        try:
            await fetch(self.context_value, row, [source])
            written = row.write(source)
        except TenonError:
            rest = {name: details for name, details in grouped.items() if name not in rest}
            again: Any = super().execute_fields(kind, source, path, rest, None)
            written = await again if self.is_awaitable(again) else again
        if self.is_awaitable(executed):
            executed = await executed
        return {name: (executed if write is None else written)[name] for name, write, _ in row.fields}

    def complete_list_value(
        self, return_type: GraphQLList[Any], field_details_list: Any, info: Any, path: Any, result: Any, *rest: Any
    ) -> Any:
        """Complete a list (graphql-core's interface), unless the answer has grown beyond what was reckoned."""
        self.context_value.count(len(result))
        return super().complete_list_value(return_type, field_details_list, info, path, result, *rest)

    def handle_field_error(self, raw_error: Exception, return_type: Any, details: Any, path: Any) -> None:
        """Keep the error of a field (graphql-core's interface), unless there are more of them than anybody reads."""
        forget_frames(raw_error)
        if isinstance(return_type, GraphQLNonNull) or len(self.collected_errors.errors) < MAX_ERRORS:
            super().handle_field_error(raw_error, return_type, details, path)

    def _row(self, parent_type: GraphQLObjectType, grouped: Any) -> Row:
        rows = self.context_value.rows
        # The set is kept beside what is made of it, so that no other can have its identity.
        known = rows.get(id(grouped))
        if known is None:
            known = rows[id(grouped)] = grouped, self._make_row(parent_type, grouped)
        row: Row = known[1]
        return row

    def _make_row(self, parent_type: GraphQLObjectType, grouped: Any) -> Row:
        ways: list[Way] = []
        inside: list[int] = []
        fields = [
            (name, self._writer(parent_type, details, ways, inside), details) for name, details in grouped.items()
        ]
        return Row(fields, ways, len(fields) + sum(inside))

    def _writer(self, parent_type: GraphQLObjectType, details: Any, ways: list[Way], inside: list[int]) -> Write | None:
        """Return what writes a field, or None where graphql-core has to.

        `ways` gets what has to be read before, and `inside` how many fields a single message has.
        """
        name = details[0].node.name.value
        if name == _TYPENAME:
            return _constant(parent_type.name)
        field = parent_type.fields.get(name)
        plan: Plan | None = field.extensions.get("plan") if field is not None else None
        if field is None or plan is None or plan.permission or (plan.read is None and plan.link is None):
            return None
        kind: Any = get_named_type(field.type)
        write: Write | None = None
        width, is_list = 1, isinstance(get_nullable_type(field.type), GraphQLList)
        if isinstance(kind, GraphQLObjectType):
            row = self._row(kind, self.collect_subfields(kind, details).grouped_field_set)
            if row.has_rest:
                return None
            if plan.link is not None or row.ways:
                ways.append(Way(plan.read, plan.link, row))
            write, width = row.write, 1 + row.width
            if not is_list:
                inside.append(row.width)
        elif isinstance(kind, GraphQLEnumType):
            # Numbers that the contract has no name for were read as None.
            write = {value.value: name for name, value in reversed(kind.values.items())}.get
        session = self.context_value
        if plan.link is not None:
            return _link_writer(plan, write, session, width)
        assert plan.read is not None  # noqa: S101 - it has one of the two
        if is_list:
            return _list_writer(plan.read, write, session, width)
        return plan.read if write is None else _one_writer(plan.read, write)


def forget_frames(error: BaseException) -> None:
    """Let go of the frames that an error of ours was raised in: until the answer is done they hold whole requests."""
    foreseen = error.original_error if isinstance(error, GraphQLError) else error
    if not isinstance(foreseen, TenonError):
        return
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        # One that was raised while the other was told of leads back to it.
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, GraphQLError):
            waiting.append(each.original_error)


async def fetch(session: Session, row: Row, messages: list[Any]) -> None:
    """Read the records that messages lead to, all of a level together; raises what stands against it."""
    if messages and row.ways:
        await asyncio.gather(*(_fetch_way(session, way, messages) for way in row.ways))


async def _fetch_way(session: Session, way: Way, messages: list[Any]) -> None:
    if way.link is None:
        await fetch(session, way.row, way.follow(messages))
        return
    names = dict.fromkeys(name for message in messages for name in way.link.names(message))
    if not names:
        return
    loader = session.loader(way.link.kind)
    found = await asyncio.gather(*(loader.load(name) for name in names))
    await fetch(session, way.row, [record for record in found if record is not None])


def _link_writer(plan: Plan, write: Any, session: Session, width: int) -> Write:
    link = plan.link
    assert link is not None  # noqa: S101 - this is what it is for

    def run(message: Any) -> Any:
        names = link.names(message)
        if not names:
            return [] if plan.many else None
        if plan.many:
            session.count(len(names) * width)
        known = session.loader(link.kind).known
        found = [None if (record := known(name)) is None else write(record) for name in names]
        return found if plan.many else found[0]

    return run


def _constant(value: str) -> Write:
    return lambda _message: value


def _one_writer(read: Write, write: Write) -> Write:
    def run(message: Any) -> Any:
        value = read(message)
        return None if value is None else write(value)

    return run


def _list_writer(read: Write, write: Write | None, session: Session, width: int) -> Write:
    def run(message: Any) -> Any:
        values = read(message)
        if values is None:
            return None
        session.count(len(values) * width)
        return values if write is None else [None if value is None else write(value) for value in values]

    return run
