"""The records that can be reached from others: by reference, by parent, and their children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.api import resource_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor
from graphql import GraphQLField, GraphQLList

from services.chassis.contract import StandardKind, camel
from services.graph.messages import Link, Plan, Readable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.descriptor import Descriptor

    from services.chassis.contract import Contract, Method, Record
    from services.graph.messages import Types

SUFFIX = "Record"
"""What is put behind the name of a reference's field to name the field with the record itself."""

PLURAL = "Records"
"""The same, for a field with many references."""


class Reach:
    """Which records a message leads to."""

    def __init__(self, contract: Contract, children: Callable[[Types, Method, Record], GraphQLField]) -> None:
        """Take the contract, and what makes the field that lists the children of a record by a List method."""
        self._contract = contract
        self._children = children
        self._methods: dict[tuple[str, StandardKind], Method] = {}
        for method in contract.methods.values():
            if method.standard is not None and not method.is_internal:
                self._methods.setdefault((method.standard.record, method.standard.kind), method)
        self._by_type = {record.type: record for record in contract.records}
        self._by_pattern = {
            (record.package, pattern): record for record in contract.records for pattern in record.patterns
        }

    def readable(self, record: Record) -> Readable | None:
        """Return how a record is read by its name, or None where nobody may."""
        get = self._methods.get((record.message, StandardKind.GET))
        batch = self._methods.get((record.message, StandardKind.BATCH_GET))
        if get is None and batch is None:
            return None
        return Readable(message=record.message, plural=record.plural, get=get, batch_get=batch)

    def relations(self, types: Types, descriptor: Descriptor, names: Mapping[str, str]) -> dict[str, GraphQLField]:
        """Return the fields that lead from a message to others; `names` are its own fields' names."""
        found: dict[str, GraphQLField] = {}
        taken = set(names.values())

        def add(name: str, made: GraphQLField) -> None:
            while name in taken:
                name += "_"
            taken.add(name)
            found[name] = made

        for field in descriptor.fields:
            target = self._by_type.get(reference_of(field))
            kind = self.readable(target) if target is not None else None
            if target is not None and kind is not None:
                add(
                    names[field.name] + (PLURAL if field.is_repeated else SUFFIX),
                    _reference(types, field, target, kind),
                )
        record = self._contract.records_by_message.get(descriptor.full_name)
        if record is not None and "name" in names:
            parent = self._by_pattern.get((record.package, record.parent))
            kind = self.readable(parent) if parent is not None else None
            if parent is not None and kind is not None:
                add(f"parent{SUFFIX}", _parent(types, parent, kind, length=len(record.parent.split("/"))))
            for method in self._lists_below(record):
                name = camel(method.name.removeprefix("List"))
                add(name if name not in taken else name + SUFFIX, self._children(types, method, record))
        return found

    def _lists_below(self, record: Record) -> list[Method]:
        below = (each for each in self._contract.records if each.package == record.package and each.parent)
        lists = (
            self._methods.get((each.message, StandardKind.LIST)) for each in below if each.parent in record.patterns
        )
        return [method for method in lists if method is not None]


def reference_of(field: Any) -> str:
    """Return the resource type that a string field names, or an empty text."""
    if field.type != FieldDescriptor.TYPE_STRING:
        return ""
    # Read through the default pool's options: a private pool does not know the extensions of its own.
    options = descriptor_pb2.FieldOptions.FromString(field.GetOptions().SerializeToString())
    return str(options.Extensions[resource_pb2.resource_reference].type)


def _reference(types: Types, field: Any, target: Record, kind: Readable) -> GraphQLField:
    name, permission = field.name, types.permissions.get(field.full_name, "")

    def names(message: Any) -> list[str]:
        return [each for each in getattr(message, name) if each]

    def only_name(message: Any) -> list[str]:
        return [named] if (named := getattr(message, name)) else []

    many = field.is_repeated
    link = Link(kind=kind, names=names if many else only_name)
    plan = Plan(link=link, source=name, many=many, permission=permission)
    described = f"Is what `{types.names_of(field.containing_type)[name]}` names; null where there is none."
    return _linked(types, target, plan, described)


def _parent(types: Types, parent: Record, kind: Readable, *, length: int) -> GraphQLField:
    def names(message: Any) -> list[str]:
        parts = message.name.split("/")
        return ["/".join(parts[:length])] if len(parts) > length else []

    return _linked(
        types, parent, Plan(link=Link(kind=kind, names=names), source="name"), "Is the record above this one."
    )


def _linked(types: Types, target: Record, plan: Plan, description: str) -> GraphQLField:
    """Return the field that is another record, or a list of others."""
    made = types.object_of(types.contract.pool.FindMessageTypeByName(target.message))
    link = plan.link
    assert link is not None  # noqa: S101 - this is what they are for

    def resolve(message: Any, info: Any) -> Any:
        if plan.permission and not info.context.shows(plan, info):
            return [] if plan.many else None
        found = [info.context.load(link.kind, name) for name in link.names(message)]
        if plan.many:
            return found
        return found[0] if found else None

    return GraphQLField(
        GraphQLList(made) if plan.many else made,
        resolve=resolve,
        description=description,
        extensions={"plan": plan},
    )
