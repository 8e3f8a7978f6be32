"""GraphQL types from messages and enums: made as they are first referred to, each once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from services.chassis.contract import Behavior
from services.graph import scalars
from services.graph.naming import choose_names, field_names, local_path, type_names, value_names
from services.graph.values import JSON_TYPES, WRAPPERS, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from google.protobuf.descriptor import Descriptor, EnumDescriptor
    from graphql import GraphQLInputType, GraphQLOutputType

    from services.chassis.contract import Contract, Method
    from services.graph.values import Read

    Relations = Callable[[Descriptor, Mapping[str, str]], Mapping[str, GraphQLField]]
    """Returns the fields that lead from a message to other records, by name; its own fields' names are given."""

EMPTY = "google.protobuf.Empty"

_SCALARS: dict[int, Any] = {
    FieldDescriptor.TYPE_DOUBLE: GraphQLFloat,
    FieldDescriptor.TYPE_FLOAT: GraphQLFloat,
    FieldDescriptor.TYPE_BOOL: GraphQLBoolean,
    FieldDescriptor.TYPE_STRING: GraphQLString,
    FieldDescriptor.TYPE_BYTES: scalars.BYTES,
    FieldDescriptor.TYPE_INT32: GraphQLInt,
    FieldDescriptor.TYPE_SINT32: GraphQLInt,
    FieldDescriptor.TYPE_SFIXED32: GraphQLInt,
    FieldDescriptor.TYPE_UINT32: scalars.UINT32,
    FieldDescriptor.TYPE_FIXED32: scalars.UINT32,
    FieldDescriptor.TYPE_INT64: scalars.INT64,
    FieldDescriptor.TYPE_SINT64: scalars.INT64,
    FieldDescriptor.TYPE_SFIXED64: scalars.INT64,
    FieldDescriptor.TYPE_UINT64: scalars.UINT64,
    FieldDescriptor.TYPE_FIXED64: scalars.UINT64,
}
_MESSAGES: dict[str, Any] = {
    "google.protobuf.Timestamp": scalars.TIMESTAMP,
    "google.protobuf.Duration": scalars.DURATION,
    "google.protobuf.FieldMask": scalars.FIELD_MASK,
    **dict.fromkeys(JSON_TYPES, scalars.JSON),
}
_FLOATS = frozenset({FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Readable:
    """A kind of record that can be read by name."""

    message: str
    """Full name of its message."""
    plural: str
    """Its field in the response of BatchGet."""
    get: Method | None
    """Its Get."""
    batch_get: Method | None
    """Its BatchGet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """That a field is another record, which its message names."""

    kind: Readable
    """The kind of record."""
    names: Callable[[Any], list[str]]
    """Returns the names in a message, those that are empty left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a field of a type is made of, as the executor and the limits see it."""

    read: Read | None = None
    """Reads the value from its message, where nothing else has to be asked."""
    link: Link | None = None
    """The record that it is, where it is another one."""
    source: str = ""
    """The field of the message that is needed for it, by its name in the contract."""
    permission: str = ""
    """The permission without which the field is not shown, or empty."""
    calls: bool = False
    """Whether it makes an RPC of its own, for each message that it is asked of."""
    pages: bool = False
    """Whether it returns a page, of as many records as `first` says."""
    many: bool = False
    """Whether it returns a list, how long is not known beforehand."""
    batches: str = ""
    """The argument whose length says how many records it returns, or empty."""


@dataclass(kw_only=True, slots=True)
class Types:
    """The types of one schema."""

    contract: Contract
    """The contract that they are made of."""
    comments: Mapping[str, str]
    """What the contract says of each message, field, enum and value, by full name."""
    permissions: Mapping[str, str]
    """The permissions without which fields are not shown, by the fields' full names."""
    relations: Relations
    """Returns the fields that lead to other records."""
    names: dict[str, str] = field(default_factory=dict)
    """The names of all messages and enums, by full name."""
    page_info: Any = None
    """The type that says where a page ends."""
    taken: set[str] = field(default_factory=set)
    """All names in use."""
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    """The GraphQL names of fields, by the message's full name and the field's."""
    _objects: dict[str, GraphQLObjectType] = field(default_factory=dict)
    _inputs: dict[str, GraphQLInputObjectType] = field(default_factory=dict)
    _enums: dict[str, GraphQLEnumType] = field(default_factory=dict)

    def name_all(self, roots: Iterable[Descriptor]) -> None:
        """Choose the names of all types that the roots lead to."""
        found: dict[str, tuple[str, ...]] = {}
        waiting: list[Any] = list(roots)
        while waiting:
            one = waiting.pop()
            if one.full_name in found:
                continue
            found[one.full_name] = type_names(one.file.package, local_path(one))
            for each in getattr(one, "fields", ()):
                waiting.extend(kind for kind in (each.message_type, each.enum_type) if kind is not None)
        self.names = choose_names(dict(sorted(found.items())), scalars.NAMES)
        self.taken = {*self.names.values(), *scalars.NAMES}

    def claim(self, name: str) -> str:
        """Return a name for a type that stands for no message, such as `BookInput`, and keep it."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def names_of(self, descriptor: Descriptor) -> dict[str, str]:
        """Return the GraphQL names of a message's fields, by their names in the contract."""
        known = self.fields.get(descriptor.full_name)
        if known is None:
            known = self.fields[descriptor.full_name] = field_names(descriptor)
        return known

    def output(self, one: Any) -> GraphQLOutputType:
        """Return the type of a field where it is read."""
        item = self._leaf(one) or self.object_of(one.message_type)
        if one.is_repeated:
            whole = (
                one.enum_type is None and one.cpp_type not in _FLOATS and item not in {scalars.TIMESTAMP, scalars.JSON}
            )
            return GraphQLNonNull(GraphQLList(GraphQLNonNull(item) if whole else item))
        nullable = (
            one.has_presence
            or one.message_type is not None
            or one.enum_type is not None
            or one.cpp_type in _FLOATS
            or one.full_name in self.permissions
        )
        return item if nullable else GraphQLNonNull(item)

    def input(self, one: Any) -> GraphQLInputType:
        """Return the type of a field where it is written; none is required."""
        item = self._leaf(one) or self.input_of(one.message_type)
        return GraphQLList(GraphQLNonNull(item)) if one.is_repeated else item

    def argument(self, one: Any) -> GraphQLInputType:
        """Return the type of a field of a request."""
        found: Any = self.input(one)
        return GraphQLNonNull(found) if Behavior.REQUIRED in self._behaviors(one) else found

    def result(self, descriptor: Descriptor) -> GraphQLOutputType:
        """Return the type that an RPC's answer has: true for an empty one.

        It may be null: otherwise one RPC that fails would take the answers of all others with it.
        """
        if descriptor.full_name == EMPTY:
            return GraphQLBoolean
        known = _MESSAGES.get(descriptor.full_name)
        return known if known is not None else self.object_of(descriptor)

    def object_of(self, descriptor: Descriptor) -> GraphQLObjectType:
        """Return the type of a message where it is read."""
        found = self._objects.get(descriptor.full_name)
        if found is None:
            found = self._objects[descriptor.full_name] = GraphQLObjectType(
                self.names[descriptor.full_name],
                lambda: self._fields_of(descriptor),
                description=self.comments.get(descriptor.full_name),
            )
        return found

    def input_of(self, descriptor: Descriptor) -> GraphQLInputObjectType:
        """Return the type of a message where it is written."""
        found = self._inputs.get(descriptor.full_name)
        if found is None:
            found = self._inputs[descriptor.full_name] = GraphQLInputObjectType(
                self.claim(f"{self.names[descriptor.full_name]}Input"),
                lambda: self._inputs_of(descriptor),
                description=self.comments.get(descriptor.full_name),
            )
        return found

    def _leaf(self, one: Any) -> Any:
        if one.message_type is not None:
            name = one.message_type.full_name
            if name in WRAPPERS:
                return self._leaf(one.message_type.fields_by_name["value"])
            return GraphQLBoolean if name == EMPTY else _MESSAGES.get(name)
        return self._enum_of(one.enum_type) if one.enum_type is not None else _SCALARS[one.type]

    def _enum_of(self, descriptor: EnumDescriptor) -> GraphQLEnumType:
        found = self._enums.get(descriptor.full_name)
        if found is None:
            scope = descriptor.full_name
            values = {
                name: GraphQLEnumValue(number, description=self.comments.get(f"{scope}.{name}"))
                for name, number in value_names(descriptor).items()
            }
            found = self._enums[scope] = GraphQLEnumType(
                self.names[scope], values, description=self.comments.get(scope)
            )
        return found

    def _fields_of(self, descriptor: Descriptor) -> dict[str, GraphQLField]:
        names = self.names_of(descriptor)
        fields = {
            names[one.name]: self._field(one)
            for one in descriptor.fields
            if Behavior.INPUT_ONLY not in self._behaviors(one)
        }
        fields |= self.relations(descriptor, names)
        return fields or {"_": GraphQLField(GraphQLBoolean, description="Stands for nothing: the message is empty.")}

    def _field(self, one: Any) -> GraphQLField:
        if one.containing_type.GetOptions().map_entry:
            read: Read = (lambda pair: pair[0]) if one.name == "key" else (lambda pair: pair[1])
        else:
            read = reader(one, self.contract.pool)
        if one.message_type is not None and one.message_type.full_name == EMPTY:
            present = read
            read = lambda message: present(message) is not None  # noqa: E731 - as the readers beside it
        permission = self.permissions.get(one.full_name, "")
        plan = Plan(read=read, source=one.name, permission=permission, many=one.is_repeated)
        return GraphQLField(
            self.output(one),
            resolve=_resolver(plan),
            description=self.comments.get(one.full_name),
            extensions={"plan": plan},
        )

    def _inputs_of(self, descriptor: Descriptor) -> dict[str, GraphQLInputField]:
        names = self.names_of(descriptor)
        fields = {
            names[one.name]: GraphQLInputField(
                self.input(one), out_name=one.name, description=self.comments.get(one.full_name)
            )
            for one in descriptor.fields
            if Behavior.OUTPUT_ONLY not in self._behaviors(one)
        }
        return fields or {"_": GraphQLInputField(GraphQLBoolean, description="Stands for nothing.")}

    def _behaviors(self, one: Any) -> frozenset[Behavior]:
        return self.contract.behaviors.get(one.full_name, frozenset())


def plain_field(kind: GraphQLOutputType, read: Read, description: str | None) -> GraphQLField:
    """Return a field whose value is read from what it is asked of, and from nothing else."""
    plan = Plan(read=read)
    return GraphQLField(kind, resolve=_resolver(plan), description=description, extensions={"plan": plan})


def _resolver(plan: Plan) -> Any:
    read = plan.read
    assert read is not None  # noqa: S101 - plain fields are read
    if plan.permission:
        return lambda message, info: read(message) if info.context.shows(plan, info) else None
    return lambda message, _info: read(message)
