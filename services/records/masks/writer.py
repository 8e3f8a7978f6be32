"""Writes a patch into a message, as far as a mask and the contract let it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.chassis.contract import Behavior, Kind
from services.records.filter.invalid import excerpt
from services.records.masks.paths import PathRefused, explain_unknown, read_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.records.masks.schema import MaskField, MaskFields

_KEPT_IF_UNSET = frozenset({Behavior.IMMUTABLE, Behavior.IDENTIFIER, Behavior.INPUT_ONLY})


class Writer:
    """Writes into messages of one record. The result is changed in place, the patch never."""

    __slots__ = ("_fields",)

    def __init__(self, fields: MaskFields) -> None:
        """Take what is known of the fields."""
        self._fields = fields

    def merge(self, result: Any, patch: Any, touched: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> None:
        """Write the fields that the patch sets, and add their paths to `touched`."""
        known = self._fields.of(patch.DESCRIPTOR)
        for descriptor, _ in patch.ListFields():
            one = known[descriptor.name]
            if one.is_output:
                continue
            here = (*path, one.name)
            if one.is_single and result.HasField(one.name):
                self.merge(getattr(result, one.name), getattr(patch, one.name), touched, here)
            else:
                touched.add(here)
                self._write(result, patch, one)

    def replace(self, result: Any, patch: Any) -> None:
        """Make a message what the patch is, but for what the client cannot see or set."""
        for one in self._fields.of(result.DESCRIPTOR).values():
            # Left out is no request to change what cannot change, or what was never shown.
            if not (one.behaviors & _KEPT_IF_UNSET and one.is_unset(patch)):
                self._write(result, patch, one)

    def _write(self, result: Any, patch: Any, one: MaskField) -> None:
        """Make one field what it is in the patch, and keep what the server wrote in it."""
        if one.is_output:
            return
        if one.inner is None:
            _copy(result, patch, one)
        elif one.is_single:
            if not patch.HasField(one.name):
                result.ClearField(one.name)
            elif result.HasField(one.name):
                self.replace(getattr(result, one.name), getattr(patch, one.name))
            else:
                self._write_message(getattr(result, one.name), getattr(patch, one.name), None)
        elif not self._fields.has_output(one.inner):
            _copy(result, patch, one)
        else:
            self._write_all(result, patch, one)

    def _write_all(self, result: Any, patch: Any, one: MaskField) -> None:
        """Replace a list or a map of messages in which the server has written."""
        before = type(result)()
        before.CopyFrom(result)
        old, new = getattr(before, one.name), getattr(patch, one.name)
        result.ClearField(one.name)
        target = getattr(result, one.name)
        if one.kind is Kind.MAP:
            for key in new:
                self._write_message(target[key], new[key], old[key] if key in old else None)  # noqa: SIM401 - get adds it
            return
        for index, item in enumerate(new):
            # An element has no name: it is the same one if it stands where it stood and says what it said.
            kept = old[index] if index < len(old) and self._says(old[index], item) else None
            self._write_message(target.add(), item, kept)

    def _write_message(self, target: Any, source: Any, kept: Any) -> None:
        """Fill an empty message, with what the server wrote in `kept`."""
        target.SetInParent()
        if kept is not None:
            target.CopyFrom(kept)
        self.replace(target, source)

    def _says(self, old: Any, new: Any) -> bool:
        """Whether two messages agree in all that clients write."""
        for one in self._fields.of(old.DESCRIPTOR).values():
            if one.is_output:
                continue
            mine, other = getattr(old, one.name), getattr(new, one.name)
            if one.descriptor.has_presence and old.HasField(one.name) != new.HasField(one.name):
                return False
            if one.is_single and self._fields.has_output(mine.DESCRIPTOR):
                if old.HasField(one.name) and not self._says(mine, other):
                    return False
            elif mine != other:
                return False
        return True

    def walk(self, result: Any, patch: Any, segments: Sequence[str], at: int = 0) -> None:
        """Write what the segments from `at` on lead to.

        Raises:
            PathRefused: if they lead nowhere.
        """
        known = self._fields.of(result.DESCRIPTOR)
        one = known.get(segments[at])
        if one is None:
            raise PathRefused(explain_unknown(segments[at], known))
        rest = len(segments) - at - 1
        if rest == 0:
            self._write(result, patch, one)
        elif one.kind is Kind.MAP:
            self._walk_map(result, patch, one, segments, at + 1)
        elif one.descriptor.is_repeated:
            raise PathRefused(
                f"goes into the list {excerpt(one.name)}, which is replaced as a whole and not by its elements"
            )
        elif one.inner is None:
            raise PathRefused(f"goes into {excerpt(one.name)}, which has no fields to name")
        elif one.is_output:
            self.walk(_blank(result, one), _blank(patch, one), segments, at + 1)
        elif patch.HasField(one.name):
            self.walk(getattr(result, one.name), getattr(patch, one.name), segments, at + 1)
            getattr(result, one.name).SetInParent()
        else:
            # The path must exist, and what it leads to is unset in the patch; an unset message is not made by this.
            below = getattr(result, one.name) if result.HasField(one.name) else _blank(result, one)
            self.walk(below, _blank(patch, one), segments, at + 1)

    def _walk_map(self, result: Any, patch: Any, one: MaskField, segments: Sequence[str], at: int) -> None:
        key = read_key(one, segments[at])
        old, new = getattr(result, one.name), getattr(patch, one.name)
        last = at == len(segments) - 1
        if not last and one.inner is None:
            raise PathRefused(f"goes into a value of {excerpt(one.name)}, which has no fields to name")
        if one.is_output:
            return
        if last and key not in new:
            old.pop(key, None)
        elif one.inner is None:
            entry: Any = one.descriptor.message_type
            if entry.fields_by_name["value"].message_type is None:
                old[key] = new[key]
            else:
                old[key].CopyFrom(new[key])
        elif last:
            self.replace(old[key], new[key])
        else:
            given = key in new
            # Where neither has the key there is nothing to write, but the path must exist.
            target = old[key] if given or key in old else getattr(type(result)(), one.name)[key]
            self.walk(target, new[key] if given else type(target)(), segments, at + 1)


def _copy(result: Any, patch: Any, one: MaskField) -> None:
    name = one.name
    if one.descriptor.is_repeated:
        result.ClearField(name)
        getattr(result, name).MergeFrom(getattr(patch, name))
    elif one.descriptor.has_presence and not patch.HasField(name):
        result.ClearField(name)
    elif one.descriptor.message_type is not None:
        getattr(result, name).CopyFrom(getattr(patch, name))
    else:
        setattr(result, name, getattr(patch, name))


def _blank(message: Any, one: MaskField) -> Any:
    return getattr(type(message)(), one.name)
