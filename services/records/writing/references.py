"""The references of a record to others that the same process keeps: those in its columns, and those inside messages."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.api import resource_pb2
from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    from services.records.schema.tables import RecordTable

NESTED = "nested_"
"""Parameters that hold the references inside messages begin with this: number of the target, then what they hold."""

_PARTS = ("at", "path", "name")


def references_of(table: RecordTable, tables: Mapping[str, RecordTable]) -> dict[str, RecordTable]:
    """Return the tables that the reference fields of a record point to, by field; those kept elsewhere are left out."""
    by_type = {other.record.type: other for other in tables.values()}
    return {
        field.name: by_type[field.reference]
        for field in table.record.fields
        if field.reference in by_type and field.name in table.columns and field.name != "name"
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """Where references may stand inside one top-level field."""

    field: str
    """The top-level field."""
    path: str
    """The way to the reference for a reader, such as `items.product`."""
    steps: str
    """The way to it from the field's value, as a jsonpath goes on behind `$`."""
    target: RecordTable
    """The record that is referred to."""


@dataclass(slots=True)
class _Plan:
    """What there is to look at in messages of one type."""

    leaves: list[tuple[str, str, FieldDescriptor]] = field(default_factory=list)
    below: list[tuple[str, _Plan, FieldDescriptor]] = field(default_factory=list)


class Nested:
    """The references inside the messages, maps and lists of messages of one record."""

    __slots__ = ("_plan", "_types", "inside", "table", "targets")

    def __init__(self, table: RecordTable, tables: Mapping[str, RecordTable]) -> None:
        """Plan where to look."""
        self.table = table
        """The record's own."""
        by_type = {other.record.type: other for other in tables.values()}
        known = set(by_type)
        self._plan = _plan_of(table.descriptor, known)
        # A list of names at the top has a column of its own, and is looked at there.
        self._plan.leaves = [leaf for leaf in self._plan.leaves if _is_map(leaf[2])]
        self.inside = tuple(
            Inside(field=top, path=path, steps=steps, target=by_type[kind])
            for top, path, steps, kind in _ways(table.descriptor, known)
        )
        found = dict.fromkeys(place.target.record.type for place in self.inside)
        self.targets: tuple[RecordTable, ...] = tuple(by_type[kind] for kind in found)
        """The records that are referred to; each has its number by its place."""
        self._types = {kind: number for number, kind in enumerate(found)}

    def values(self, message: Message, before: Message | None = None) -> dict[str, Any]:
        """Return the parameters that hold what a message refers to; what it referred to before is left out."""
        if not self.targets:
            return {}
        known = set() if before is None else {(kind, name) for kind, _, name in _walk(before, self._plan, "")}
        found: dict[str, list[Any]] = {key: [] for key in self.parameters()}
        for kind, path, name in _walk(message, self._plan, ""):
            if (kind, name) not in known:
                number = self._types[kind]
                for part, value in zip(_PARTS, (0, path, name), strict=True):
                    found[f"{NESTED}{number}_{part}"].append(value)
        return found

    def parameters(self) -> Iterator[str]:
        """Yield the names of the parameters."""
        for number in range(len(self.targets)):
            for part in _PARTS:
                yield f"{NESTED}{number}_{part}"

    def together(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """Return the parameters of many rows, each reference with the number of its row."""
        joined: dict[str, list[Any]] = defaultdict(list)
        for ordinal, row in enumerate(rows):
            for key in self.parameters():
                joined[key] += [ordinal] * len(row[key]) if key.endswith("_at") else row[key]
        return joined


def _reference(one: FieldDescriptor) -> str:
    options: Any = one.GetOptions()
    return str(options.Extensions[resource_pb2.resource_reference].type)


def _is_map(one: FieldDescriptor) -> bool:
    return one.message_type is not None and bool(one.message_type.GetOptions().map_entry)


def _value(one: FieldDescriptor) -> FieldDescriptor:
    """Return what says of which type the values of a field are: for a map, its own value field."""
    message = one.message_type
    return message.fields_by_name["value"] if message is not None and _is_map(one) else one


def _plan_of(descriptor: Descriptor, known: Collection[str]) -> _Plan:
    plans: dict[str, _Plan] = {}

    def plan(message: Descriptor) -> _Plan:
        found = plans.get(message.full_name)
        if found is not None:
            return found
        found = plans[message.full_name] = _Plan()
        for one in message.fields:
            value = _value(one)
            if value.type == FieldDescriptor.TYPE_STRING and (kind := _reference(one)) in known:
                found.leaves.append((kind, one.name, one))
            elif value.message_type is not None and _leads(value.message_type, known):
                found.below.append((one.name, plan(value.message_type), one))
        return found

    return plan(descriptor)


def _leads(descriptor: Descriptor, known: Collection[str]) -> bool:
    """Whether a message, or any below it, has a reference."""
    return any(True for _ in _leaves(descriptor, known))


def _leaves(descriptor: Descriptor, known: Collection[str]) -> Iterator[tuple[str, FieldDescriptor]]:
    """Yield the references of a message and of all messages that can be in it, each field once."""
    pending, seen = [descriptor], {descriptor.full_name}
    for message in pending:  # grows while it is walked
        for one in message.fields:
            value = _value(one)
            if value.type == FieldDescriptor.TYPE_STRING and (kind := _reference(one)) in known:
                yield kind, one
            elif (inner := value.message_type) is not None and inner.full_name not in seen:
                seen.add(inner.full_name)
                pending.append(inner)


def _walk(message: Any, plan: _Plan, path: str) -> Iterator[tuple[str, str, str]]:
    """Yield type, path and name of each reference that is set."""
    for kind, name, one in plan.leaves:
        for where, value in _each(message, name, one):
            if value:
                yield kind, path + where, value
    for name, below, one in plan.below:
        for where, inner in _each(message, name, one):
            yield from _walk(inner, below, f"{path}{where}.")


def _each(message: Any, name: str, one: FieldDescriptor) -> Iterator[tuple[str, Any]]:
    """Yield the values of a field, each with its path."""
    if _is_map(one):
        for key, value in getattr(message, name).items():
            shown = f'"{key}"' if isinstance(key, str) else str(key).lower()
            yield f"{name}[{shown}]", value
    elif one.is_repeated:
        for index, value in enumerate(getattr(message, name)):
            yield f"{name}[{index}]", value
    elif one.message_type is None or message.HasField(name):
        yield name, getattr(message, name)


def _ways(descriptor: Descriptor, known: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield top-level field, path, jsonpath steps and type of each place inside a message where a reference stands."""
    for one in descriptor.fields:
        value, root = _value(one), _over(one)
        if value.message_type is not None:
            for path, steps, kind in _ways_in(value.message_type, known, (descriptor.full_name,)):
                yield one.name, f"{one.name}.{path}", root + steps, kind
        elif _is_map(one) and value.type == FieldDescriptor.TYPE_STRING and (kind := _reference(one)) in known:
            yield one.name, one.name, root, kind


def _ways_in(descriptor: Descriptor, known: Collection[str], above: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    if descriptor.full_name in above:
        # It may hold itself to any depth.
        for kind, one in dict.fromkeys(_leaves(descriptor, known)):
            yield one.name, f".**.{_key(one)}{_over(one)}", kind
        return
    for one in descriptor.fields:
        value, step = _value(one), f".{_key(one)}{_over(one)}"
        if value.type == FieldDescriptor.TYPE_STRING and (kind := _reference(one)) in known:
            yield one.name, step, kind
        elif value.message_type is not None and _leads(value.message_type, known):
            for path, steps, kind in _ways_in(value.message_type, known, (*above, descriptor.full_name)):
                yield f"{one.name}.{path}", step + steps, kind


def _key(one: FieldDescriptor) -> str:
    return json.dumps(one.name)


def _over(one: FieldDescriptor) -> str:
    """Return what leads from a field's value to each of its values."""
    if _is_map(one):
        return ".*"
    return "[*]" if one.is_repeated else ""
