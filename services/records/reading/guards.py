"""The fields that not every caller may read: who may, and what is said to those who ask for them and may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract import Permission
from services.chassis.errors import PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Collection

    from services.chassis.call import Caller
    from services.chassis.contract import Record

NONE: frozenset[str] = frozenset()
"""No fields."""


class FieldNotReadable(PermissionDenied):
    """A filter, an order, a search or a mask names a field that the caller may not read."""

    reason = "FIELD_NOT_READABLE"

    def __init__(self, field: str, permission: str) -> None:
        """Take the field and the permission that it needs."""
        super().__init__(
            f"The field `{field}` needs the permission {permission}. Leave it out of the request.",
            metadata={"field": field, "permission": permission},
        )


class Guards:
    """The fields of one record that have a `read_permission`; false where there are none."""

    __slots__ = ("_permissions", "fields")

    def __init__(self, record: Record) -> None:
        """Take the record."""
        self._permissions = {
            field.name: Permission(name=field.read_permission) for field in record.fields if field.read_permission
        }
        self.fields = frozenset(self._permissions)

    def __bool__(self) -> bool:
        return bool(self._permissions)

    def hidden(self, caller: Caller) -> frozenset[str]:
        """Return the fields that this caller may not read."""
        if not self._permissions:
            return NONE
        return frozenset(name for name, permission in self._permissions.items() if not caller.holds(permission))

    def refuse(self, asked: Collection[str], caller: Caller) -> None:
        """Refuse a request that asks for these top-level fields, unless its caller may read them all.

        Raises:
            FieldNotReadable: with the first of them by name.
        """
        for name in sorted(self.fields.intersection(asked)):
            permission = self._permissions[name]
            if not caller.holds(permission):
                raise FieldNotReadable(name, permission.name)
