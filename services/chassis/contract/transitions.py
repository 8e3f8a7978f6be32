"""Reads transitions: the moves of a state that a method makes (AIP-216)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from google.protobuf.unknown_fields import UnknownFieldSet
from tenon.options.v1 import options_pb2

from services.chassis.contract.model import Behavior, Kind, Record, Transition
from services.chassis.contract.naming import snake
from services.chassis.contract.problem import MEND_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor, EnumDescriptor, MethodDescriptor
    from google.protobuf.descriptor_pb2 import MethodOptions

    from services.chassis.contract.model import Field
    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element

_FROM = "from"
"""The field's name is a word of Python, so it is never written as an attribute."""


def moved_record(method: MethodDescriptor, records: Mapping[str, Record]) -> Record | None:
    """Return the record that a method answers with, itself or as the one field of its response, or None."""
    answer = method.output_type
    if answer.full_name in records:
        return records[answer.full_name]
    inner = [field.message_type.full_name for field in answer.fields if field.message_type]
    return records.get(inner[0]) if len(inner) == 1 == len(answer.fields) else None


def read_transitions(
    options: MethodOptions, record: Record | None, descriptor: Descriptor | None, element: Element, problems: Problems
) -> tuple[Transition, ...]:
    """Return the moves of a method on its record, whose `descriptor` it is; what is wrong with them is a problem."""
    declared = options.Extensions[options_pb2.transition]
    if not declared:
        return ()
    if record is None or descriptor is None:
        problems.add(
            element,
            "The method moves a state and does not answer with the record that it moves",
            "Let it return the record, or a message that has the record as its one field",
        )
        return ()
    if len({transition.field for transition in declared}) != len(declared):
        problems.add(element, "Two transitions of the method move the same field", "Name each field in one transition")
    found = (_read(transition, record, descriptor, element, problems) for transition in declared)
    return tuple(transition for transition in found if transition is not None)


def _read(
    said: options_pb2.Transition, record: Record, descriptor: Descriptor, element: Element, problems: Problems
) -> Transition | None:
    field = record.field(said.field)
    if field is None or field.kind is not Kind.ENUM or field.repeated:
        problems.add(
            element,
            f"The transition moves {said.field!r}, which is no enum field of {record.message}",
            f"Name one of: {_states(record)}",
        )
        return None
    _check_field(field, element, problems)
    states = cast("EnumDescriptor", descriptor.fields_by_name[said.field].enum_type)
    sources = [_number(states, name, element, problems) for name in getattr(said, _FROM)]
    target = _number(states, said.to, element, problems)
    if not sources:
        problems.add(element, "The transition names no state to move from", 'Name them: `from: "STATE_DRAFT"`')
    if len(UnknownFieldSet(said)):
        problems.add(element, "The transition has parts that this version of Tenon does not know", MEND_UNKNOWN)
    known = tuple(number for number in sources if number is not None)
    if target is None or len(known) != len(sources):
        return None
    return Transition(field=said.field, sources=known, target=target, name=_short(states, said.to))


def _check_field(field: Field, element: Element, problems: Problems) -> None:
    if Behavior.OUTPUT_ONLY not in field.behaviors:
        problems.add(
            element,
            f"The transition moves {field.name!r}, which clients may set past it",
            f"Let `{field.name}` be OUTPUT_ONLY (google.api.field_behavior)",
        )


def _states(record: Record) -> str:
    names = [field.name for field in record.fields if field.kind is Kind.ENUM and not field.repeated]
    return ", ".join(names) or "it has none"


def _number(states: EnumDescriptor, name: str, element: Element, problems: Problems) -> int | None:
    value = states.values_by_name.get(name)
    if value is None:
        problems.add(
            element,
            f"The transition names the state {name!r}, which {states.full_name} does not have",
            f"Name one of: {', '.join(states.values_by_name)}",
        )
        return None
    return int(value.number)


def _short(states: EnumDescriptor, name: str) -> str:
    """Return a value's name without its enum's prefix, such as `confirmed` of `ORDER_STATE_CONFIRMED`."""
    return name.removeprefix(f"{snake(states.name).upper()}_").lower()
