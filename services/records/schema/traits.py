"""What the options of fields ask of the engine at any depth of a message, planned once per type of message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from tenon.options.v1 import options_pb2

from services.records.schema.times import cut_duration, cut_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    Step = Callable[[Message], None]
    Act = Callable[[FieldDescriptor], Step | None]

_TIMES: Mapping[str, Callable[[Any], None]] = {
    "google.protobuf.Timestamp": cut_timestamp,
    "google.protobuf.Duration": cut_duration,
}


def clearing(descriptor: Descriptor, *behaviors: int) -> Step | None:
    """Return what clears the fields of these behaviours at any depth, or None where there are none."""

    def act(field: FieldDescriptor) -> Step | None:
        has = _option(field, field_behavior_pb2.field_behavior)
        return _clear(field.name) if any(behavior in has for behavior in behaviors) else None

    return _walk(descriptor, act)


def redaction(descriptor: Descriptor, *, kept: Collection[str] = ()) -> Step | None:
    """Return what clears the fields that are kept out of logs and events, or None where there are none.

    These are the sensitive ones, and those that no caller is ever shown (INPUT_ONLY). `kept` are top-level fields that
    stay though they are sensitive.
    """

    def act(field: FieldDescriptor) -> Step | None:
        hidden = field_behavior_pb2.INPUT_ONLY in _option(field, field_behavior_pb2.field_behavior)
        if not hidden and field.name in kept and field.containing_type == descriptor:
            return None
        return _clear(field.name) if hidden or _option(field, options_pb2.field).sensitive else None

    return _walk(descriptor, act)


def sensitive_below(descriptor: Descriptor) -> list[str]:
    """Return the paths of the sensitive fields inside of messages, such as `contact.phone`; a type is entered once."""
    found: list[str] = []

    def visit(inside: Descriptor, path: str, seen: frozenset[str]) -> None:
        for field in inside.fields:
            where = f"{path}.{field.name}" if path else field.name
            if path and _option(field, options_pb2.field).sensitive:
                found.append(where)
            elif (inner := _inner(field)) is not None and inner.full_name not in seen:
                visit(inner, where, seen | {inner.full_name})

    visit(descriptor, "", frozenset({descriptor.full_name}))
    return found


def cutting(descriptor: Descriptor) -> Step | None:
    """Return what cuts all times and durations to microseconds, or None where there are none."""
    return _walk(descriptor, lambda field: _cut(field) if _is_time(field) else None)


def text_pattern(field: FieldDescriptor | None) -> str:
    """Return what `buf.validate` says that a text looks like, or an empty text: then our own rule applies."""
    return str(_option(field, validate_pb2.field).string.pattern) if field is not None else ""


def _option(field: FieldDescriptor, extension: Any) -> Any:
    options: Any = field.GetOptions()
    return options.Extensions[extension]


def _is_time(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.full_name in _TIMES


def _clear(name: str) -> Step:
    return lambda message: message.ClearField(name)


def _cut(field: FieldDescriptor) -> Step:
    name, cut = field.name, _TIMES[cast("Descriptor", field.message_type).full_name]
    if field.is_repeated:

        def cut_all(message: Message) -> None:
            for value in getattr(message, name):
                cut(value)

        return cut_all

    def cut_one(message: Message) -> None:
        if message.HasField(name):
            cut(getattr(message, name))

    return cut_one


def _walk(descriptor: Descriptor, act: Act) -> Step | None:
    """Return what does `act`'s steps in a message and in all messages below it, or None where none has any."""
    affected = _affected(descriptor, act)
    if descriptor.full_name not in affected:
        return None
    plans: dict[str, list[Step]] = {name: [] for name in affected}
    for name, found in affected.items():
        for field in found.fields:
            step = act(field)
            if step is not None:
                plans[name].append(step)
            elif (inner := _inner(field)) is not None and inner.full_name in plans:
                plans[name].append(_descend(field, plans[inner.full_name]))
    return _all(plans[descriptor.full_name])


def _all(steps: list[Step]) -> Step:
    def run(message: Message) -> None:
        for step in steps:
            step(message)

    return run


def _descend(field: FieldDescriptor, steps: list[Step]) -> Step:
    name, run = field.name, _all(steps)
    if not field.is_repeated:

        def into_one(message: Message) -> None:
            if message.HasField(name):
                run(getattr(message, name))

        return into_one
    is_map = _is_map(field)

    def into_all(message: Message) -> None:
        values = getattr(message, name)
        for value in values.values() if is_map else values:
            run(value)

    return into_all


def _inner(field: FieldDescriptor) -> Descriptor | None:
    """Return the message below a field, which for a map is its value."""
    if _is_map(field):
        return cast("Descriptor", field.message_type).fields_by_name["value"].message_type
    return field.message_type


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _affected(descriptor: Descriptor, act: Act) -> dict[str, Any]:
    """Return the types of message at or below this one that `act` has something to do in."""
    reached: dict[str, Descriptor] = {descriptor.full_name: descriptor}
    pending = [descriptor]
    for found in pending:  # grows while it is walked
        for field in found.fields:
            inner = _inner(field)
            if inner is not None and inner.full_name not in reached:
                reached[inner.full_name] = inner
                pending.append(inner)
    affected = {name for name, found in reached.items() if any(act(field) is not None for field in found.fields)}
    grown = True
    while grown:
        above = {
            name
            for name, found in reached.items()
            if name not in affected
            and any((inner := _inner(field)) is not None and inner.full_name in affected for field in found.fields)
        }
        affected |= above
        grown = bool(above)
    return {name: reached[name] for name in sorted(affected)}
