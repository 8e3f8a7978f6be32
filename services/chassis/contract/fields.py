"""Reads fields: their kinds, their behaviours, and what our `field` option says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buf.validate import validate_pb2
from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import FieldDescriptor
from tenon.options.v1 import options_pb2

from services.chassis.contract.model import Behavior, Field, Kind, OnDelete

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

_SCALARS = {
    FieldDescriptor.TYPE_BOOL: Kind.BOOL,
    FieldDescriptor.TYPE_INT32: Kind.INT32,
    FieldDescriptor.TYPE_SINT32: Kind.INT32,
    FieldDescriptor.TYPE_SFIXED32: Kind.INT32,
    FieldDescriptor.TYPE_UINT32: Kind.UINT32,
    FieldDescriptor.TYPE_FIXED32: Kind.UINT32,
    FieldDescriptor.TYPE_INT64: Kind.INT64,
    FieldDescriptor.TYPE_SINT64: Kind.INT64,
    FieldDescriptor.TYPE_SFIXED64: Kind.INT64,
    FieldDescriptor.TYPE_UINT64: Kind.UINT64,
    FieldDescriptor.TYPE_FIXED64: Kind.UINT64,
    FieldDescriptor.TYPE_FLOAT: Kind.FLOAT,
    FieldDescriptor.TYPE_DOUBLE: Kind.DOUBLE,
    FieldDescriptor.TYPE_STRING: Kind.STRING,
    FieldDescriptor.TYPE_BYTES: Kind.BYTES,
    FieldDescriptor.TYPE_ENUM: Kind.ENUM,
}
_MESSAGES = {"google.protobuf.Timestamp": Kind.TIMESTAMP, "google.protobuf.Duration": Kind.DURATION}
_BEHAVIORS = {
    field_behavior_pb2.REQUIRED: Behavior.REQUIRED,
    field_behavior_pb2.OUTPUT_ONLY: Behavior.OUTPUT_ONLY,
    field_behavior_pb2.INPUT_ONLY: Behavior.INPUT_ONLY,
    field_behavior_pb2.IMMUTABLE: Behavior.IMMUTABLE,
    field_behavior_pb2.IDENTIFIER: Behavior.IDENTIFIER,
}
_ON_DELETE = {
    options_pb2.ON_DELETE_RESTRICT: OnDelete.RESTRICT,
    options_pb2.ON_DELETE_CASCADE: OnDelete.CASCADE,
    options_pb2.ON_DELETE_CLEAR: OnDelete.CLEAR,
}


def read_field(
    proto: FieldDescriptorProto, descriptor: FieldDescriptor, *, indexed: bool, unique: bool, searchable: bool
) -> Field:
    """Return a field of a record, whose keys say whether it alone is indexed, unique or searched."""
    option = proto.options.Extensions[options_pb2.field]
    kind = kind_of(descriptor)
    target = descriptor.message_type or descriptor.enum_type
    return Field(
        name=descriptor.name,
        number=descriptor.number,
        kind=kind,
        repeated=descriptor.is_repeated and kind is not Kind.MAP,
        presence=descriptor.has_presence,
        type_name=target.full_name if target else "",
        behaviors=read_behaviors(proto),
        reference=read_reference(proto) if kind is Kind.STRING else "",
        indexed=indexed,
        unique=unique,
        searchable=searchable,
        sensitive=option.sensitive,
        max_length=_read_max_length(proto, repeated=descriptor.is_repeated) if kind is Kind.STRING else None,
        read_permission=option.read_permission,
        write_permission=option.write_permission,
        on_delete=_ON_DELETE.get(option.on_delete, OnDelete.RESTRICT),
    )


def kind_of(descriptor: FieldDescriptor) -> Kind:
    """Return the kind of a field's value, or of each value where it is repeated."""
    if (message := descriptor.message_type) is None:
        return _SCALARS[descriptor.type]
    if message.GetOptions().map_entry:
        return Kind.MAP
    return _MESSAGES.get(message.full_name, Kind.MESSAGE)


def read_behaviors(proto: FieldDescriptorProto) -> frozenset[Behavior]:
    """Return what `google.api.field_behavior` says, as far as a server acts on it."""
    declared = proto.options.Extensions[field_behavior_pb2.field_behavior]
    return frozenset(_BEHAVIORS[behavior] for behavior in declared if behavior in _BEHAVIORS)


def read_sensitive(proto: FieldDescriptorProto) -> bool:
    """Return whether the field is kept out of logs and events."""
    return bool(proto.options.Extensions[options_pb2.field].sensitive)


def read_reference(proto: FieldDescriptorProto) -> str:
    """Return the resource type that the field's value is a name of, or empty."""
    return str(proto.options.Extensions[resource_pb2.resource_reference].type)


def _read_max_length(proto: FieldDescriptorProto, *, repeated: bool) -> int | None:
    rules = proto.options.Extensions[validate_pb2.field]
    if repeated:
        rules = rules.repeated.items
    string = rules.string
    given = [getattr(string, name) for name in ("max_len", "len") if string.HasField(name)]
    return min(given, default=None)
