"""Holds the message that an update makes to the contract's `buf.validate` rules, those over several fields included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.errors import Violation
from services.chassis.interceptors.fields import plan_of
from services.chassis.interceptors.validation import path_of
from services.chassis.validators import validator_of

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message


class Rules:
    """The rules of one record.

    Validation judges requests, and of an update only what its mask writes. Whether the record that results is right can
    be told here alone, where it is known what was stored.
    """

    __slots__ = ("_any", "_validator", "_where")

    def __init__(self, descriptor: Descriptor, where: str) -> None:
        """Take the record's message, and the path of the record in a request."""
        self._any = plan_of(descriptor, clears_output=False).has_rules
        self._where = where
        self._validator = validator_of(descriptor)

    def broken(self, stored: Message, result: Message, *, anew: bool = False) -> list[Violation]:
        """Return what the result breaks, but for what was broken before: that is no fault of this update.

        `anew` says that nothing was stored before.
        """
        if not self._any:
            return []
        found = self._find(result)
        if not found or anew:
            return found
        known = {(violation.field, violation.reason) for violation in self._find(stored)}
        return [violation for violation in found if (violation.field, violation.reason) not in known]

    def _find(self, message: Message) -> list[Violation]:
        return [self._violation(item.proto) for item in self._validator.collect_violations(message)]

    def _violation(self, found: Any) -> Violation:
        below = path_of(found.field.elements) if found.has_field("field") else ""
        said = (found.message or "breaks a rule of the contract").rstrip(".")
        return Violation(
            field=f"{self._where}.{below}" if below else self._where,
            description=f"{said[:1].upper()}{said[1:]}.",
            reason=found.rule_id,
        )
