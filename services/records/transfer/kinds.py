"""Kinds of fields, as files tell them apart, and how values are taken out of many messages."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.message import Message

    Take = Callable[[Sequence[Message]], list[Any]]
    """Takes a field's values out of many messages."""

LONG = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_SFIXED64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED64,
    }
)
"""The types of whole numbers that are texts in JSON."""

WHOLE = LONG | {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
}
"""The types of whole numbers."""

TIMESTAMP, DURATION = "google.protobuf.Timestamp", "google.protobuf.Duration"
"""Messages that have a text of their own."""

WELL_KNOWN = "google.protobuf."
"""What the names of messages begin with whose JSON is not that of their fields."""

ANY = "google.protobuf.Any"
"""The message that may carry one that nobody here knows."""


def taking(field: FieldDescriptor) -> Take:
    """Return what takes a field's values out of many messages at once; None stands for one that is unset."""
    name, get = field.name, attrgetter(field.name)
    if field.has_presence:
        return lambda messages: [get(message) if message.HasField(name) else None for message in messages]
    return lambda messages: list(map(get, messages))


def is_time(field: FieldDescriptor) -> bool:
    """Whether a field holds a Timestamp or a Duration, which have texts of their own."""
    return field.message_type is not None and field.message_type.full_name in (TIMESTAMP, DURATION)
