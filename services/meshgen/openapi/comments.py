"""What the authors of a contract say of its messages, fields and enums, by full name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.contract.source import Element, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorSet

# Field numbers in descriptor.proto, of which the paths of source locations are made.
_FILE_MESSAGE, _FILE_ENUM = 4, 5
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM = 2, 3, 4
_ENUM_VALUE = 2


def comments_of(files: FileDescriptorSet) -> Mapping[str, str]:
    """Return the comment of each element that has one. A value's name is that of its enum, a dot and its own."""
    elements = (element for proto in files.file for element in _elements(SourceFile(proto)))
    return {element.name: text for element in elements if (text := element.comment)}


def first_sentence(text: str) -> str:
    """Return the first sentence of a comment, without its full stop and on one line."""
    line = " ".join(text.partition("\n\n")[0].split())
    return line.split(". ", 1)[0].removesuffix(".")


def other_sentences(text: str) -> str:
    """Return a comment without its first sentence, which is the summary."""
    first, break_, rest = text.partition("\n\n")
    line = " ".join(first.split())
    return f"{line.partition('. ')[2]}{break_}{rest}".strip()


def _elements(file: SourceFile) -> Iterator[Element]:
    if not file.proto.source_code_info.location:
        return
    prefix = f"{file.package}." if file.package else ""
    for position, message in enumerate(file.proto.message_type):
        top = Element(file=file, path=(_FILE_MESSAGE, position), name=prefix + message.name)
        yield from _of_message(top, message)
    for position, enum in enumerate(file.proto.enum_type):
        yield from _of_enum(Element(file=file, path=(_FILE_ENUM, position), name=prefix + enum.name), enum)


def _of_message(element: Element, message: DescriptorProto) -> Iterator[Element]:
    yield element
    for position, field in enumerate(message.field):
        yield element.child(_MESSAGE_FIELD, position, field.name)
    for position, enum in enumerate(message.enum_type):
        yield from _of_enum(element.child(_MESSAGE_ENUM, position, enum.name), enum)
    for position, nested in enumerate(message.nested_type):
        yield from _of_message(element.child(_MESSAGE_NESTED, position, nested.name), nested)


def _of_enum(element: Element, enum: EnumDescriptorProto) -> Iterator[Element]:
    yield element
    for position, value in enumerate(enum.value):
        yield element.child(_ENUM_VALUE, position, value.name)
