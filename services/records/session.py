"""What Python code works with: the records of one process in one transaction, on behalf of one call.

    async def LendBook(self, request, call):
        async def lend(session):
            book = await session.get("library.v1.Book", request.name, lock=True)
            ...
            await session.update(book)
            return response
        return await self.records.transact(request, call, lend)

All rules of the engine hold: whose rows are seen, references, `buf.validate`, required and immutable fields, events.
What is different: the code reads every field and sets those that are OUTPUT_ONLY. The message that `transact` answers
with loses what the caller may not read of the records in it. What was read is guarded: a change of a record
that somebody else has changed since is taken back and, in `transact`, tried again.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from services.records.deleting.deletion import Delete
from services.records.failures import EtagMismatch, RecordNotFound, TooMuchContention
from services.records.reading.finding import Wanted
from services.records.transactions.remembering import NOT_REMEMBERED
from services.records.writing.changing import replace
from services.records.writing.creating import add
from services.records.writing.preparing import now
from services.records.writing.writer import Current

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.chassis.call import Call
    from services.chassis.postgres import Row
    from services.records.engine import Engine
    from services.records.transactions.outbox import UnitOfWork
    from services.records.writing.writer import Writer

M = TypeVar("M", bound=Message)


class Overtaken(TooMuchContention):
    """Somebody else changed, after it was read here, what this transaction changes."""


class Session:
    """The records of one process in one transaction; `Engine.open` makes and ends it.

    A record's kind is its message class, a stub's or the contract's own, or its full name. Messages come back as
    instances of that class. Those that are created and updated are brought up to date with what is stored.
    """

    def __init__(self, engine: Engine, call: Call, work: UnitOfWork) -> None:
        """Take the engine, the call as whom is acted, and the transaction."""
        self.call = call
        """The call, with the caller that is acted as."""
        self.work = work
        """The transaction, for statements of your own (`work.connection`)."""
        self._engine = engine
        self._seen: dict[tuple[str, str], Current] = {}

    @overload
    async def get(self, kind: type[M], name: str, *, lock: bool = False, etag: str = "") -> M: ...
    @overload
    async def get(self, kind: str, name: str, *, lock: bool = False, etag: str = "") -> Any: ...
    async def get(self, kind: type[Message] | str, name: str, *, lock: bool = False, etag: str = "") -> Any:
        """Return one record, locked until the end where it is to change; an `etag` has to be its own.

        Raises:
            RecordNotFound: where there is none for the caller.
            NameInvalid: where the name is none of such a record.
            EtagMismatch: where it has changed since the etag was read.
        """
        writer = self._writer(kind)
        writer.names.check(name, "name")
        found = await self._read_names(kind, [name], lock=lock)
        if name not in found:
            raise RecordNotFound(writer.table.record.type, name)
        if etag and etag != found[name].etag:
            raise EtagMismatch(name)
        return found[name]

    @overload
    async def get_all(self, kind: type[M], names: Iterable[str], *, lock: bool = False) -> dict[str, M]: ...
    @overload
    async def get_all(self, kind: str, names: Iterable[str], *, lock: bool = False) -> dict[str, Any]: ...
    async def get_all(self, kind: type[Message] | str, names: Iterable[str], *, lock: bool = False) -> dict[str, Any]:
        """Return records by name, locked in the order of their names where they are to change.

        Raises:
            RecordNotFound: for the first that is not there for the caller.
        """
        wanted = list(dict.fromkeys(names))
        found = await self.get_any(kind, wanted, lock=lock)
        for name in wanted:
            if name not in found:
                raise RecordNotFound(self._writer(kind).table.record.type, name)
        return {name: found[name] for name in wanted}

    @overload
    async def get_any(self, kind: type[M], names: Iterable[str], *, lock: bool = False) -> dict[str, M]: ...
    @overload
    async def get_any(self, kind: str, names: Iterable[str], *, lock: bool = False) -> dict[str, Any]: ...
    async def get_any(self, kind: type[Message] | str, names: Iterable[str], *, lock: bool = False) -> dict[str, Any]:
        """Return those records of these names that are there for the caller, locked in the order of their names."""
        wanted = list(dict.fromkeys(names))
        for name in wanted:
            self._writer(kind).names.check(name, "name")
        return await self._read_names(kind, wanted, lock=lock) if wanted else {}

    @overload
    async def find(
        self,
        kind: type[M],
        filter_: str = "",
        *,
        parent: str = "",
        order_by: str = "",
        limit: int = 1000,
        lock: bool = False,
    ) -> list[M]: ...
    @overload
    async def find(
        self,
        kind: str,
        filter_: str = "",
        *,
        parent: str = "",
        order_by: str = "",
        limit: int = 1000,
        lock: bool = False,
    ) -> list[Any]: ...
    async def find(
        self,
        kind: type[Message] | str,
        filter_: str = "",
        *,
        parent: str = "",
        order_by: str = "",
        limit: int = 1000,
        lock: bool = False,
    ) -> list[Any]:
        """Return up to `limit` records that pass an AIP-160 filter, in order; write values into it with `quote`.

        Raises:
            FilterInvalid: and OrderByInvalid: with every mistake.
        """
        finding = self._engine.finding(_name_of(kind))
        wanted = Wanted(filter=filter_, parent=parent, order_by=order_by, limit=limit)
        rows = await finding.by_filter(wanted, self.call, self.work.transaction, lock=lock)
        return [self._keep(kind, row) for row in rows]

    async def create(self, message: M, *, parent: str = "", id: str = "") -> M:  # noqa: A002 - AIP-133's word
        """Add a record below `parent`; an id that is left out is made up. Return the message, now as it is stored.

        Raises:
            RecordExists: RecordNotFound: ReferenceNotFound: Unstorable: as Create does.
        """
        writer, moment = self._writer(type(message)), now()
        singular = writer.table.record.singular
        name = writer.names.make(parent, id, f"{singular}_id")
        body = _converted(message, writer.table.message)
        writer.holding.hold_new(body)
        row = writer.preparing.new(body, name, parent, moment, singular, trusted=True)
        await add(writer, row, parent, self.call, self.work.transaction, kept=NOT_REMEMBERED, moment=moment)
        self._see(writer, Current(message=row.message, revision=1, shape=writer.table.shape))
        return _refresh(message, row.stored)

    async def update(self, message: M, *, paths: Sequence[str] = (), event: str = "updated") -> M:
        """Store a record as the message says, or only the fields that `paths` name. Return it as it is stored.

        `event` is what became of it, in one word: the last part of its event's type.

        Raises:
            RecordNotFound: where there is none for the caller.
            Overtaken: where it has changed since this session read it.
            UpdateInvalid: ReferenceNotFound: RecordExists: Unstorable: as Update does.
        """
        writer, moment = self._writer(type(message)), now()
        name: str = message.name  # type: ignore[attr-defined]  # every record has it
        current = await self._current(writer, name)
        result = _converted(message, writer.table.message)
        if paths:
            patch, result = result, _converted(current.message, writer.table.message)
            FieldMask(paths=paths).MergeMessage(patch, result, True, True)
        writer.holding.hold_changed(current.message, result)
        row = writer.preparing.changed(current.message, result, moment, writer.table.record.singular)
        if row is None:
            return _refresh(message, current.message.SerializeToString())
        transaction = self.work.transaction
        kept = NOT_REMEMBERED
        if await replace(writer, current, row, self.call, transaction, kept=kept, moment=moment, verb=event) is None:
            raise _overtaken(name)
        self._see(writer, Current(message=row.message, revision=current.revision + 1, shape=current.shape))
        return _refresh(message, row.stored)

    async def delete(self, kind: type[Message] | str, name: str) -> None:
        """Remove a record, or hide it where the contract says so.

        Raises:
            RecordNotFound: RecordHasChildren: as Delete does.
        """
        writer = self._writer(kind)
        request = SimpleNamespace(name=name, etag="", request_id="", allow_missing=False, force=False)
        await Delete(writer)(request, self.call, self.work.transaction)
        self._seen.pop((writer.table.record.message, name), None)

    def check_name(self, kind: type[Message] | str, name: str, field: str) -> None:
        """Refuse what a request has in `field` and is no name of such a record; it need not exist.

        Raises:
            NameInvalid: with the field.
        """
        self._writer(kind).names.check(name, field)

    async def is_same(self, message: Message) -> bool:
        """Whether a record that this session has read is still the one that it read."""
        name: str = message.name  # type: ignore[attr-defined]  # every record has it
        kind = _name_of(type(message))
        rows = await self._engine.finding(kind).by_names([name], self.call, self.work.transaction, lock=False)
        return bool(rows) and rows[0]["revision"] == self._seen[kind, name].revision

    async def emit(self, event: str, subject: str, *, said: Message | None = None) -> None:
        """Write an event of type `event` about the resource `subject`, with the message `said`; it has no secrets."""
        after = None if said is None else said.SerializeToString()
        await self.work.emit(event, subject, organization=self.call.caller.organization, after=after)

    async def commit(self) -> None:
        """Keep all that was done. Without it, the end of the block takes everything back."""
        await self.work.commit()
        self._engine.bell.ring()

    def _writer(self, kind: type[Message] | str) -> Writer:
        return self._engine.writer(_name_of(kind))

    async def _read_names(self, kind: type[Message] | str, names: Sequence[str], *, lock: bool) -> dict[str, Any]:
        finding = self._engine.finding(_name_of(kind))
        rows = await finding.by_names(names, self.call, self.work.transaction, lock=lock)
        return {row["name"]: self._keep(kind, row) for row in rows}

    def _keep(self, kind: type[Message] | str, row: Row) -> Any:
        """Return what a row holds, and keep in mind which version it is."""
        writer, name = self._writer(kind), row["name"]
        known = self._seen.get((writer.table.record.message, name))
        if known is not None and known.revision != row["revision"]:
            raise _overtaken(name)
        self._see(writer, writer.current_of(row["message"], row["revision"], row["shape"]))
        target = kind if isinstance(kind, type) else writer.table.message
        return target.FromString(row["message"])

    def _see(self, writer: Writer, current: Current) -> None:
        name: str = current.message.name  # type: ignore[attr-defined]  # every record has it
        self._seen[writer.table.record.message, name] = current

    async def _current(self, writer: Writer, name: str) -> Current:
        key = writer.table.record.message, name
        if key not in self._seen:
            writer.names.check(name, f"{writer.table.record.singular}.name")
            if name not in await self._read_names(key[0], [name], lock=True):
                raise RecordNotFound(writer.table.record.type, name)
        return self._seen[key]


def quote(text: str) -> str:
    """Return a text as a value in a filter."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*").replace("\n", "\\n")
    return f'"{escaped}"'


def _name_of(kind: type[Message] | str) -> str:
    return kind if isinstance(kind, str) else kind.DESCRIPTOR.full_name


def _converted(message: Message, target: type[Message]) -> Message:
    """Return a copy of a message as one of the contract's own class: a stub's is of another pool."""
    return target.FromString(message.SerializeToString())


def _refresh(message: M, stored: bytes) -> M:
    message.ParseFromString(stored)
    return message


def _overtaken(name: str) -> Overtaken:
    return Overtaken(f"`{name}` has changed since it was read. Retry shortly.", metadata={"name": name})
