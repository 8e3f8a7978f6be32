"""What an update makes of a stored message: its update mask is read, obeyed and judged here (AIP-134, 161 and 203).

    no mask          the fields that the patch sets, those of single messages one by one; nothing is cleared
    *                everything; what the client cannot see or set keeps its value
    a.b              that field, cleared where the patch does not set it
    map.key          that entry; ``map.`any key` `` where the key has dots (a backtick in it is doubled)

Lists are replaced as a whole. OUTPUT_ONLY fields keep their stored value whatever the patch and the mask say. IMMUTABLE
and IDENTIFIER fields may be named, with the value that they have. Names are in snake_case, as Envoy hands them on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.errors import InvalidArgument, Violation
from services.records.filter.invalid import excerpt
from services.records.masks.judge import MAX_VIOLATIONS, Judge
from services.records.masks.paths import PathRefused, split_path
from services.records.masks.schema import MaskFields
from services.records.masks.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from services.chassis.contract import Record
    from services.records.writing.rules import Rules

__all__ = ["MAX_PATHS", "FieldMaskInvalid", "Masks", "UpdateInvalid"]

MAX_PATHS = 1000
"""The most paths of one mask."""


class FieldMaskInvalid(InvalidArgument):
    """The update mask names what cannot be updated."""

    reason = "FIELD_MASK_INVALID"


class UpdateInvalid(InvalidArgument):
    """The update changes what is settled, or clears what is required; `violations` has them all."""


class Masks:
    """Applies update masks to messages of one record."""

    __slots__ = ("_fields", "_rules", "_singular", "_writer")

    def __init__(self, record: Record, rules: Rules | None = None) -> None:
        """Take the record, whose messages bring their own descriptors, and the rules that results are held to."""
        self._singular = record.singular
        self._rules = rules
        self._fields = MaskFields()
        self._writer = Writer(self._fields)

    def updated(self, stored: Message, patch: Message, mask: Sequence[str]) -> Message:
        """Return the stored message as the patch makes it; neither of the two is changed.

        Raises:
            FieldMaskInvalid: where the mask names what does not exist or cannot be named.
            UpdateInvalid: where an IMMUTABLE field would change, a REQUIRED one be cleared, or a rule be broken.
        """
        result = type(stored)()
        result.CopyFrom(stored)
        touched: set[tuple[str, ...]] = set()
        mistakes = self._write(result, patch, mask, touched)
        judge = Judge(self._fields, touched)
        judge.compare(stored, result, self._singular)
        judge.require(stored, result, self._singular)
        if mistakes:
            found = [Violation(field="update_mask", description=mistake) for mistake in mistakes[:MAX_VIOLATIONS]]
            raise FieldMaskInvalid(f"The update mask is invalid: {mistakes[0]}", violations=[*found, *judge.violations])
        violations = judge.violations
        if self._rules is not None:
            told = {violation.field for violation in violations}
            broken = self._rules.broken(stored, result)
            violations = [*violations, *(each for each in broken if each.field not in told)][:MAX_VIOLATIONS]
        if violations:
            first = violations[0]
            said = f"The update is invalid. {first.field}: {first.description}"
            raise UpdateInvalid(said, violations=violations, metadata={"field": first.field})
        return result

    def _write(self, result: Message, patch: Message, mask: Sequence[str], touched: set[tuple[str, ...]]) -> list[str]:
        """Write the patch into the result and return what is wrong with the mask."""
        if not mask:
            self._writer.merge(result, patch, touched)
        elif len(mask) > MAX_PATHS:
            return [f"A mask has at most {MAX_PATHS:,} paths, and this one {len(mask):,}."]
        elif "*" in mask:
            if len(mask) > 1:
                return ["'*' stands for everything and must stand alone."]
            self._writer.replace(result, patch)
            touched.add(())
        else:
            return [mistake for path in mask if (mistake := self._write_path(result, patch, path, touched))]
        return []

    def _write_path(self, result: Message, patch: Message, path: str, touched: set[tuple[str, ...]]) -> str:
        try:
            segments = split_path(path)
            self._writer.walk(result, patch, segments)
        except PathRefused as refused:
            return f"The path {excerpt(path)} {refused}."
        touched.add(tuple(segments))
        return ""
