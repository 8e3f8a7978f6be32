"""The descriptor set that the edge transcodes by: no more of the contract than REST needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.api import annotations_pb2
from google.longrunning import operations_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    EnumOptions,
    FieldDescriptorProto,
    FieldOptions,
    FileDescriptorProto,
    FileDescriptorSet,
    FileOptions,
    MessageOptions,
    MethodOptions,
)
from google.rpc import error_details_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.contract import Contract


Options = EnumOptions | MessageOptions | FieldOptions


def edge_descriptors(contract: Contract) -> bytes:
    """Return the serialized files of all public services and what they refer to.

    Comments, options other than `google.api.http`, internal methods and imports that are used for options alone are
    left out: a changed comment or permission leaves the edge's descriptors as they are. The standard error details are
    always there, since Envoy answers an error whose details it cannot resolve with an empty body.
    """
    # Parsed again: only now is it certain that google.api.http is known and not an unknown field.
    files = FileDescriptorSet.FromString(contract.descriptors.SerializeToString()).file
    by_name = {file.name: file for file in files}
    details = FileDescriptorProto()
    error_details_pb2.DESCRIPTOR.CopyToProto(details)
    by_name.setdefault(details.name, details)
    for name in details.dependency:
        by_name.setdefault(name, _file_of_ours(name))
    homes = {full: file.name for file in by_name.values() for full in _types(file)}
    public = {m.path for m in contract.methods.values() if not m.is_internal}
    # What an operation carries is referred to by an option alone, and Envoy has to know it to write it as JSON.
    carried = {homes[name] for file in by_name.values() for name in _carried(file) if name in homes}
    for file in by_name.values():
        _strip(file, public)
        used = {homes[name] for name in _references(file) if name in homes} - {file.name}
        del file.dependency[:], file.public_dependency[:], file.weak_dependency[:]
        file.dependency.extend(sorted(used))
    roots = [s.file for s in contract.services if s.is_public] + [details.name, *carried]
    return FileDescriptorSet(file=_in_order(roots, by_name)).SerializeToString(deterministic=True)


def _file_of_ours(name: str) -> FileDescriptorProto:
    file = FileDescriptorProto()
    error_details_pb2.DESCRIPTOR.pool.FindFileByName(name).CopyToProto(file)
    return file


def _in_order(roots: list[str], by_name: dict[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    """Return the files that are reached from the roots, each after those that it depends on."""
    ordered: dict[str, FileDescriptorProto] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for dependency in by_name[name].dependency:
            visit(dependency)
        ordered[name] = by_name[name]

    for root in sorted(set(roots)):
        visit(root)
    return list(ordered.values())


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """Yield every message, nested ones too, with its full name (a dot before it)."""
    prefix = f".{file.package}" if file.package else ""
    waiting = [(f"{prefix}.{message.name}", message) for message in file.message_type]
    while waiting:
        name, message = waiting.pop()
        yield name, message
        waiting.extend((f"{name}.{nested.name}", nested) for nested in message.nested_type)


def _types(file: FileDescriptorProto) -> Iterator[str]:
    prefix = f".{file.package}" if file.package else ""
    yield from (f"{prefix}.{enum.name}" for enum in file.enum_type)
    for name, message in _messages(file):
        yield name
        yield from (f"{name}.{enum.name}" for enum in message.enum_type)


def _references(file: FileDescriptorProto) -> Iterator[str]:
    for _, message in _messages(file):
        yield from (field.type_name for field in message.field if field.type_name)
    for service in file.service:
        for method in service.method:
            yield method.input_type
            yield method.output_type


def _carried(file: FileDescriptorProto) -> Iterator[str]:
    """Yield the types of what operations of a file's methods carry: their response and their metadata."""
    for service in file.service:
        for method in service.method:
            info = method.options.Extensions[operations_pb2.operation_info]
            for name in (info.response_type, info.metadata_type):
                # A name without a package is of the file's own.
                yield f".{name}" if "." in name else f".{file.package}.{name}"


def _strip(file: FileDescriptorProto, public: set[str]) -> None:
    """Leave out of one file what transcoding does not read, in place."""
    file.ClearField("source_code_info")
    file.ClearField("extension")
    kept = FileOptions()
    if file.options.HasField("features"):
        kept.features.CopyFrom(file.options.features)
    file.ClearField("options")
    if kept.ByteSize():
        file.options.CopyFrom(kept)
    for enum in file.enum_type:
        _strip_enum(enum)
    for _, message in _messages(file):
        _strip_message(message)
    for service in list(file.service):
        service.ClearField("options")
        name = f"{file.package}.{service.name}"
        methods = [m for m in service.method if f"/{name}/{m.name}" in public]
        del service.method[:]
        service.method.extend(methods)
        if not methods:
            file.service.remove(service)
        for method in service.method:
            rule = MethodOptions()
            if method.options.HasExtension(annotations_pb2.http):
                rule.Extensions[annotations_pb2.http].CopyFrom(method.options.Extensions[annotations_pb2.http])
            method.ClearField("options")
            if rule.ByteSize():
                method.options.CopyFrom(rule)


def _strip_enum(enum: EnumDescriptorProto) -> None:
    kept = EnumOptions()
    for name in ("allow_alias", "features"):
        _keep(enum.options, kept, name)
    enum.ClearField("options")
    if kept.ByteSize():
        enum.options.CopyFrom(kept)
    for value in enum.value:
        value.ClearField("options")


def _strip_message(message: DescriptorProto) -> None:
    message.ClearField("extension")
    kept = MessageOptions()
    for name in ("map_entry", "message_set_wire_format", "features"):
        _keep(message.options, kept, name)
    message.ClearField("options")
    if kept.ByteSize():
        message.options.CopyFrom(kept)
    for oneof in message.oneof_decl:
        oneof.ClearField("options")
    for enum in message.enum_type:
        _strip_enum(enum)
    for field in message.field:
        _strip_field(field)


def _strip_field(field: FieldDescriptorProto) -> None:
    kept = FieldOptions()
    for name in ("packed", "features"):
        _keep(field.options, kept, name)
    field.ClearField("options")
    if kept.ByteSize():
        field.options.CopyFrom(kept)


def _keep(old: Options, new: Options, name: str) -> None:
    for field, value in old.ListFields():
        if field.name != name:
            continue
        if field.message_type is None:
            setattr(new, name, value)
        else:
            getattr(new, name).CopyFrom(value)
