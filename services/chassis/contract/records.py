"""Reads records: the messages that are kept, and everything that their storage needs to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.api import resource_pb2
from google.protobuf.unknown_fields import UnknownFieldSet
from tenon.options.v1 import options_pb2

from services.chassis.contract.fields import read_field
from services.chassis.contract.model import Behavior, Field, Kind, Record, Scope
from services.chassis.contract.naming import snake
from services.chassis.contract.problem import MEND_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.duration_pb2 import Duration

    from services.chassis.contract.problem import Problems
    from services.chassis.contract.source import Element, SourceMessage, Sources

_SCOPES = {
    options_pb2.SCOPE_UNSPECIFIED: Scope.ORGANIZATION,
    options_pb2.SCOPE_ORGANIZATION: Scope.ORGANIZATION,
    options_pb2.SCOPE_OWNER: Scope.OWNER,
    options_pb2.SCOPE_GLOBAL: Scope.GLOBAL,
}
_TYPE = re.compile(r"[a-z0-9][a-z0-9.-]*/[A-Z][a-zA-Z0-9]*")
_PATTERN = re.compile(r"[a-z][a-zA-Z0-9]*/\{[a-z][a-z0-9_]*\}(/[a-z][a-zA-Z0-9]*/\{[a-z][a-z0-9_]*\})*")
_UNKEYED = frozenset({Kind.MESSAGE, Kind.MAP, Kind.BYTES})
_UNINDEXED = frozenset({Kind.BYTES})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Keys:
    """The keys and indexes of one record, each once."""

    unique: tuple[tuple[str, ...], ...]
    """Sets of fields that no two rows share."""
    index: tuple[tuple[str, ...], ...]
    """Sets of fields that are read together."""
    search: tuple[str, ...]
    """Fields that Search reads."""


def read_records(
    sources: Sources, pool: DescriptorPool, problems: Problems, *, host_of: Callable[[str], str]
) -> tuple[Record, ...]:
    """Return all records by the full name of their message."""
    return tuple(
        _read_record(sources.messages[name], pool, problems, host_of)
        for name in sorted(sources.messages)
        if is_record(sources.messages[name])
    )


def is_pattern(text: str) -> bool:
    """Whether a name pattern alternates collections and ids."""
    return bool(_PATTERN.fullmatch(text))


def is_record(message: SourceMessage) -> bool:
    """Whether the message is stored."""
    return message.proto.options.HasExtension(options_pb2.record)


def _read_record(
    message: SourceMessage, pool: DescriptorPool, problems: Problems, host_of: Callable[[str], str]
) -> Record:
    element = message.element
    option = message.proto.options.Extensions[options_pb2.record]
    resource = message.proto.options.Extensions[resource_pb2.resource]
    keys = _read_keys(option, message)
    fields = _read_fields(message, pool, keys)
    _check_option(option, element, problems)
    _check_deletion(option, fields, element, problems)
    _check_resource(resource, fields, element, problems)
    _check_keys(keys, fields, message, problems)
    patterns = tuple(resource.pattern)
    return Record(
        message=element.name,
        package=element.file.package,
        host=host_of(element.file.package),
        type=resource.type,
        singular=snake(resource.singular or message.proto.name),
        plural=snake(resource.plural or _collection(patterns) or message.proto.name + "s"),
        patterns=patterns,
        parent="/".join(patterns[0].split("/")[:-2]) if patterns else "",
        scope=_SCOPES.get(option.scope, Scope.OWNER),
        unique=keys.unique,
        index=keys.index,
        search=keys.search,
        fields=tuple(sorted(fields.values(), key=lambda field: field.number)),
        file=element.file.name,
        comment=element.comment,
        soft_delete=option.soft_delete,
        keep_deleted=_seconds(option.keep_deleted) if option.HasField("keep_deleted") else None,
    )


def _collection(patterns: tuple[str, ...]) -> str:
    return patterns[0].split("/")[-2] if patterns and "/" in patterns[0] else ""


def _read_fields(message: SourceMessage, pool: DescriptorPool, keys: _Keys) -> Mapping[str, Field]:
    descriptor = pool.FindMessageTypeByName(message.element.name)
    return {
        proto.name: read_field(
            proto,
            descriptor.fields_by_name[proto.name],
            indexed=(proto.name,) in keys.index,
            unique=(proto.name,) in keys.unique,
            searchable=proto.name in keys.search,
        )
        for proto in message.proto.field
    }


def _read_keys(option: options_pb2.Record, message: SourceMessage) -> _Keys:
    """Return the keys that the record and its fields declare: a key that is declared twice is one key."""
    said = {proto.name: proto.options.Extensions[options_pb2.field] for proto in message.proto.field}
    return _Keys(
        unique=_once([*map(_names, option.unique), *((name,) for name, field in said.items() if field.unique)]),
        index=_once([*map(_names, option.index), *((name,) for name, field in said.items() if field.indexed)]),
        search=tuple(dict.fromkeys([*option.search, *(name for name, field in said.items() if field.searchable)])),
    )


def _names(key: options_pb2.Key) -> tuple[str, ...]:
    return tuple(key.fields)


def _once(keys: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(key for key in keys if key))


def _check_option(option: options_pb2.Record, element: Element, problems: Problems) -> None:
    if any(not key.fields for key in (*option.unique, *option.index)):
        problems.add(element, "A key of the record names no fields", "Name its fields, or remove it")
    if len(UnknownFieldSet(option)) or option.scope not in _SCOPES:
        problems.add(
            element,
            "The record has parts that this version of Tenon does not know",
            MEND_UNKNOWN,
        )


def _check_deletion(
    option: options_pb2.Record, fields: Mapping[str, Field], element: Element, problems: Problems
) -> None:
    deleted = fields.get("delete_time")
    if option.soft_delete and (deleted is None or deleted.kind is not Kind.TIMESTAMP or deleted.repeated):
        problems.add(
            element,
            "The record is deleted softly and has no field that says when (AIP-164)",
            "Add `google.protobuf.Timestamp delete_time` with OUTPUT_ONLY",
        )
    if option.HasField("keep_deleted") and not (option.soft_delete and _seconds(option.keep_deleted) > 0):
        problems.add(
            element,
            "`keep_deleted` is for records that are deleted softly, and is longer than nothing",
            "Say `soft_delete: true` and a positive time, or remove it",
        )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _check_resource(
    resource: resource_pb2.ResourceDescriptor, fields: Mapping[str, Field], element: Element, problems: Problems
) -> None:
    if not _TYPE.fullmatch(resource.type):
        problems.add(
            element,
            f"The record's resource type {resource.type!r} is not `service/Kind`",
            'Add `option (google.api.resource) = {type: "library.example.com/Book" pattern: "books/{book}"};`',
        )
    if not resource.pattern:
        problems.add(
            element, "The record has no name pattern", 'Add `pattern: "books/{book}"` to its google.api.resource'
        )
    for pattern in resource.pattern:
        if not is_pattern(pattern):
            problems.add(
                element,
                f"The pattern {pattern!r} does not alternate collections and ids",
                "Write it as `shelves/{shelf}/books/{book}`",
            )
    name = fields.get("name")
    if name is None or name.kind is not Kind.STRING or name.repeated or name.presence:
        problems.add(
            element,
            "The record has no field `string name`",
            "Add `string name = 1 [(google.api.field_behavior) = IDENTIFIER];`",
        )


def _check_keys(keys: _Keys, fields: Mapping[str, Field], message: SourceMessage, problems: Problems) -> None:
    for word, found in (("unique key", keys.unique), ("index", keys.index)):
        for key in found:
            if len(set(key)) != len(key):
                problems.add(message.element, f"The {word} {list(key)} names a field twice", "Name each field once")
            for name in dict.fromkeys(key):
                _check_key_field(name, fields.get(name), word, message, problems)
    for name in keys.search:
        field = fields.get(name)
        if field is None:
            _add_missing(name, "search", message, problems)
        elif field.kind is not Kind.STRING:
            problems.add(
                message.field(name), "Only strings are searched, and this is no string", "Take it out of the search"
            )
        elif Behavior.INPUT_ONLY in field.behaviors:
            problems.add(
                message.field(name),
                "The field is never shown (INPUT_ONLY), and a search would tell what it holds",
                "Take it out of the search",
            )


def _check_key_field(name: str, field: Field | None, word: str, message: SourceMessage, problems: Problems) -> None:
    if field is None:
        _add_missing(name, word, message, problems)
        return
    refused = field.kind in _UNINDEXED if word == "index" else field.repeated or field.kind in _UNKEYED
    if refused:
        kind = f"a repeated {field.kind.value}" if field.repeated else f"of kind {field.kind.value}"
        problems.add(
            message.field(name),
            f"The field is {kind}, which no {word} can hold",
            f"Take it out of the {word}, or use a field with a single plain value",
        )


def _add_missing(name: str, word: str, message: SourceMessage, problems: Problems) -> None:
    problems.add(
        message.element,
        f"The {word} names {name!r}, and the record has no such field",
        f"Name one of its fields: {', '.join(field.name for field in message.proto.field)}",
    )
