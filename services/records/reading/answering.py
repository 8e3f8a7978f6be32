"""Takes out of the answers of Python code what their caller is not shown of the records in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.records.reading.getting import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.chassis.call import Caller
    from services.records.schema.tables import RecordTable


class Answering:
    """Hides fields that a caller may not read, and those that nobody is shown (INPUT_ONLY), wherever a record is."""

    __slots__ = ("_reached", "_shown")

    def __init__(self, tables: Mapping[str, RecordTable]) -> None:
        """Take the tables of all records by the full names of their messages."""
        shown = {message: Shown(table) for message, table in tables.items()}
        self._shown = {message: each for message, each in shown.items() if each.hides}
        self._reached: dict[str, bool] = {}

    def encode(self, answer: Message, caller: Caller) -> bytes:
        """Return the bytes of an answer, which is changed where it has hidden fields."""
        # What a newer contract has may be hidden there.
        answer.DiscardUnknownFields()
        if self._shown:
            self._hide(answer, caller)
        return answer.SerializeToString()

    def _hide(self, message: Any, caller: Caller) -> None:
        if not self._reaches(message.DESCRIPTOR):
            return
        shown = self._shown.get(message.DESCRIPTOR.full_name)
        if shown is not None:
            shown.for_caller(caller).hide(message)
        for field, value in message.ListFields():
            for inner in _messages_in(field, value):
                self._hide(inner, caller)

    def _reaches(self, descriptor: Descriptor) -> bool:
        """Whether messages of a type are, or may hold, records with something to hide."""
        found = self._reached.get(descriptor.full_name)
        if found is None:
            types = _types_within(descriptor)
            found = self._reached[descriptor.full_name] = not types.isdisjoint(self._shown)
        return found


def _messages_in(field: Any, value: Any) -> Iterator[Message]:
    inner = field.message_type
    if inner is None:
        return
    if inner.GetOptions().map_entry:
        if inner.fields_by_name["value"].message_type is not None:
            yield from value.values()
    elif field.is_repeated:
        yield from value
    else:
        yield value


def _types_within(descriptor: Any) -> set[str]:
    """Return the full names of a message and of all that it may hold, at any depth."""
    found, ahead = {descriptor.full_name}, [descriptor]
    while ahead:
        for field in ahead.pop().fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in found:
                found.add(inner.full_name)
                ahead.append(inner)
    return found
