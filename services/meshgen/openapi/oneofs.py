"""That of several fields one alone may be set, as JSON Schema says it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2

from services.meshgen.openapi.rules import validate_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

    from services.meshgen.openapi.shapes import Node

MOST_SPELLED_OUT = 6
"""Members of a oneof of which every pair is named; those with more would fill pages."""


def oneof_constraints(
    descriptor: Descriptor, shown: Iterable[FieldDescriptor], rules: Iterable[Any], *, is_sent: bool
) -> list[Node]:
    """Return one constraint for each oneof of a message, and for each oneof rule in `rules`."""
    names = {field.name: field.json_name for field in shown}
    found: list[Node] = []
    for oneof in descriptor.oneofs:
        members = [names[field.name] for field in oneof.fields if field.name in names]
        if len(members) > 1:
            found += _constraint(members, required=is_sent and _is_required(oneof))
    for rule in rules:
        members = [names[name] for name in rule.fields if name in names]
        if len(members) > 1:
            found += _constraint(members, required=rule.required)
    return found


def _constraint(members: list[str], *, required: bool) -> list[Node]:
    if required:
        return [{"oneOf": [{"required": [name]} for name in members]}]
    if len(members) > MOST_SPELLED_OUT:
        return []
    return [{"not": {"anyOf": [{"required": list(pair)} for pair in combinations(members, 2)]}}]


def _is_required(oneof: OneofDescriptor) -> bool:
    options = descriptor_pb2.OneofOptions.FromString(oneof.GetOptions().SerializeToString())
    return bool(options.HasExtension(validate_pb2.oneof) and options.Extensions[validate_pb2.oneof].required)
