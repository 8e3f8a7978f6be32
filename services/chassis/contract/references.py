"""Holds what names something else to what exists: references and parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api import resource_pb2

from services.chassis.contract.model import Scope
from services.chassis.contract.records import is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    from services.chassis.contract.model import Record
    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element, Sources

ANY_TYPE = "*"
"""The resource type of a reference that may name any resource."""


def check_records(records: Iterable[Record], sources: Sources, problems: Problems) -> None:
    """Report records that share a type or a pattern, and records whose parent nobody keeps."""
    types: dict[str, Record] = {}
    patterns: dict[tuple[str, str], Record] = {}
    for record in records:
        element = sources.messages[record.message].element
        if record.type and (other := types.setdefault(record.type, record)) is not record:
            problems.add(
                element, f"{other.message} has the resource type {record.type} too", "Give each record its own type"
            )
        for pattern in record.patterns:
            key = (record.package, _shape(pattern))
            if (other := patterns.setdefault(key, record)) is not record:
                problems.add(element, f"{other.message} has the pattern {pattern} too", "Give each record its own")
    broken = {record.package for record in records if not all(map(is_pattern, record.patterns or ("",)))}
    for record in records:
        if record.package in broken:
            continue  # reported where records are read, and whose parent is whose is not known
        if record.parent and (record.package, _shape(record.parent)) not in patterns:
            problems.add(
                sources.messages[record.message].element,
                f"The parent {record.parent!r} is the pattern of no record in {record.package}",
                "Make the parent a record of the same package, or shorten the pattern",
            )


def check_fields(records: Mapping[str, Record], sources: Sources, problems: Problems) -> None:
    """Report references to types that do not exist or that must not be referenced, and options that guard nothing."""
    known = {ANY_TYPE, *_resource_types(sources)}
    by_type = {record.type: record for record in records.values()}
    for message in sources.messages.values():
        for element, field in message.fields():
            _check_reference(element, field, known, problems)
    for record in records.values():
        for target_type, element in _targets(record, sources):
            target = by_type.get(target_type)
            if target and record.scope is Scope.GLOBAL and target.scope is not Scope.GLOBAL:
                problems.add(
                    element,
                    f"The global record {record.message} refers to {target.message}, which belongs to"
                    f" {'an organization' if target.scope is Scope.ORGANIZATION else 'an owner'}",
                    "Give both the same scope, or remove the reference",
                )


def _shape(pattern: str) -> str:
    """Return a pattern without the names of its variables: two that differ in those alone are one."""
    return "/".join("*" if part.startswith("{") else part for part in pattern.split("/"))


def _resource_types(sources: Sources) -> Iterator[str]:
    for file in sources.files:
        for definition in file.proto.options.Extensions[resource_pb2.resource_definition]:
            yield definition.type
    for message in sources.messages.values():
        yield message.proto.options.Extensions[resource_pb2.resource].type


def _targets(record: Record, sources: Sources) -> Iterator[tuple[str, Element]]:
    """Yield the types that a record refers to: those of its fields, and its parent's."""
    message = sources.messages[record.message]
    for field in record.fields:
        if field.reference:
            yield field.reference, message.field(field.name)
    if record.parent:
        for other in sources.messages.values():
            resource = other.proto.options.Extensions[resource_pb2.resource]
            if other.element.file.package == record.package and record.parent in resource.pattern:
                yield resource.type, message.element


def _check_reference(element: Element, field: FieldDescriptorProto, known: set[str], problems: Problems) -> None:
    reference = field.options.Extensions[resource_pb2.resource_reference]
    for name in (reference.type, reference.child_type):
        if name and name not in known:
            problems.add(
                element,
                f"The reference names the resource type {name!r}, which no message has",
                f"Name one of {', '.join(sorted(known - {ANY_TYPE, ''})) or 'the types that exist (there are none)'}",
            )
