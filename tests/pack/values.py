"""Makes messages that a contract accepts, from nothing but its descriptors."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import FieldDescriptor
from protovalidate import collect_violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message

    Refer = Callable[[str], str]

SECONDS_2026 = 1_767_225_600
MAX_DEPTH = 3
MAX_REPAIRS = 4
_KEPT_BY_THE_SERVER = frozenset({"name", "uid", "etag"})
_FORMATS = {
    "email": "reader{n}@example.com",
    "hostname": "host{n}.example.com",
    "uri": "https://example.com/{n}",
    "uuid": "123e4567-e89b-42d3-a456-{n:012d}",
    "ip": "192.0.2.1",
    "ipv4": "192.0.2.1",
}


class Values:
    """Values that differ by their number and are the same for the same number."""

    def __init__(self, number: int, refer: Refer) -> None:
        """Take the number, and what returns the name of a record of a resource type (or an empty text)."""
        self._number = number
        self._random = Random(number)  # noqa: S311 - test data, not a secret
        self._refer = refer

    def fill(self, message: Message) -> None:
        """Set every field of a message that a client may set, as far as the contract lets them stand together."""
        self._fill(message)
        for _ in range(MAX_REPAIRS):
            paths = [violation.proto.field for violation in collect_violations(message)]
            if not paths:
                return
            broken = {path.elements[0].field_name for path in paths if path is not None and path.elements}
            # A rule of the message as a whole names no field: lists are what such rules compare.
            for name in broken or [field.name for field in message.DESCRIPTOR.fields if field.is_repeated]:
                _reduce(message, name)

    def _fill(self, message: Message, depth: int = 0) -> None:
        chosen: set[str] = set()
        fields: Any = message.DESCRIPTOR.fields
        for field in fields:
            if _is_kept(field, depth) or (depth > 0 and field.message_type and depth >= MAX_DEPTH):
                continue
            oneof = field.containing_oneof
            if oneof is not None and len(oneof.fields) > 1:
                if oneof.name in chosen:
                    continue
                chosen.add(oneof.name)
            self._set(message, field, depth)

    def _set(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if _is_map(field):
            self._set_map(message, field, depth)
        elif field.is_repeated:
            for _ in range(max(2, rules.repeated.min_items)):
                self._add(getattr(message, field.name), field, rules.repeated.items, depth)
        elif field.message_type is not None:
            self._fill_message(getattr(message, field.name), depth)
        elif (value := self._scalar(field, rules)) not in (None, ""):
            setattr(message, field.name, value)

    def _add(self, values: Any, field: FieldDescriptor, rules: validate_pb2.FieldRules, depth: int) -> None:
        if field.message_type is not None:
            self._fill_message(values.add(), depth)
        elif (value := self._scalar(field, rules)) not in (None, ""):
            values.append(value)

    def _set_map(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        assert field.message_type is not None
        fields = field.message_type.fields_by_name
        rules = field.GetOptions().Extensions[validate_pb2.field].map
        key = self._scalar(fields["key"], rules.keys)
        if fields["value"].message_type is not None:
            self._fill_message(getattr(message, field.name)[key], depth)
        else:
            getattr(message, field.name)[key] = self._scalar(fields["value"], rules.values)

    def _fill_message(self, message: Any, depth: int) -> None:
        match message.DESCRIPTOR.full_name:
            case "google.protobuf.Timestamp":
                message.seconds = SECONDS_2026 + self._random.randrange(10**6)
                message.nanos = 123_456_000
            case "google.protobuf.Duration":
                message.seconds = self._random.randrange(1, 10**5)
                message.nanos = 500_000_000
            case "google.protobuf.Struct":
                message.update({"text": f"t{self._number}", "list": [1.5, True, None]})
            case name if name.startswith("google.protobuf."):
                self._fill(message, MAX_DEPTH)
            case _:
                message.SetInParent()
                self._fill(message, depth + 1)

    def _scalar(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Any:
        kind = field.type
        if kind == FieldDescriptor.TYPE_STRING:
            target = field.GetOptions().Extensions[resource_pb2.resource_reference].type
            return self._refer(target) if target else self._text(field.name, rules.string)
        if kind == FieldDescriptor.TYPE_BYTES:
            return f"bytes{self._number}".encode()
        if kind == FieldDescriptor.TYPE_BOOL:
            return True
        if kind == FieldDescriptor.TYPE_ENUM:
            assert field.enum_type is not None
            return self._random.choice([value.number for value in field.enum_type.values if value.number > 0])
        return self._numeral(field, rules)

    def _numeral(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> float:
        which = rules.WhichOneof("type")
        bounds = getattr(rules, which) if which else None
        low, high = 1.0, 1000.0
        if bounds is not None:
            if bounds.WhichOneof("greater_than"):
                low = max(low, getattr(bounds, bounds.WhichOneof("greater_than")) + 1)
            if bounds.WhichOneof("less_than"):
                high = getattr(bounds, bounds.WhichOneof("less_than")) - 1
                low = min(low, high)
        if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
            return low + self._random.randrange(4) * 0.25 if high - low > 1 else (low + high) / 2
        return int(low + self._random.randrange(max(1, int(high - low))))

    def _text(self, name: str, rules: validate_pb2.StringRules) -> str:
        if getattr(rules, "in"):
            return str(self._random.choice(list(getattr(rules, "in"))))
        if rules.pattern:
            return text_like(rules.pattern, self._random)
        known = rules.WhichOneof("well_known")
        if known in _FORMATS:
            return _FORMATS[known].format(n=self._number)
        text = f"{name} {self._number} {self._random.randrange(10**6)}"
        length = rules.len or (rules.max_len if rules.HasField("max_len") else 60)
        return text[-length:].ljust(rules.len or rules.min_len, "x")


def _reduce(message: Any, name: str) -> None:
    """Make a field smaller that breaks a rule: a list to its first value, anything else to nothing."""
    value = getattr(message, name)
    if message.DESCRIPTOR.fields_by_name[name].is_repeated and len(value) > 1 and not hasattr(value, "items"):
        del value[1:]
    else:
        message.ClearField(name)


def text_like(pattern: str, random: Random) -> str:
    """Return a text that a simple pattern matches."""
    return "".join(_produce(re._parser.parse(pattern), random))  # type: ignore[attr-defined]  # noqa: SLF001 - no public parser


def _produce(parsed: Any, random: Random) -> list[str]:
    made: list[str] = []
    for operation, argument in parsed:
        match str(operation):
            case "LITERAL":
                made.append(chr(argument))
            case "IN":
                made.append(_one_of(argument, random))
            case "MAX_REPEAT":
                low, high, inner = argument
                for _ in range(min(high, max(low, 6))):
                    made += _produce(inner, random)
            case "SUBPATTERN":
                made += _produce(argument[3], random)
            case "BRANCH":
                made += _produce(random.choice(argument[1]), random)
            case "ANY":
                made.append("a")
            case "AT":
                pass
            case other:
                raise NotImplementedError(f"The pattern has {other}, which test data cannot be made for.")
    return made


def _one_of(choices: Any, random: Random) -> str:
    ranges = []
    for operation, argument in choices:
        if str(operation) == "RANGE":
            ranges.append(argument)
        elif str(operation) == "LITERAL":
            ranges.append((argument, argument))
        elif str(operation) == "CATEGORY":
            ranges.append((ord("0"), ord("9")))
    low, high = random.choice(ranges)
    return chr(random.randint(low, high))


def _is_kept(field: FieldDescriptor, depth: int) -> bool:
    """Whether the server sets the field."""
    behaviors = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    hidden = {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER}
    return bool(hidden.intersection(behaviors)) or (depth == 0 and field.name in _KEPT_BY_THE_SERVER)


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)


def required_only(descriptor: Descriptor) -> set[str]:
    """Return the names of the top-level fields that a client has to set."""
    return {
        field.name
        for field in descriptor.fields
        if field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    }
