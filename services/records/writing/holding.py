"""Holds what Python code stores to the contract: required fields, settled fields, and the rules of `buf.validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.interceptors.fields import plan_of, walk
from services.records.failures import Unstorable
from services.records.masks import UpdateInvalid
from services.records.masks.judge import Judge
from services.records.masks.schema import MaskFields
from services.records.writing.rules import Rules

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from services.chassis.errors import Violation
    from services.records.schema.tables import RecordTable


class Holding:
    """The rules of one record, for code that may set what clients may not."""

    __slots__ = ("_fields", "_plan", "_rules", "_singular")

    def __init__(self, table: RecordTable) -> None:
        """Plan what is looked at."""
        self._singular = table.record.singular
        self._plan = plan_of(table.descriptor, clears_output=False)
        self._rules = Rules(table.descriptor, self._singular)
        self._fields = MaskFields()

    def hold_new(self, message: Message) -> None:
        """Refuse a new record that breaks the contract.

        Raises:
            Unstorable: with all that is wrong.
        """
        violations = self._walk(message)
        told = {violation.field for violation in violations}
        empty = type(message)()
        broken = self._rules.broken(empty, message, anew=True)
        violations += [each for each in broken if each.field not in told]
        if violations:
            raise Unstorable(violations)

    def hold_changed(self, stored: Message, result: Message) -> None:
        """Refuse a change that breaks the contract, but for what was broken before.

        Raises:
            UpdateInvalid: with all that is wrong.
        """
        judge = Judge(self._fields, set())
        judge.compare(stored, result, self._singular)
        judge.require(stored, result, self._singular)
        told = {violation.field for violation in judge.violations}
        broken = [each for each in self._rules.broken(stored, result) if each.field not in told]
        if violations := [*judge.violations, *broken]:
            first = violations[0]
            said = f"The update is invalid. {first.field}: {first.description}"
            raise UpdateInvalid(said, violations=violations, metadata={"field": first.field})

    def _walk(self, message: Message) -> list[Violation]:
        violations: list[Violation] = []
        if self._plan.is_needed:
            walk(message, self._plan, violations, path=f"{self._singular}.")
        return violations
