"""Reads compiled `.proto` files into a `Contract`, and refuses them where a convention is not met."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from tenon.options.v1 import options_pb2

from services.chassis.contract.field_options import check_field_options
from services.chassis.contract.fields import read_behaviors
from services.chassis.contract.methods import ServiceReader
from services.chassis.contract.model import Behavior, Contract
from services.chassis.contract.packages import check_outside_names, check_packages, check_permissions, host_of
from services.chassis.contract.problem import ContractError, Problem, Problems
from services.chassis.contract.records import read_records
from services.chassis.contract.references import check_fields, check_records
from services.chassis.contract.source import Sources
from services.chassis.repository import service_folders

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


def load_contract(
    descriptors: FileDescriptorSet,
    *,
    services: Collection[str],
    own: Collection[str] | None = None,
    custom: Collection[str] | None = (),
) -> Contract:
    """Read a contract from compiled files.

    `services` are the names of the service folders: package `tenon.<x>.v1` is served by x where x is among them, and
    every other package by data. `own` are the paths of the files that belong to this repository (`own_files`): all
    others come from outside and are held to the conventions for those. None says that all are the repository's own,
    as in a contract that was judged before it was written. `custom` are the full names of the methods that Python
    serves beside the derived ones; None says that this was judged before.

    Raises ContractError with every convention that is not met.
    """
    files = _parse(descriptors.SerializeToString())
    sources = Sources(files.file)
    sources.forget_foreign_comments()
    problems = Problems()
    pool = _pool_of(files)
    ours = {file.name for file in sources.files} if own is None else set(own)
    records = read_records(sources, pool, problems, host_of=partial(host_of, services=services))
    reader = ServiceReader(pool, problems, records=records, services=services, custom=custom)
    found = reader.read(sources)
    check_outside_names(sources, problems, own=ours)
    check_packages(sources, problems, services=services, own=ours)
    check_permissions(found, sources, problems, own=ours)
    check_records(records, sources, problems)
    check_fields({record.message: record for record in records}, sources, problems)
    check_field_options({record.message: record for record in records}, sources, problems, own=ours)
    problems.raise_any()
    return Contract(
        descriptors=files,
        services=found,
        records=records,
        pool=pool,
        behaviors=_behaviors(sources),
        sensitive=_sensitive(sources),
    )


def read_contract(path: Path, *, services: Collection[str] | None = None) -> Contract:
    """Read a contract that `write_contract` wrote; its services are those of this repository unless said otherwise.

    Raises ContractError where it is damaged or does not meet the conventions, OSError where it cannot be read.
    """
    try:
        descriptors = _parse(path.read_bytes())
    except DecodeError as error:
        mend = "Generate it again with `tenon gen` or `tenon up`"
        problem = Problem(file=str(path), element=path.name, message=f"The file is damaged ({error})", mend=mend)
        raise ContractError([problem]) from error
    return load_contract(descriptors, services=service_folders() if services is None else services, custom=None)


def serialize_contract(contract: Contract) -> bytes:
    """Return the bytes that `read_contract` reads: the descriptor set, the same bytes for the same contract."""
    # The contract's own pool knows every option in it. The default pool knows those of the modules that somebody has
    # imported, and what is not known is written last: the bytes would depend on it.
    kind = contract.pool.FindMessageTypeByName(FileDescriptorSet.DESCRIPTOR.full_name)
    known = GetMessageClass(kind).FromString(contract.descriptors.SerializeToString())
    return known.SerializeToString(deterministic=True)


def write_contract(contract: Contract, path: Path) -> None:
    """Write a contract for `read_contract`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(serialize_contract(contract))
    fresh.replace(path)


def _parse(image: bytes) -> FileDescriptorSet:
    """Parse a descriptor set anew: extensions are known by now, and were perhaps not when it was parsed first."""
    return FileDescriptorSet.FromString(image)


def _pool_of(files: FileDescriptorSet) -> DescriptorPool:
    pool = DescriptorPool()
    for file in files.file:
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except TypeError as error:
            message, mend = f"The file cannot be used ({error})", "Compile it again, with all that it imports"
            raise ContractError([Problem(file=file.name, element=file.name, message=message, mend=mend)]) from error
    return pool


def _behaviors(sources: Sources) -> dict[str, frozenset[Behavior]]:
    found = ((element.name, read_behaviors(field)) for m in sources.messages.values() for element, field in m.fields())
    return {name: behaviors for name, behaviors in found if behaviors}


def _sensitive(sources: Sources) -> frozenset[str]:
    return frozenset(
        element.name
        for message in sources.messages.values()
        for element, field in message.fields()
        if field.options.Extensions[options_pb2.field].sensitive
    )
