"""Messages and enums as components of an OpenAPI document, once for answers and once for what callers send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from services.chassis.contract import Behavior
from services.chassis.validators import validator_of
from services.meshgen.openapi.comments import comments_of
from services.meshgen.openapi.oneofs import oneof_constraints
from services.meshgen.openapi.resources import read_resources
from services.meshgen.openapi.rules import constrain, constraints_of_message, rules_of
from services.meshgen.openapi.shapes import WELL_KNOWN, Mode, Node, scalar

if TYPE_CHECKING:
    from collections.abc import Collection

    from google.protobuf.descriptor import Descriptor, EnumDescriptor

    from services.chassis.contract import Contract

STATUS = "google.rpc.Status"

_ZERO_IS_MISSING = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_ENUM})
"""Types of which a required field may not hold the zero value, as the services have it."""


class Schemas:
    """The components of one document, added to as they are referred to."""

    def __init__(self, contract: Contract) -> None:
        """Take the contract."""
        self.components: dict[str, Node] = {}
        self.pool = contract.pool
        self.comments = comments_of(contract.descriptors)
        self.resources = read_resources(contract.descriptors)
        self._contract = contract

    def message(self, descriptor: Descriptor, mode: Mode) -> Node:
        """Return a reference to a message's component, or the form of its own that JSON writes it in."""
        if known := WELL_KNOWN.get(descriptor.full_name):
            return known(mode)
        name = descriptor.full_name if descriptor.full_name == STATUS else descriptor.full_name + mode.value
        if name not in self.components:
            self.components[name] = {}  # A message may contain itself.
            self.components[name] = self.whole(descriptor, mode)
        return {"$ref": f"#/components/schemas/{name}"}

    def whole(self, descriptor: Descriptor, mode: Mode, *, without: Collection[str] = ()) -> Node:
        """Return a message in full, but for some of its fields by their names."""
        shown = [f for f in descriptor.fields if f.name not in without and not self.is_hidden(f, mode)]
        node: Node = {"type": "object"}
        options = descriptor_pb2.MessageOptions.FromString(descriptor.GetOptions().SerializeToString())
        oneofs, notes = ([], []) if mode is Mode.ANSWER else constraints_of_message(options)
        if text := self.described(descriptor.full_name, notes):
            node["description"] = text
        if options.deprecated:
            node["deprecated"] = True
        if required := self._required(descriptor, shown, mode):
            node["required"] = required
        if shown:
            node["properties"] = {field.json_name: self.field(field, mode) for field in shown}
        if constraints := oneof_constraints(descriptor, shown, oneofs, is_sent=mode is not Mode.ANSWER):
            node["allOf"] = constraints
        return node

    def field(self, field: FieldDescriptor, mode: Mode) -> Node:
        """Return what one field holds, with all that the contract says of it."""
        node, notes = self.value(field, mode)
        if text := self.described(field.full_name, notes):
            node["description"] = text
        behaviors = self.behaviors(field)
        if Behavior.OUTPUT_ONLY in behaviors:
            node["readOnly"] = True
        if Behavior.INPUT_ONLY in behaviors:
            node["writeOnly"] = True
        if Behavior.IMMUTABLE in behaviors and mode is not Mode.ANSWER:
            node["x-immutable"] = True
        if field.GetOptions().deprecated:
            node["deprecated"] = True
        node |= self._permission(field, mode)
        if field.type == FieldDescriptor.TYPE_STRING and (example := self.resources.example_of(field)):
            node["examples"] = [[example] if field.is_repeated else example]
        return node

    def _permission(self, field: FieldDescriptor, mode: Mode) -> Node:
        """Return the permission without which a caller neither reads, or neither writes, one field of a record."""
        message, _, name = field.full_name.rpartition(".")
        record = self._contract.records_by_message.get(message)
        kept = record.field(name) if record is not None else None
        if kept is None:
            return {}
        permission = kept.read_permission if mode is Mode.ANSWER else kept.write_permission
        return {"x-permission": permission} if permission else {}

    def value(self, field: FieldDescriptor, mode: Mode) -> tuple[Node, list[str]]:
        """Return what a field holds and, of what is sent, how it is checked; and checks in words."""
        node = self._plain(field, mode)
        if mode is Mode.ANSWER:
            return node, []
        notes: list[str] = []
        names = _value_names(_valued(field).enum_type)
        rules = rules_of(field)
        if rules is not None:
            node, notes = constrain(node, rules, names)
        if Behavior.REQUIRED in self.behaviors(field) or (rules is not None and rules.required):
            _refuse_zero(node, field, names)
        return node, notes

    def described(self, full_name: str, notes: list[str]) -> str:
        """Return an element's comment, and below it what else there is to say."""
        comment = self.comments.get(full_name, "")
        said = [note if note.endswith((".", "`")) else f"{note}." for note in notes if note]
        return "\n\n".join(part for part in (comment, " ".join(said)) if part)

    def behaviors(self, field: FieldDescriptor) -> frozenset[Behavior]:
        """Return what `google.api.field_behavior` says of a field."""
        return self._contract.behaviors.get(field.full_name, frozenset())

    def is_hidden(self, field: FieldDescriptor, mode: Mode) -> bool:
        """Whether a field is not a caller's to send, or never holds anything in an answer."""
        behaviors = self.behaviors(field)
        if mode is Mode.ANSWER:
            return Behavior.INPUT_ONLY in behaviors
        return bool(behaviors & {Behavior.OUTPUT_ONLY, Behavior.IDENTIFIER})

    def enum(self, descriptor: EnumDescriptor) -> Node:
        """Return a reference to an enum's component."""
        if descriptor.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        if descriptor.full_name not in self.components:
            self.components[descriptor.full_name] = self._whole_enum(descriptor)
        return {"$ref": f"#/components/schemas/{descriptor.full_name}"}

    def _whole_enum(self, descriptor: EnumDescriptor) -> Node:
        names = [value.name for value in descriptor.values]
        lines = [
            f"- `{name}`: {' '.join(text.split())}"
            for name in names
            if (text := self.comments.get(f"{descriptor.full_name}.{name}"))
        ]
        text = "\n\n".join(part for part in (self.comments.get(descriptor.full_name, ""), "\n".join(lines)) if part)
        node: Node = {"type": "string", "enum": names}
        return {"type": "string", "description": text, "enum": names} if text else node

    def _plain(self, field: FieldDescriptor, mode: Mode) -> Node:
        if _is_map(field):
            return {"type": "object", "additionalProperties": self._single(_valued(field), mode), **_keys(field)}
        one = self._single(field, mode)
        return {"type": "array", "items": one} if field.is_repeated else one

    def _single(self, field: FieldDescriptor, mode: Mode) -> Node:
        if field.message_type is not None:
            return self.message(field.message_type, mode.below)
        if field.enum_type is not None:
            return self.enum(field.enum_type)
        return scalar(field.type, mode)

    def required(self, descriptor: Descriptor) -> set[str]:
        """Return the names of the fields without which a message is refused."""
        declared = {field.name for field in descriptor.fields if Behavior.REQUIRED in self.behaviors(field)}
        return declared | _refused_when_empty(descriptor)

    def add(self, name: str, node: Node) -> str:
        """Keep a component under the name, or under it and a number where another has it; return which."""
        number, free = 1, name
        while self.components.get(free, node) != node:
            number += 1
            free = f"{name}-{number}"
        self.components[free] = node
        return free

    def _required(self, descriptor: Descriptor, shown: list[FieldDescriptor], mode: Mode) -> list[str]:
        if mode is Mode.UPDATE:
            return []
        if mode is Mode.ANSWER:
            # The edge prints zero values; only what has presence may be left out.
            return [field.json_name for field in shown if not field.has_presence]
        demanded = self.required(descriptor)
        return [field.json_name for field in shown if field.name in demanded]


def _refused_when_empty(descriptor: Descriptor) -> set[str]:
    """Return the names of the fields that `buf.validate` refuses in an empty message."""
    if not any(rules_of(field) for field in descriptor.fields):
        return set()
    message: Any = GetMessageClass(descriptor)()
    places = [violation.proto.field for violation in validator_of(descriptor).collect_violations(message)]
    return {place.elements[0].field_name for place in places if place is not None and place.elements}


def _refuse_zero(node: Node, field: FieldDescriptor, names: dict[int, str]) -> None:
    """Change what a required field holds to what counts as set."""
    if _is_map(field):
        node["minProperties"] = max(1, node.get("minProperties", 0))
    elif field.is_repeated:
        node["minItems"] = max(1, node.get("minItems", 0))
    elif field.has_presence or field.type not in _ZERO_IS_MISSING:
        return
    elif field.enum_type is not None:
        if not {"enum", "const", "not"} & set(node):
            node["not"] = {"const": names.get(0, 0)}
    elif "enum" not in node and "const" not in node:
        node["minLength"] = max(1, node.get("minLength", 0))


def _valued(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field whose type is that of each value: of a map, the one in its entries."""
    return _entry(field, "value") if _is_map(field) else field


def _value_names(enum: EnumDescriptor | None) -> dict[int, str]:
    return {} if enum is None else {number: value.name for number, value in enum.values_by_number.items()}


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _entry(field: FieldDescriptor, part: str) -> FieldDescriptor:
    """Return the key or the value of a map's entries."""
    entry: Any = field.message_type
    found: FieldDescriptor = entry.fields_by_name[part]
    return found


def _keys(field: FieldDescriptor) -> Node:
    key = _entry(field, "key")
    if key.type == FieldDescriptor.TYPE_STRING:
        return {}
    if key.type == FieldDescriptor.TYPE_BOOL:
        return {"propertyNames": {"enum": ["true", "false"]}}
    return {"propertyNames": {"pattern": "^-?[0-9]+$"}}
