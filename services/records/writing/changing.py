"""Update, and the moves of states: what they change is read first, and written if nothing else changed it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.postgres import FAILURES, Transaction
from services.records.failures import (
    EtagMismatch,
    RecordExists,
    RecordNotFound,
    StateForbids,
    TooMuchContention,
)
from services.records.reading.wire import Listing
from services.records.scope import admit
from services.records.transactions.atomicity import savepoint
from services.records.writing.creating import add
from services.records.writing.preparing import now
from services.records.writing.writer import refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Call
    from services.chassis.contract import Transition
    from services.chassis.postgres import Executor
    from services.records.transactions.remembering import Remembered
    from services.records.writing.preparing import Prepared
    from services.records.writing.writer import Current, Writer

MAX_ATTEMPTS = 30
"""How often a change is tried again that another change of the same record came before."""


class Update:
    """Changes one record, or adds it where it is missing and the request allows that."""

    def __init__(self, writer: Writer) -> None:
        """Take what the record's writing methods share."""
        self._writer = writer
        self._body = writer.table.record.singular

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        on = executor or writer.executor
        body = getattr(request, self._body)
        writer.names.check(body.name, f"{self._body}.name")

        async def attempt(kept: Remembered) -> bytes | None:
            try:
                return await self._attempt(request, call, on, kept)
            except RecordNotFound:
                if not getattr(request, "allow_missing", False) or not writer.takes_ids:
                    raise
            return await self._create(body, call, on, kept)

        return await _persist(writer, body.name, request, call, on, attempt=attempt)

    async def _attempt(self, request: Any, call: Call, executor: Executor, kept: Remembered) -> bytes | None:
        """Change the record, or return None where another change came first."""
        writer, moment = self._writer, now()
        body = getattr(request, self._body)
        current = await writer.read(body.name, call, executor)
        row = changed(writer, current, body, list(request.update_mask.paths), call=call, moment=moment)
        return await replace(writer, current, row, call, executor, kept=kept, moment=moment)

    async def _create(self, body: Message, call: Call, executor: Executor, kept: Remembered) -> bytes | None:
        """Add the record, or return None where somebody else has just added it."""
        writer, moment = self._writer, now()
        row, parent = missing(writer, body, call, moment)
        try:
            if not isinstance(executor, Transaction):
                return await add(writer, row, parent, call, executor, kept=kept, moment=moment)
            # What fails in a transaction would be its end, and there is another attempt.
            async with savepoint(executor):
                return await add(writer, row, parent, call, executor, kept=kept, moment=moment)
        except RecordExists as error:
            # Its key, or its name: a name that was free a moment ago is found by the next attempt.
            if "key" in error.metadata:
                raise
            return None


def changed(
    writer: Writer, current: Current, body: Any, mask: Sequence[str], *, call: Call, moment: datetime
) -> Prepared | None:
    """Return the next version of a record as an update asks for it, or None where that changes nothing.

    Raises:
        EtagMismatch: FieldMaskInvalid: UpdateInvalid: FieldNotWritable: Unstorable: with what is wrong.
    """
    stored: Any = current.message
    if writer.preparing.has_etag and body.etag and body.etag != stored.etag:
        raise EtagMismatch(stored.name)
    singular = writer.table.record.singular
    patch = writer.preparing.clean(body)
    sent = [field.name for field, _ in patch.ListFields()]
    writer.permitting.keep_unseen(stored, patch, mask, call.caller)
    result = writer.masks.updated(stored, patch, mask)
    writer.permitting.check_changed(stored, result, mask, call.caller, singular)
    # Whoever writes what it may not read must not learn by the answer whether it had that value before.
    blind = writer.permitting.writes_unseen(sent, mask, call.caller)
    return writer.preparing.changed(stored, result, moment, singular, always=blind)


def missing(writer: Writer, body: Any, call: Call, moment: datetime) -> tuple[Prepared, str]:
    """Return the first version of a record that an update adds, and its parent's name; the mask counts for nothing.

    Raises:
        NameInvalid: Unstorable: FieldNotWritable: with what is wrong.
    """
    name, singular = body.name, writer.table.record.singular
    parent, _ = writer.names.parent_of(name)
    if writer.preparing.has_etag and body.etag:
        raise EtagMismatch(name)
    writer.permitting.check_new(body, call.caller, singular)
    row = writer.preparing.new(body, name, parent, moment, singular)
    writer.holding.hold_new(row.message)
    return row, parent


class Move:
    """Moves the states of one record (AIP-216)."""

    def __init__(self, writer: Writer, transitions: Sequence[Transition], response: Descriptor) -> None:
        """Take what the record's writing methods share, the moves, and the response's message."""
        self._writer, self._transitions = writer, tuple(transitions)
        message = writer.table.record.message
        self._wrapped = None if response.full_name == message else Listing(response, message)

    async def __call__(self, request: Any, call: Call, executor: Executor | None = None) -> bytes:
        """Serve one call, on `executor` where one is given."""
        writer = self._writer
        admit(writer.table, call.caller, writes=True)
        on = executor or writer.executor
        writer.names.check(request.name, "name")

        async def attempt(kept: Remembered) -> bytes | None:
            moment = now()
            current = await writer.read(request.name, call, on)
            check_etag(writer, current.message, getattr(request, "etag", ""))
            result = self._moved(current.message, call)
            self._hold(current.message, result)
            row = writer.preparing.changed(current.message, result, moment, writer.table.record.singular)
            verb = self._transitions[0].name
            return await replace(
                writer, current, row, call, on, kept=kept, moment=moment, verb=verb, wrapped=self._wrapped
            )

        return await _persist(writer, request.name, request, call, on, attempt=attempt)

    def _moved(self, stored: Any, call: Call) -> Message:
        """Return a message in its new states.

        Raises:
            StateForbids: with the states from which it may be moved.
        """
        result: Message = type(stored)()
        result.CopyFrom(stored)
        for transition in self._transitions:
            if getattr(stored, transition.field) not in transition.sources:
                raise self._refused(stored, transition, call)
            setattr(result, transition.field, transition.target)
        return result

    def _hold(self, stored: Any, result: Any) -> None:
        """Refuse a move to a state in which the record, as it is, breaks a rule of its contract.

        Raises:
            StateForbids: with the first rule that it would break.
        """
        broken = self._writer.rules.broken(stored, result)
        if broken:
            first, record, transition = broken[0], self._writer.table.record, self._transitions[0]
            target = _state(stored, transition, transition.target)
            raise StateForbids(
                f"{record.type} `{stored.name}` cannot be moved to {target} as it is: {first.field}: "
                f"{first.description} Update it first.",
                subject=stored.name,
                metadata={"resource": record.type, "name": stored.name, "field": first.field, "target": target},
            )

    def _refused(self, stored: Any, transition: Transition, call: Call) -> StateForbids:
        numbers = getattr(stored, transition.field), transition.target
        state, target = (_state(stored, transition, number) for number in numbers)
        if transition.field in self._writer.shown.guards.hidden(call.caller):
            # Who may move it and not read it learns that it cannot be moved, and not from where.
            state = "another"
        allowed = ", ".join(_state(stored, transition, number) for number in transition.sources)
        record = self._writer.table.record
        return StateForbids(
            f"{record.type} `{stored.name}` cannot be moved to {target}: its `{transition.field}` is {state}, "
            f"and must be one of {allowed}.",
            subject=stored.name,
            metadata={
                "resource": record.type,
                "name": stored.name,
                "field": transition.field,
                "state": state,
                "allowed": allowed,
                "target": target,
            },
        )


def _state(stored: Any, transition: Transition, number: int) -> str:
    """Return the name of a state, or its number where the contract has none for it."""
    states = stored.DESCRIPTOR.fields_by_name[transition.field].enum_type.values_by_number
    return str(states[number].name) if number in states else str(number)


def check_etag(writer: Writer, stored: Any, etag: str) -> None:
    """Refuse a request for another version of a record.

    Raises:
        EtagMismatch: if the etag is not that of the record.
    """
    if etag and etag != (stored.etag if writer.preparing.has_etag else ""):
        raise EtagMismatch(stored.name)


async def _persist(
    writer: Writer,
    name: str,
    request: Any,
    call: Call,
    executor: Executor,
    *,
    attempt: Callable[[Remembered], Awaitable[bytes | None]],
) -> bytes:
    """Try again while other changes of the record come first."""

    async def work(kept: Remembered) -> bytes:
        for _ in range(MAX_ATTEMPTS):
            answer = await attempt(kept)
            if answer is not None:
                return answer
        raise TooMuchContention(f"`{name}` is being changed too often. Retry shortly.")

    return await writer.remembering.once(request, call, executor, work, first=True)


async def replace(
    writer: Writer,
    current: Current,
    row: Prepared | None,
    call: Call,
    executor: Executor,
    *,
    kept: Remembered,
    moment: datetime,
    verb: str = "updated",
    wrapped: Listing | None = None,
) -> bytes | None:
    """Write the next version of a record and return the answer, or None where another change came first."""
    shown = writer.show(current, call) if row is None else writer.answer(row, current.shape, call)
    answer = shown if wrapped is None else wrapped.encode([shown])
    if row is None:
        await writer.remembering.keep(kept, call, executor, answer)
        return answer
    statement = writer.statement("update", remembered=bool(kept.id), verb=verb)
    values = {**writer.changes(current, row), **writer.event(call, moment), **kept.values(call, answer)}
    singular = writer.table.record.singular
    try:
        rows = await writer.run(statement, values, call, executor)
    except FAILURES as error:
        await refuse(writer, error, call, executor, field=singular, name=row.name)
        raise
    writer.refuse_missing(rows, [singular], "")
    return answer if rows else None
