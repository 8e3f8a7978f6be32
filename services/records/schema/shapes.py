"""Tells what fields a message has, down to the messages in it: by it rows and tables are compared with the contract."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    Outline = list[dict[str, Any]]

MIXED = 0
"""The shape of a row whose bytes hold fields of more than one contract: whoever reads it leaves out what it lacks."""


def shape_of(descriptor: Descriptor) -> int:
    """Return a signed 64-bit fingerprint of the fields of a message and of all messages in it.

    Names do not count, since they are not on the wire: a renamed field leaves the bytes as they are.
    """
    order = {message.full_name: place for place, message in enumerate(_messages(descriptor))}
    lines = [
        f"{order[message.full_name]}.{field.number}:{field.type}:{field.is_repeated}:"
        f"{'' if field.message_type is None else order[field.message_type.full_name]}"
        for message in _messages(descriptor)
        for field in sorted(message.fields, key=lambda f: f.number)
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def outline_of(descriptor: Descriptor) -> Outline:
    """Return the fields of a message and of all messages in it, the message itself first, as JSON can hold them.

    Each has what it reserves, and its `fields` by number: name, wire type, and place of the message that it holds.
    """
    messages = _messages(descriptor)
    order = {message.full_name: place for place, message in enumerate(messages)}
    return [
        {
            "fields": {
                str(field.number): [
                    field.name,
                    wire_type(field),
                    None if field.message_type is None else order[field.message_type.full_name],
                ]
                for field in sorted(message.fields, key=lambda f: f.number)
            },
            "reserved": [[each.start, each.stop] for each in reserved_of(message)],
        }
        for message in messages
    ]


def wire_type(field: FieldDescriptor) -> str:
    """Return how a field is encoded, such as `optional int32`: fields of one wire type read each other's bytes."""
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        key, value = (wire_type(inner.fields_by_name[part]) for part in ("key", "value"))
        return f"map {key} {value}"
    kind = (
        FieldDescriptorProto.Type.Name(cast("FieldDescriptorProto.Type.ValueType", field.type))
        .removeprefix("TYPE_")
        .lower()
    )
    if inner is not None and inner.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        kind = inner.name.lower()
    if field.is_repeated:
        return f"repeated {kind}"
    return f"optional {kind}" if field.has_presence and inner is None else kind


def reserved_of(descriptor: Descriptor) -> tuple[range, ...]:
    """Return the field numbers that a message reserves."""
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    return tuple(range(each.start, each.end) for each in proto.reserved_range)


def _messages(descriptor: Descriptor) -> list[Descriptor]:
    """Return a message and all messages in it, each once, in the order of the numbers of their fields."""
    found = {descriptor.full_name: descriptor}
    pending = [descriptor]
    for message in pending:  # grows while it is walked
        for field in sorted(message.fields, key=lambda f: f.number):
            inner = field.message_type
            if inner is not None and inner.full_name not in found:
                found[inner.full_name] = inner
                pending.append(inner)
    return pending
