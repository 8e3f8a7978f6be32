"""The elements of `.proto` files, each with its full name, its line and its comment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from services.chassis.contract.adopted import ADOPTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
        MethodDescriptorProto,
        ServiceDescriptorProto,
        SourceCodeInfo,
    )

FOREIGN = frozenset({"google", "grpc", "buf"})
"""First segments of packages that others publish: they are imported and never served."""

# Field numbers in descriptor.proto, of which the paths of source locations are made.
_FILE_MESSAGE, _FILE_SERVICE, _FILE_PACKAGE = 4, 6, 2
_MESSAGE_FIELD, _MESSAGE_NESTED = 2, 3
_SERVICE_METHOD = 2


class SourceFile:
    """One `.proto` file and where its elements are."""

    def __init__(self, proto: FileDescriptorProto) -> None:
        """Take the compiled file."""
        self.proto = proto
        self.name = proto.name
        self.package = proto.package

    @property
    def is_foreign(self) -> bool:
        """Whether others publish it, so that nothing in it is served."""
        return self.package.split(".")[0] in FOREIGN

    @cached_property
    def locations(self) -> Mapping[tuple[int, ...], SourceCodeInfo.Location]:
        """The location of each element by its path."""
        return {tuple(location.path): location for location in self.proto.source_code_info.location}

    @property
    def element(self) -> Element:
        """The file's package as an element, to which a problem with the file as a whole is pinned."""
        return Element(file=self, path=(_FILE_PACKAGE,), name=self.package or self.name)


@dataclass(frozen=True, kw_only=True)
class Element:
    """One named part of a file."""

    file: SourceFile
    """The file that it is in."""
    path: tuple[int, ...]
    """Its path in the file's descriptor."""
    name: str
    """Its full name."""

    @property
    def place(self) -> str:
        """`path.proto:line`, or the path alone where the line is not known."""
        location = self.file.locations.get(self.path)
        return f"{self.file.name}:{location.span[0] + 1}" if location else self.file.name

    @property
    def comment(self) -> str:
        """What its author says of it, without the comment signs."""
        location = self.file.locations.get(self.path)
        text = (location.leading_comments or location.trailing_comments) if location else ""
        return "\n".join(line.removeprefix(" ").rstrip() for line in text.strip("\n").split("\n")).strip()

    def child(self, number: int, position: int, name: str) -> Element:
        """Return the element at a position of one of its repeated fields."""
        return Element(file=self.file, path=(*self.path, number, position), name=f"{self.name}.{name}")


class SourceMessage(NamedTuple):
    """A message and where it is."""

    element: Element
    proto: DescriptorProto

    def fields(self) -> Iterator[tuple[Element, FieldDescriptorProto]]:
        """Yield its fields in file order."""
        for position, field in enumerate(self.proto.field):
            yield self.element.child(_MESSAGE_FIELD, position, field.name), field

    def field(self, name: str) -> Element:
        """Return the element of a field, or of the message where there is no such field."""
        return next((element for element, proto in self.fields() if proto.name == name), self.element)


class SourceService(NamedTuple):
    """A service and where it is."""

    element: Element
    proto: ServiceDescriptorProto

    def methods(self) -> Iterator[tuple[Element, MethodDescriptorProto]]:
        """Yield its methods in file order."""
        for position, method in enumerate(self.proto.method):
            yield self.element.child(_SERVICE_METHOD, position, method.name), method


class Sources:
    """All files of a contract, those of others left out, with an index of their messages."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        """Take the compiled files, imports and all."""
        self._all = [SourceFile(proto) for proto in files]
        self.files = [file for file in self._all if not file.is_foreign]
        self.messages = {found.element.name: found for file in self.files for found in _messages(file)}
        self.services = [
            found
            for file in self._all
            for found in _services(file)
            if not file.is_foreign or found.element.name in ADOPTED
        ]

    def forget_foreign_comments(self) -> None:
        """Drop the comments and positions of files that others publish: nobody reads them here, and they are large."""
        adopted = {service.element.file for service in self.services}
        for file in self._all:
            if file.is_foreign and file not in adopted:
                file.proto.ClearField("source_code_info")


def _full_name(file: SourceFile, name: str) -> str:
    return f"{file.package}.{name}" if file.package else name


def _messages(file: SourceFile) -> Iterator[SourceMessage]:
    waiting = [
        SourceMessage(Element(file=file, path=(_FILE_MESSAGE, position), name=_full_name(file, message.name)), message)
        for position, message in enumerate(file.proto.message_type)
    ]
    while waiting:
        element, message = found = waiting.pop()
        yield found
        waiting.extend(
            SourceMessage(element.child(_MESSAGE_NESTED, position, nested.name), nested)
            for position, nested in enumerate(message.nested_type)
            if not nested.options.map_entry
        )


def _services(file: SourceFile) -> Iterator[SourceService]:
    for position, service in enumerate(file.proto.service):
        name = _full_name(file, service.name)
        yield SourceService(Element(file=file, path=(_FILE_SERVICE, position), name=name), service)
