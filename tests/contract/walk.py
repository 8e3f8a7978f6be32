"""Walks the repository's own contract, for tests that hold for all of it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from services.chassis.contract import PROTO_ROOT, Contract, compile_protos, load_contract, own_files, service_folders
from services.chassis.contract.custom import find_custom
from services.chassis.contract.source import Element, Sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

# Field numbers in descriptor.proto, of which the paths of source locations are made.
_FILE_ENUM, _MESSAGE_ENUM, _ENUM_VALUE, _MESSAGE_ONEOF = 5, 4, 2, 8


@cache
def own_contract() -> Contract:
    """Compile and load the contracts of this repository."""
    custom = find_custom().names()
    return load_contract(compile_protos([PROTO_ROOT]), services=service_folders(), own=own_files(), custom=custom)


def named_elements() -> Iterator[Element]:
    """Yield everything in the repository's contracts that has a name."""
    sources = Sources(own_contract().descriptors.file)
    for service in sources.services:
        yield service.element
        yield from (element for element, _ in service.methods())
    for message in sources.messages.values():
        yield message.element
        yield from (element for element, _ in message.fields())
        yield from _enums(message.element, message.proto, _MESSAGE_ENUM)
        synthetic = {field.oneof_index for field in message.proto.field if field.proto3_optional}
        for position, oneof in enumerate(message.proto.oneof_decl):
            if position not in synthetic:
                yield message.element.child(_MESSAGE_ONEOF, position, oneof.name)
    for file in sources.files:
        root = Element(file=file, path=(), name=file.package)
        for position, enum in enumerate(file.proto.enum_type):
            yield from _values(root.child(_FILE_ENUM, position, enum.name), enum)


def _enums(element: Element, message: DescriptorProto, number: int) -> Iterator[Element]:
    for position, enum in enumerate(message.enum_type):
        yield from _values(element.child(number, position, enum.name), enum)


def _values(element: Element, enum: EnumDescriptorProto) -> Iterator[Element]:
    yield element
    for position, value in enumerate(enum.value):
        yield element.child(_ENUM_VALUE, position, value.name)
