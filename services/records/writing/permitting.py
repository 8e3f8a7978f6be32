"""Field permissions on writes: who may not write a field neither sets it nor changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api import field_behavior_pb2

from services.chassis.contract import Behavior, Permission
from services.records.failures import FieldNotWritable
from services.records.masks.paths import split_path
from services.records.reading.guards import Guards
from services.records.schema.traits import clearing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from services.chassis.call import Caller
    from services.records.schema.tables import RecordTable


class Permitting:
    """The fields of one record that need a permission to be written."""

    __slots__ = ("_fields", "_guarded", "_guards", "_secret")

    def __init__(self, table: RecordTable) -> None:
        """Find the fields."""
        self._guards = Guards(table.record)
        self._secret = frozenset(
            field.name
            for field in table.descriptor.fields
            if Behavior.INPUT_ONLY in _behaviors(table, field.name)
            or (field.message_type is not None and clearing(field.message_type, field_behavior_pb2.INPUT_ONLY))
        )
        self._fields: list[tuple[FieldDescriptor, Permission]] = [
            (table.descriptor.fields_by_name[field.name], Permission(name=field.write_permission))
            for field in table.record.fields
            if field.write_permission
        ]
        self._guarded: list[tuple[FieldDescriptor, list[Permission]]] = [
            (
                table.descriptor.fields_by_name[field.name],
                [Permission(name=name) for name in (field.read_permission, field.write_permission) if name],
            )
            for field in table.record.fields
            if field.read_permission or field.write_permission
        ]

    def check_new(self, body: Message, caller: Caller, path: str) -> None:
        """Refuse a new record that sets what the caller may not write.

        Raises:
            FieldNotWritable: naming the field.
        """
        for one, permission in self._fields:
            if not caller.holds(permission) and _is_set(body, one):
                raise _refused(path, one.name, permission)

    def keep_unseen(self, stored: Any, patch: Any, mask: Sequence[str], caller: Caller) -> None:
        """Have a full replacement keep the fields that it leaves out and that the caller may not read or not write."""
        if "*" not in mask:
            return
        for one, permissions in self._guarded:
            if not all(map(caller.holds, permissions)) and not _is_replaced(patch, one) and _is_set(stored, one):
                _copy(stored, patch, one)

    def writes_unseen(self, sent: Collection[str], mask: Sequence[str], caller: Caller) -> bool:
        """Whether an update with a valid mask, or with these fields `sent`, writes what its caller may not read.

        That is a field whose permission it lacks, or one that is never shown (INPUT_ONLY) or holds such.
        """
        unseen = self._secret | self._guards.hidden(caller)
        if not unseen:
            return False
        if "*" in mask:
            # What a replacement leaves out of these fields stays as it is, so that alone tells nothing.
            return not unseen.isdisjoint(sent)
        return not unseen.isdisjoint([split_path(path)[0] for path in mask] or sent)

    def check_changed(self, stored: Message, result: Message, mask: Sequence[str], caller: Caller, where: str) -> None:
        """Refuse an update that names in its mask, or changes, what the caller may not write.

        Raises:
            FieldNotWritable: naming the field.
        """
        for one, permission in self._fields:
            if caller.holds(permission):
                continue
            named = any(path != "*" and split_path(path)[0] == one.name for path in mask)
            if named or not _is_same(stored, result, one):
                raise _refused(where, one.name, permission)


def _behaviors(table: RecordTable, name: str) -> frozenset[Behavior]:
    field = table.record.field(name)
    return field.behaviors if field is not None else frozenset()


def _is_set(message: Any, one: FieldDescriptor) -> bool:
    return bool(message.HasField(one.name) if one.has_presence else getattr(message, one.name))


def _is_replaced(patch: Any, one: FieldDescriptor) -> bool:
    """Whether a replacement sets a field, or another one of its oneof."""
    if one.containing_oneof is not None:
        return patch.WhichOneof(one.containing_oneof.name) is not None
    return _is_set(patch, one)


def _is_same(stored: Any, result: Any, one: FieldDescriptor) -> bool:
    if one.has_presence and stored.HasField(one.name) != result.HasField(one.name):
        return False
    before, after = getattr(stored, one.name), getattr(result, one.name)
    # NaN is equal to nothing, itself included.
    return bool(before == after or repr(before) == repr(after))


def _copy(source: Any, target: Any, one: FieldDescriptor) -> None:
    if one.is_repeated:
        getattr(target, one.name).MergeFrom(getattr(source, one.name))
    elif one.message_type is not None:
        getattr(target, one.name).CopyFrom(getattr(source, one.name))
    else:
        setattr(target, one.name, getattr(source, one.name))


def _refused(path: str, name: str, permission: Permission) -> FieldNotWritable:
    field = f"{path}.{name}"
    return FieldNotWritable(
        f"Writing {field} needs the permission {permission.name}. Leave the field out, or ask for the permission.",
        metadata={"field": field, "permission": permission.name},
    )
