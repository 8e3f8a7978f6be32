"""What a contract says of its messages, fields, enums, values and methods, by their full names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract.source import Element, SourceFile, Sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

    from services.chassis.contract import Contract

# Field numbers in descriptor.proto, of which the paths of source locations are made.
_FILE_ENUM, _MESSAGE_ENUM, _ENUM_VALUE = 5, 4, 2


def comments_of(contract: Contract) -> dict[str, str]:
    """Return the comments, empty ones left out. An enum's values are `<enum>.<value>`."""
    return {element.name: comment for element in _elements(contract) if (comment := element.comment)}


def _elements(contract: Contract) -> Iterator[Element]:
    sources = Sources(contract.descriptors.file)
    for message in sources.messages.values():
        yield message.element
        yield from (element for element, _ in message.fields())
        yield from _enums(message.element, _MESSAGE_ENUM, message.proto)
    for service in sources.services:
        yield from (element for element, _ in service.methods())
    for file in sources.files:
        for position, enum in enumerate(file.proto.enum_type):
            yield from _enum(_top(file, position, enum.name), enum)


def _top(file: SourceFile, position: int, name: str) -> Element:
    return Element(file=file, path=(_FILE_ENUM, position), name=f"{file.package}.{name}" if file.package else name)


def _enums(element: Element, number: int, message: DescriptorProto) -> Iterator[Element]:
    for position, enum in enumerate(message.enum_type):
        yield from _enum(element.child(number, position, enum.name), enum)


def _enum(element: Element, enum: EnumDescriptorProto) -> Iterator[Element]:
    yield element
    for position, value in enumerate(enum.value):
        yield element.child(_ENUM_VALUE, position, value.name)
