"""The part of a contract's files that anyone may read: what public methods need, without the internal ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor_pb2 import DescriptorProto

    from services.chassis.contract import Contract


ERROR_DETAILS = "google/rpc/error_details.proto"
"""Always shown: no method names the details of its errors, and without them grpcurl prints errors as bare bytes."""


@dataclass(kw_only=True, slots=True)
class PublicFiles:
    """Files by name, and where each symbol and extension is."""

    encoded: dict[str, bytes] = field(default_factory=dict)
    """Each file, encoded."""
    imports: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What each file imports."""
    symbols: dict[str, str] = field(default_factory=dict)
    """The file of each message, field, enum, service, method and extension."""
    extensions: dict[str, dict[int, str]] = field(default_factory=dict)
    """The files of extensions, by extended message and number."""

    def imports_of(self, name: str) -> Iterator[str]:
        """Yield all that a file imports, directly and not, each once."""
        seen = {name}
        waiting = list(self.imports[name])
        while waiting:
            one = waiting.pop()
            if one in seen or one not in self.encoded:
                continue
            seen.add(one)
            waiting.extend(self.imports[one])
            yield one


def public_files_of(contract: Contract, others: Iterable[FileDescriptorProto]) -> PublicFiles:
    """Return the files of the contract's public services with what they import, and `others` whole."""
    by_name = {file.name: file for file in contract.descriptors.file}
    internal = {method.path for service in contract.services for method in service.methods if method.is_internal}
    roots = {service.file for service in contract.services if service.is_public} | {ERROR_DETAILS}
    # Clients show the options of a method and look their extensions up, so those files are public too.
    found = PublicFiles()
    for name in _reachable(by_name, roots):
        _add(found, _without(by_name[name], internal))
    for file in others:
        _add(found, file)
        for name in _reachable(by_name, file.dependency):
            _add(found, _without(by_name[name], internal))
    return found


def _reachable(by_name: dict[str, FileDescriptorProto], roots: Iterable[str]) -> list[str]:
    seen: dict[str, None] = {}
    waiting = sorted(roots, reverse=True)
    while waiting:
        name = waiting.pop()
        if name not in seen and name in by_name:
            seen[name] = None
            waiting.extend(by_name[name].dependency)
    return list(seen)


def _without(file: FileDescriptorProto, internal: set[str]) -> FileDescriptorProto:
    """Return the file without internal methods, and without services that have no others."""
    if not any(f"/{_join(file.package, s.name)}/{m.name}" in internal for s in file.service for m in s.method):
        return file
    shown = FileDescriptorProto()
    shown.CopyFrom(file)
    # Places in the source are numbered by position, which the cut shifts: comments would move to other methods.
    shown.ClearField("source_code_info")
    del shown.service[:]
    for service in file.service:
        path = f"/{_join(file.package, service.name)}/"
        methods = [method for method in service.method if path + method.name not in internal]
        if methods:
            kept = shown.service.add()
            kept.CopyFrom(service)
            del kept.method[:]
            kept.method.extend(methods)
    return shown


def _add(found: PublicFiles, file: FileDescriptorProto) -> None:
    if file.name in found.encoded:
        return
    found.encoded[file.name] = file.SerializeToString()
    found.imports[file.name] = tuple(file.dependency)
    package = file.package
    for message in file.message_type:
        _add_message(found, file.name, message, package)
    for enum in file.enum_type:
        found.symbols[_join(package, enum.name)] = file.name
    for service in file.service:
        full_name = _join(package, service.name)
        found.symbols[full_name] = file.name
        for method in service.method:
            found.symbols[f"{full_name}.{method.name}"] = file.name
    for extension in file.extension:
        found.symbols[_join(package, extension.name)] = file.name
        found.extensions.setdefault(extension.extendee.removeprefix("."), {})[extension.number] = file.name


def _add_message(found: PublicFiles, file: str, message: DescriptorProto, scope: str) -> None:
    full_name = _join(scope, message.name)
    found.symbols[full_name] = file
    for one in message.field:
        found.symbols[f"{full_name}.{one.name}"] = file
    for enum in message.enum_type:
        found.symbols[f"{full_name}.{enum.name}"] = file
    for extension in message.extension:
        found.symbols[f"{full_name}.{extension.name}"] = file
        found.extensions.setdefault(extension.extendee.removeprefix("."), {})[extension.number] = file
    for nested in message.nested_type:
        _add_message(found, file, nested, full_name)


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
