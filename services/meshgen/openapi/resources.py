"""The resources of a contract: what their names look like, and what a reference to one does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.api import resource_pb2
from google.protobuf import descriptor_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet

_VARIABLE = re.compile(r"\{([^{}=]+)(?:=[^{}]*)?\}")

ONE = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """The patterns of all resources."""

    by_type: Mapping[str, str] = field(default_factory=dict)
    """The canonical pattern of each type, such as `shelves/{shelf}`."""
    by_message: Mapping[str, str] = field(default_factory=dict)
    """The canonical pattern of each message that is a resource, by its full name."""
    variables: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Names of the variables of each pattern and of its beginnings, by its segments with `*` for each."""

    def example_of(self, one: FieldDescriptor) -> str:
        """Return an example of what a field that names a resource holds, or nothing."""
        if one.name == "name" and (pattern := self.by_message.get(one.full_name.removesuffix(".name"))):
            return example(pattern)
        options = descriptor_pb2.FieldOptions.FromString(one.GetOptions().SerializeToString())
        reference = options.Extensions[resource_pb2.resource_reference]
        pattern = self.by_type.get(reference.type, "")
        if not pattern and reference.child_type in self.by_type:
            pattern = self.by_type[reference.child_type].rpartition("/")[0].rpartition("/")[0]
        return example(pattern) if pattern else ""


def read_resources(files: FileDescriptorSet) -> Resources:
    """Return the resources that messages and files declare."""
    by_type: dict[str, str] = {}
    by_message: dict[str, str] = {}
    variables: dict[tuple[str, ...], tuple[str, ...]] = {}
    for full_name, resource in _declared(files):
        if not resource.pattern:
            continue
        by_type.setdefault(resource.type, resource.pattern[0])
        if full_name:
            by_message[full_name] = resource.pattern[0]
        for pattern in resource.pattern:
            for beginning in _beginnings(pattern):
                shape = tuple(_VARIABLE.sub(ONE, beginning).split("/"))
                variables.setdefault(shape, tuple(_VARIABLE.findall(beginning)))
    return Resources(by_type=by_type, by_message=by_message, variables=variables)


def example(pattern: str) -> str:
    """Return a name of that pattern: `shelves/shelf-1` for `shelves/{shelf}`."""
    return _VARIABLE.sub(r"\1-1", pattern)


def _beginnings(pattern: str) -> Iterator[str]:
    """Yield the pattern and those of its parents, so that `shelves/*` is known where books alone are declared."""
    segments = pattern.split("/")
    for end in range(len(segments), 0, -1):
        if end % 2 == len(segments) % 2:
            yield "/".join(segments[:end])


def _declared(files: FileDescriptorSet) -> Iterable[tuple[str, resource_pb2.ResourceDescriptor]]:
    for file in files.file:
        yield from (("", one) for one in file.options.Extensions[resource_pb2.resource_definition])
        prefix = f"{file.package}." if file.package else ""
        for full_name, message in _messages(prefix, file.message_type):
            if message.options.HasExtension(resource_pb2.resource):
                yield full_name, message.options.Extensions[resource_pb2.resource]


def _messages(prefix: str, messages: Iterable[DescriptorProto]) -> Iterator[tuple[str, DescriptorProto]]:
    for message in messages:
        yield prefix + message.name, message
        yield from _messages(f"{prefix}{message.name}.", message.nested_type)
