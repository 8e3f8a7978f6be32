"""Knows the fields of a record at any depth, and follows a path through them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import DescriptorProto

from services.chassis.contract import Behavior, Kind
from services.chassis.contract.fields import kind_of, read_behaviors, read_sensitive
from services.records.filter.invalid import Mistake, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    from services.records.filter.lexer import Token

WRAPPERS = frozenset(
    f"google.protobuf.{kind}Value"
    for kind in ("Bool", "Int32", "Int64", "UInt32", "UInt64", "Float", "Double", "String", "Bytes")
)
"""Messages whose document is their one value."""

OPAQUE = frozenset(f"google.protobuf.{name}" for name in ("Struct", "Value", "ListValue", "FieldMask", "Any"))
"""Messages whose document has no fields to follow."""

MAX_STEPS = 32
"""The most words of a path; messages may hold themselves, and a path through them has no other end."""

_SERVERS = frozenset({"name", "uid", "etag"})
_DOCUMENTS = frozenset({Kind.MESSAGE, Kind.MAP})
_TIMES = frozenset({Kind.TIMESTAMP, Kind.DURATION})
_INTEGER_KINDS = frozenset({Kind.INT32, Kind.UINT32, Kind.INT64, Kind.UINT64})


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldType:
    """What a field holds, as far as a filter or an order asks."""

    kind: Kind
    """The kind of its value, or of each value where it is repeated."""
    repeated: bool = False
    """Whether it holds a list."""
    presence: bool = False
    """Whether unset differs from the default."""
    is_message: bool = False
    """Whether it is a message in protobuf (Timestamp, Duration and wrappers are), so that set is present."""
    message: Descriptor | None = None
    """The message whose fields can be followed."""
    enum: EnumDescriptor | None = None
    """The enum whose values it has."""
    key: Kind | None = None
    """The kind of a map's keys."""
    value: FieldType | None = None
    """What a map's values are."""
    sensitive: bool = False
    """Whether it is kept out of logs and events; a filter is in many logs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A step into a field of a message."""

    name: str
    """The field's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A step into the value under a key of a map."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Each:
    """A step into any element of a list."""


Step = Member | Key | Each
KEY, EACH = Key(), Each()


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands: a top-level field, and the steps below it."""

    root: str
    """Name of the top-level field."""
    type: FieldType
    """What stands there."""
    steps: tuple[Step, ...] = ()
    """The steps below the top-level field."""
    keys: tuple[str, ...] = ()
    """The keys of the steps into maps, in order, as documents write them."""
    each: bool = False
    """Whether a step goes through a list."""

    @property
    def in_document(self) -> bool:
        """Whether it stands in a jsonb column, and not in a typed one."""
        type_ = self.type
        return bool(self.steps) or type_.kind in _DOCUMENTS or (type_.is_message and type_.kind not in _TIMES)

    @property
    def shape(self) -> str:
        """The path without its keys, which come from the caller."""
        parts = [f".{step.name}" if isinstance(step, Member) else "[]" if step is KEY else "#" for step in self.steps]
        return "".join([self.root, *parts])


class Fields:
    """The fields of one message and of all that it holds, read on first use."""

    __slots__ = ("_members", "_roots")

    def __init__(self, descriptor: Descriptor) -> None:
        """Take the record's message."""
        self._members: dict[str, Mapping[str, FieldType]] = {}
        self._roots = {name: Path(name, found) for name, found in self.members(descriptor).items()}

    def members(self, descriptor: Descriptor) -> Mapping[str, FieldType]:
        """Return the fields of a message that callers can see."""
        found = self._members.get(descriptor.full_name)
        if found is None:
            types = {field.name: read_type(field, written) for field, written in declared_fields(descriptor)}
            found = {name: kept for name, kept in types.items() if kept is not None}
            self._members[descriptor.full_name] = found
        return found

    def texts(self, names: Sequence[str]) -> tuple[Path, ...]:
        """Return where words are looked for: in these fields, or where there are none in all texts but the server's."""
        chosen = names or [name for name in self._roots if name not in _SERVERS]
        found = [self._roots[name] for name in chosen if name in self._roots]
        return tuple(
            path for path in found if path.type.kind is Kind.STRING and not path.in_document and not path.type.sensitive
        )

    def resolve(self, words: Sequence[Token]) -> Path:
        """Return where a dotted path leads.

        Raises:
            Mistake: at the first word that leads nowhere.
        """
        if len(words) > MAX_STEPS:
            raise Mistake(f"A path has at most {MAX_STEPS} parts", words[MAX_STEPS].offset)
        first = words[0]
        path = self._roots.get(first.text)
        if path is None:
            raise unknown_field(first, self._roots)
        for word in words[1:]:
            refuse_sensitive(path.type, word)
            path = self.step(path, word)
        refuse_sensitive(path.type, words[-1])
        return path

    def step(self, path: Path, word: Token) -> Path:
        """Return where one more word leads."""
        current, steps, each = path.type, path.steps, path.each
        if current.repeated:
            if word.text.isdecimal():
                raise Mistake("An element of a list cannot be picked by its index; ask with ':' for any", word.offset)
            current, steps, each = replace(current, repeated=False, presence=False), (*steps, EACH), True
        if current.value is not None and current.key is not None:
            key = _document_key(current.key, word)
            return Path(path.root, current.value, (*steps, KEY), (*path.keys, key), each)
        if current.message is None:
            raise Mistake(f"What stands before {excerpt(word.text)} has no fields to follow", word.offset)
        members = self.members(current.message)
        found = members.get(word.text)
        if found is None:
            raise unknown_field(word, members)
        return Path(path.root, found, (*steps, Member(name=word.text)), path.keys, each)


def unknown_field(word: Token, known: Mapping[str, object]) -> Mistake:
    """Return the mistake of naming a field that is not there."""
    close = difflib.get_close_matches(word.text[:100], known, n=1)
    hint = f"; did you mean '{close[0]}'" if close else ""
    return Mistake(f"There is no field {excerpt(word.text)}{hint}", word.offset)


def declared_fields(descriptor: Descriptor) -> Iterator[tuple[FieldDescriptor, FieldDescriptorProto]]:
    """Return the fields of a message, each with its declaration, whose options can be read."""
    proto = DescriptorProto()
    descriptor.CopyToProto(proto)
    return zip(descriptor.fields, proto.field, strict=True)


def read_type(field: FieldDescriptor, proto: FieldDescriptorProto) -> FieldType | None:
    """Return what a field holds, or None where callers cannot see it (INPUT_ONLY)."""
    if Behavior.INPUT_ONLY in read_behaviors(proto):
        return None
    sensitive = read_sensitive(proto)
    kind = kind_of(field)
    if kind is Kind.MAP:
        message: Any = field.message_type
        key, value = message.fields_by_name["key"], message.fields_by_name["value"]
        return FieldType(kind=kind, key=kind_of(key), value=_single(value, presence=True), sensitive=sensitive)
    single = _single(field, presence=field.has_presence)
    return replace(single, repeated=field.is_repeated, sensitive=sensitive)


def _single(field: FieldDescriptor, *, presence: bool) -> FieldType:
    message = field.message_type
    if message is None:
        return FieldType(kind=kind_of(field), presence=presence, enum=field.enum_type)
    if message.full_name in WRAPPERS:
        return FieldType(kind=kind_of(message.fields_by_name["value"]), presence=True, is_message=True)
    kind = kind_of(field)
    followed = message if kind is Kind.MESSAGE and message.full_name not in OPAQUE else None
    return FieldType(kind=kind, presence=True, is_message=True, message=followed)


def refuse_sensitive(type_: FieldType, word: Token) -> None:
    """Raise the mistake of asking for a sensitive field."""
    if type_.sensitive:
        raise Mistake(
            f"The field {excerpt(word.text)} is sensitive and cannot be asked for, since filters are in logs",
            word.offset,
        )


def _document_key(kind: Kind, word: Token) -> str:
    text = word.text
    if kind is Kind.STRING:
        return text
    if kind is Kind.BOOL:
        if text in ("true", "false"):
            return text
        raise Mistake(f"{excerpt(text)} is no key here; the keys are true and false", word.offset)
    digits = text.removeprefix("-")
    if kind in _INTEGER_KINDS and digits.isascii() and digits.isdigit() and len(digits) <= len(str(2**64)):
        return str(int(text))
    raise Mistake(f"{excerpt(text)} is no key here; the keys are whole numbers", word.offset)
