"""Judges what an update made of a message: what is settled stays, what is required is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.contract import Behavior, Kind
from services.chassis.errors import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.records.masks.schema import MaskField, MaskFields

MAX_VIOLATIONS = 100
"""Violations after which nobody looks for more."""

_SETTLED = frozenset({Behavior.IMMUTABLE, Behavior.IDENTIFIER})


class Judge:
    """Compares a result with what was stored; afterwards `violations` has all that is wrong."""

    __slots__ = ("_fields", "_touched", "violations")

    def __init__(self, fields: MaskFields, touched: set[tuple[str, ...]]) -> None:
        """Take what is known of the fields, and the paths that were written; the empty path stands for everything."""
        self._fields = fields
        self._touched = touched
        self.violations: list[Violation] = []

    def compare(self, stored: Any, result: Any, where: str) -> None:
        """Note each settled field that changed; `where` is the path of the message in the request."""
        for one in self._fields.of(stored.DESCRIPTOR).values():
            here = f"{where}.{one.name}"
            if one.behaviors & _SETTLED:
                if not one.is_same(stored, result):
                    self._add(here, "Cannot be changed once it is set; leave it out or send what it is.", "IMMUTABLE")
            elif one.is_single and stored.HasField(one.name) and result.HasField(one.name):
                self.compare(getattr(stored, one.name), getattr(result, one.name), here)

    def require(
        self, stored: Any, result: Any, where: str, path: tuple[str, ...] = (), *, written: bool = False
    ) -> None:
        """Note each required field that was cleared, or is missing in what was written; `stored` None was not there."""
        written = written or path in self._touched
        for one in self._fields.of(result.DESCRIPTOR).values():
            if one.is_output:
                continue
            here, below = f"{where}.{one.name}", (*path, one.name)
            new = written or below in self._touched
            if Behavior.REQUIRED in one.behaviors and one.is_missing(result):
                if new or (stored is not None and not one.is_missing(stored)):
                    self._add(here, "Is required and cannot be cleared.", "REQUIRED")
            elif one.inner is not None:
                for key, shown, now, before in _below(stored, result, one):
                    self.require(before, now, here + shown, below + key, written=new or before is None)

    def _add(self, where: str, description: str, reason: str) -> None:
        if len(self.violations) < MAX_VIOLATIONS:
            self.violations.append(Violation(field=where, description=description, reason=reason))


def _below(stored: Any, result: Any, one: MaskField) -> Iterator[tuple[tuple[str, ...], str, Any, Any]]:
    """Yield the messages that a field holds: the key of each, how it is shown, what it is now, and what it was."""
    now = getattr(result, one.name)
    if one.is_single:
        if result.HasField(one.name):
            was = stored is not None and stored.HasField(one.name)
            yield (), "", now, getattr(stored, one.name) if was else None
        return
    before = getattr(stored, one.name) if stored is not None else ()
    if one.kind is Kind.MAP:
        for key in now:
            text = str(key).lower() if isinstance(key, bool) else str(key)
            shown = f'["{key}"]' if isinstance(key, str) else f"[{text}]"
            yield (text,), shown, now[key], _get(before, key)
    else:
        for index, item in enumerate(now):
            # An unchanged element stands where it stood; what it lacked before is no concern of this update.
            kept = before[index] if index < len(before) and before[index] == item else None
            yield (str(index),), f"[{index}]", item, kept


def _get(values: Any, key: Any) -> Any:
    # Asked first: reading a missing key of a map of messages adds it.
    return values[key] if key in values else None  # noqa: SIM401 - a map of messages
