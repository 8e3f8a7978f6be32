"""Field permissions on writes: who may not write a field neither sets it nor changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.contract import Permission
from services.records.failures import FieldNotWritable
from services.records.masks.paths import split_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

    from services.chassis.call import Caller
    from services.records.tables import RecordTable


class Permitting:
    """The fields of one record that need a permission to be written."""

    __slots__ = ("_fields", "_guarded")

    def __init__(self, table: RecordTable) -> None:
        """Find the fields."""
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
            if not all(map(caller.holds, permissions)) and not _is_set(patch, one) and _is_set(stored, one):
                _copy(stored, patch, one)

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


def _is_set(message: Any, one: FieldDescriptor) -> bool:
    return bool(message.HasField(one.name) if one.has_presence else getattr(message, one.name))


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
