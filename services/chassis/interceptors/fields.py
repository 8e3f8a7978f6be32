"""What validation does to a message of one type, prepared once: strings, times, required and server's own fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2 as _validate_pb2
from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2

from services.chassis.errors import Violation

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

validate_pb2: Any = _validate_pb2
"""The rules; generated types and those of protobuf's stubs name an extension's class differently."""

_REQUIRED = field_behavior_pb2.REQUIRED
_OUTPUT_ONLY = field_behavior_pb2.OUTPUT_ONLY
_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_NUL = "Holds the character NUL, which is not allowed in any text."
_BOUNDS = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799, 0),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000, -999_999_999),
}
"""Seconds from and to, and the least nanoseconds, as the comments of these types say; protobuf itself holds nobody to
them, and a clock that Python does not have would be an error of ours."""
_MOST_NANOS = 999_999_999
_OUT_OF_BOUNDS = "Is no time that there is: it lies outside of what its type promises."
_ZERO_MEANS_UNSET = frozenset(
    {_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_BYTES, descriptor_pb2.FieldDescriptorProto.TYPE_ENUM}
)


@dataclass(slots=True, kw_only=True)
class Plan:
    """What there is to do for messages of one type. Plans of types that contain themselves are cyclic."""

    cleared: tuple[str, ...] = ()
    """Fields that the server alone writes: what a client sends there is dropped (AIP-203)."""
    required: tuple[tuple[str, bool], ...] = ()
    """Fields that must be set, and whether `HasField` tells."""
    strings: tuple[str, ...] = ()
    """Single strings, where NUL may hide."""
    string_lists: tuple[str, ...] = ()
    """Repeated strings."""
    messages: tuple[tuple[str, Plan], ...] = ()
    """Single messages, with their plans."""
    message_lists: tuple[tuple[str, Plan], ...] = ()
    """Repeated messages, with their plans."""
    maps: tuple[tuple[str, bool, bool, Plan | None], ...] = ()
    """Maps: whether keys are strings, whether values are, and the plan of values that are messages."""
    bounds: tuple[int, int, int] | None = None
    """Where the type is a time: its least and its greatest seconds, and its least nanoseconds."""
    has_rules: bool = False
    """Whether `buf.validate` has anything to say, here or below."""
    is_needed: bool = False
    """Whether there is anything to walk for, here or below."""
    children: list[Plan] = field(default_factory=list)
    """The plans below, once each."""


def plan_of(descriptor: Descriptor, *, clears_output: bool) -> Plan:
    """Return the plan of a request type."""
    plans: dict[str, Plan] = {}
    plan = _plan(descriptor, plans, clears_output=clears_output)
    _settle(plans)
    return plan


def walk(
    message: Any, plan: Plan, violations: list[Violation], *, optional: str = "", limit: int = 100, path: str = ""
) -> None:
    """Clear what the server alone writes, and add what is missing, holds NUL or is no time to `violations`, to a limit.

    `optional` names a field of the outermost message below which nothing is required.
    """
    _Walk(violations, optional, limit).visit(message, plan, path, required=True)


class _Walk:
    """One walk over a request."""

    __slots__ = ("_limit", "_optional", "_violations")

    def __init__(self, violations: list[Violation], optional: str, limit: int) -> None:
        self._violations = violations
        self._optional = optional
        self._limit = limit

    def visit(self, message: Any, plan: Plan, path: str, *, required: bool) -> None:
        for name in plan.cleared:
            message.ClearField(name)
        if required:
            for name, has_presence in plan.required:
                if not (message.HasField(name) if has_presence else getattr(message, name)):
                    self._add(path + name, "Is required and missing.", "REQUIRED")
        if plan.bounds is not None and not _is_within(message, plan.bounds):
            self._add(path.removesuffix("."), _OUT_OF_BOUNDS, "OUT_OF_BOUNDS")
        for name in plan.strings:
            if "\0" in getattr(message, name):
                self._add(path + name, _NUL, "NO_NUL")
        if plan.children or plan.string_lists:
            self._visit_below(message, plan, path, required=required)

    def _visit_below(self, message: Any, plan: Plan, path: str, *, required: bool) -> None:
        for name in plan.string_lists:
            for index, value in enumerate(getattr(message, name)):
                if "\0" in value:
                    self._add(f"{path}{name}[{index}]", _NUL, "NO_NUL")
        for name, below in plan.messages:
            if message.HasField(name):
                demands = required and (path != "" or name != self._optional)
                self.visit(getattr(message, name), below, f"{path}{name}.", required=demands)
        for name, below in plan.message_lists:
            for index, item in enumerate(getattr(message, name)):
                self.visit(item, below, f"{path}{name}[{index}].", required=required)
                if len(self._violations) >= self._limit:
                    return
        for name, text_keys, text_values, values in plan.maps:
            self._visit_map(getattr(message, name), path + name, (text_keys, text_values, values), required=required)

    def _visit_map(self, entries: Any, path: str, shape: tuple[bool, bool, Plan | None], *, required: bool) -> None:
        text_keys, text_values, plan = shape
        for key in entries:
            place = f'{path}["{key}"]' if text_keys else f"{path}[{str(key).lower()}]"
            if text_keys and "\0" in key:
                self._add(path, "Has a key that holds the character NUL.", "NO_NUL")
            if text_values and "\0" in entries[key]:
                self._add(place, _NUL, "NO_NUL")
            if plan is not None:
                self.visit(entries[key], plan, f"{place}.", required=required)

    def _add(self, path: str, description: str, reason: str) -> None:
        if len(self._violations) < self._limit:
            self._violations.append(Violation(field=path, description=description, reason=reason))


def _is_within(time: Any, bounds: tuple[int, int, int]) -> bool:
    least, greatest, least_nanos = bounds
    return bool(least <= time.seconds <= greatest and least_nanos <= time.nanos <= _MOST_NANOS)


def _plan(descriptor: Descriptor, plans: dict[str, Plan], *, clears_output: bool) -> Plan:
    known = plans.get(descriptor.full_name)
    if known is not None:
        return known
    plan = plans[descriptor.full_name] = Plan()
    plan.has_rules = _has_rules(descriptor)
    plan.bounds = _BOUNDS.get(descriptor.full_name)
    for one in descriptor.fields:
        behaviors = _behaviors(one)
        if clears_output and _OUTPUT_ONLY in behaviors:
            plan.cleared += (one.name,)
            continue
        if _REQUIRED in behaviors and (one.has_presence or one.is_repeated or one.type in _ZERO_MEANS_UNSET):
            plan.required += ((one.name, one.has_presence),)
        _add_field(one, plan, plans, clears_output=clears_output)
    return plan


def _add_field(one: FieldDescriptor, plan: Plan, plans: dict[str, Plan], *, clears_output: bool) -> None:
    if one.type == _STRING:
        if one.is_repeated:
            plan.string_lists += (one.name,)
        else:
            plan.strings += (one.name,)
    message = one.message_type
    if message is None:
        return
    if message.GetOptions().map_entry:
        _add_map(one.name, message, plan, plans, clears_output=clears_output)
        return
    below = _plan(message, plans, clears_output=clears_output)
    plan.children.append(below)
    if one.is_repeated:
        plan.message_lists += ((one.name, below),)
    else:
        plan.messages += ((one.name, below),)


def _add_map(name: str, entry: Descriptor, plan: Plan, plans: dict[str, Plan], *, clears_output: bool) -> None:
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    below = _plan(value.message_type, plans, clears_output=clears_output) if value.message_type else None
    plan.maps += ((name, key.type == _STRING, value.type == _STRING, below),)
    plan.children.append(below or Plan(is_needed=_STRING in {key.type, value.type}))


def _settle(plans: dict[str, Plan]) -> None:
    """Let what is needed below be needed above, however types contain each other, and drop what is needed nowhere."""
    for plan in plans.values():
        plan.is_needed = bool(plan.cleared or plan.required or plan.strings or plan.string_lists or plan.bounds)
    changed = True
    while changed:
        changed = False
        for plan in plans.values():
            needed = plan.is_needed or any(child.is_needed for child in plan.children)
            ruled = plan.has_rules or any(child.has_rules for child in plan.children)
            changed = changed or (needed, ruled) != (plan.is_needed, plan.has_rules)
            plan.is_needed, plan.has_rules = needed, ruled
    for plan in plans.values():
        plan.messages = tuple(pair for pair in plan.messages if pair[1].is_needed)
        plan.message_lists = tuple(pair for pair in plan.message_lists if pair[1].is_needed)
        plan.maps = tuple(
            (name, keys, values, below if below is not None and below.is_needed else None)
            for name, keys, values, below in plan.maps
            if keys or values or (below is not None and below.is_needed)
        )
        if not (plan.messages or plan.message_lists or plan.maps):
            plan.children = []


def _behaviors(one: FieldDescriptor) -> frozenset[int]:
    # Read through the default pool's options: a private pool does not know the extensions of its own.
    options = descriptor_pb2.FieldOptions.FromString(one.GetOptions().SerializeToString())
    return frozenset(options.Extensions[field_behavior_pb2.field_behavior])


def _has_rules(descriptor: Descriptor) -> bool:
    options = descriptor_pb2.MessageOptions.FromString(descriptor.GetOptions().SerializeToString())
    if options.HasExtension(validate_pb2.message):
        return True
    for one in descriptor.fields:
        field_options = descriptor_pb2.FieldOptions.FromString(one.GetOptions().SerializeToString())
        if field_options.HasExtension(validate_pb2.field):
            return True
    for oneof in descriptor.oneofs:
        oneof_options = descriptor_pb2.OneofOptions.FromString(oneof.GetOptions().SerializeToString())
        if oneof_options.HasExtension(validate_pb2.oneof):
            return True
    return False
