"""What differs between the contract that runs and the one that is to follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from services.chassis.repository import service_folders
from services.graph.roots import root_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.chassis.contract import Contract

LANGUAGE = ("options", "errors", "records")
"""Packages below `tenon` that every process has imported as Python."""


def find_frozen(before: Contract, after: Contract) -> tuple[str, ...]:
    """Return what stops a change while all runs: packages that are served or read by Python, loaded at a start."""
    packages = {f"tenon.{name}.v1" for name in (*service_folders(), *LANGUAGE)}
    old, new = (
        {file.name: _bare(file) for file in contract.descriptors.file if file.package in packages}
        for contract in (before, after)
    )
    return tuple(
        f"{name}: Python that is loaded at a start serves this package. Mend: run `tenon gen`, then stop `tenon up` "
        "and start it again."
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def describe(before: Contract, after: Contract) -> tuple[str, ...]:
    """Return a line for each package that came, went or changed its methods."""
    old, new = (
        {path: method for path, method in contract.methods.items() if not method.is_internal}
        for contract in (before, after)
    )
    lines = []
    for package in sorted({service.package for service in (*before.services, *after.services)}):
        added, removed = _count(package, new, old), _count(package, old, new)
        if added or removed:
            words = [
                f"{n} {'method' if n == 1 else 'methods'} {verb}"
                for n, verb in ((added, "more"), (removed, "less"))
                if n
            ]
            lines.append(f"{package}: {', '.join(words)}")
    return (*lines, *_renamed_in_graphql(before, after))


def _renamed_in_graphql(before: Contract, after: Contract) -> list[str]:
    """Return a line for each field of GraphQL that has another name since a new one would have the same."""
    old, new = _graphql_names(before), _graphql_names(after)
    return [
        f"GraphQL: `{name}` is `{new[path]}` from now on, since another package would share its name"
        for path, name in old.items()
        if new.get(path, name) != name
    ]


def _graphql_names(contract: Contract) -> dict[str, str]:
    return {root.method.path: root.name for roots in root_fields(contract) for root in roots}


def _count(package: str, these: Iterable[str], those: Iterable[str]) -> int:
    known = set(those)
    return sum(1 for path in these if path not in known and path[1:].rpartition("/")[0].rpartition(".")[0] == package)


def _bare(file: FileDescriptorProto) -> bytes:
    """Return a file without its comments, which no Python reads."""
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return bare.SerializeToString(deterministic=True)
