"""What an update asks of the fields of a message, read once per type of message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from services.chassis.contract import Behavior, Kind
from services.chassis.contract.fields import kind_of, read_behaviors
from services.records.filter.fields import OPAQUE, WRAPPERS, declared_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor

_ATOMIC = WRAPPERS | OPAQUE | {"google.protobuf.Timestamp", "google.protobuf.Duration"}
_ZERO_MEANS_UNSET = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_ENUM})


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskField:
    """What an update asks of one field."""

    descriptor: FieldDescriptor
    """The field."""
    kind: Kind
    """The kind of its value, or of each."""
    behaviors: frozenset[Behavior]
    """What `google.api.field_behavior` says."""
    inner: Descriptor | None
    """The message whose fields can be named, also that of a list's elements or a map's values."""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.descriptor.name)

    @property
    def is_single(self) -> bool:
        """Whether it is one message whose fields can be named."""
        return self.inner is not None and not self.descriptor.is_repeated

    @property
    def is_output(self) -> bool:
        """Whether the server alone writes it."""
        return Behavior.OUTPUT_ONLY in self.behaviors

    def is_unset(self, message: Any) -> bool:
        """Whether a message does not set it."""
        if self.descriptor.has_presence:
            return not message.HasField(self.name)
        return not getattr(message, self.name)

    def is_missing(self, message: Any) -> bool:
        """Whether it counts as missing where it is required: a number's zero, if it has no presence, is a value."""
        one = self.descriptor
        told = one.has_presence or one.is_repeated or one.type in _ZERO_MEANS_UNSET
        return told and self.is_unset(message)

    def is_same(self, one: Any, other: Any) -> bool:
        """Whether two messages agree in it."""
        if self.descriptor.has_presence and one.HasField(self.name) != other.HasField(self.name):
            return False
        return bool(getattr(one, self.name) == getattr(other, self.name))


class MaskFields:
    """The fields of a record's message and of all that it holds."""

    __slots__ = ("_known", "_outputs")

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._known: dict[str, Mapping[str, MaskField]] = {}
        self._outputs: dict[str, bool] = {}

    def of(self, descriptor: Descriptor) -> Mapping[str, MaskField]:
        """Return the fields of a message by name."""
        found = self._known.get(descriptor.full_name)
        if found is None:
            found = self._known[descriptor.full_name] = {
                one.name: MaskField(
                    descriptor=one, kind=kind_of(one), behaviors=read_behaviors(proto), inner=_inner(one)
                )
                for one, proto in declared_fields(descriptor)
            }
        return found

    def has_output(self, descriptor: Descriptor) -> bool:
        """Whether a message has OUTPUT_ONLY fields at any depth."""
        known = self._outputs.get(descriptor.full_name)
        if known is None:
            pending, seen = [descriptor], {descriptor.full_name}
            for message in pending:  # grows while it is walked
                for one in self.of(message).values():
                    if one.inner is not None and one.inner.full_name not in seen:
                        seen.add(one.inner.full_name)
                        pending.append(one.inner)
            known = any(one.is_output for message in pending for one in self.of(message).values())
            self._outputs[descriptor.full_name] = known
        return known


def _inner(one: FieldDescriptor) -> Descriptor | None:
    message = one.message_type
    if message is not None and message.GetOptions().map_entry:
        message = message.fields_by_name["value"].message_type
    return None if message is None or message.full_name in _ATOMIC else message
