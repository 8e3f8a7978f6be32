"""The contracts that a database has had: kept in it, so that each start knows what callers and rows were promised."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from services.records.migrating.catalogue import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from services.chassis.contract import Contract
    from services.chassis.postgres import Connection, Executor

    Judge = Callable[[FileDescriptorSet, FileDescriptorSet], Sequence[str]]
    """Says what the second contract breaks for those who call by the first, a line each; it may block."""

TABLE = "tenon_contracts"
"""The table, in the schema of each service."""

_STATE = f"""
CREATE TABLE IF NOT EXISTS {{schema}}.{TABLE} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    package text NOT NULL,
    fingerprint text NOT NULL,
    descriptors bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL
)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageContract:
    """The contract of one package, as it is kept."""

    package: str
    """Such as `library.v1`."""
    fingerprint: str
    """SHA-256 of its files without their comments, and of those that they import, in hexadecimal."""
    descriptors: bytes = field(repr=False)
    """Those files: an encoded `google.protobuf.FileDescriptorSet`."""
    files: tuple[FileDescriptorProto, ...] = field(default=(), repr=False)
    """The same files with their lines, of a contract that is not kept yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What a database has had of one package."""

    latest: PackageContract
    """What was applied last."""
    fingerprints: frozenset[str]
    """All that ever were."""

    def had(self, wanted: PackageContract) -> bool:
        """Whether a contract was applied before another came."""
        return wanted.fingerprint in self.fingerprints and wanted.fingerprint != self.latest.fingerprint


def packages_of(contract: Contract, host: str) -> dict[str, PackageContract]:
    """Return the contracts of the packages whose services or records a process keeps, by package."""
    names = {service.package for service in contract.services if service.host == host}
    names |= {record.package for record in contract.records if record.host == host}
    by_name = {file.name: file for file in contract.descriptors.file}
    return {name: _pack(name, by_name) for name in sorted(names)}


def _pack(package: str, by_name: Mapping[str, FileDescriptorProto]) -> PackageContract:
    wanted = sorted(name for name, file in by_name.items() if file.package == package)
    packed = FileDescriptorSet()
    for name in _with_imports(wanted, by_name):
        packed.file.add().CopyFrom(by_name[name])
        packed.file[-1].ClearField("source_code_info")
    encoded = packed.SerializeToString(deterministic=True)
    return PackageContract(
        package=package,
        fingerprint=hashlib.sha256(encoded).hexdigest(),
        descriptors=encoded,
        files=tuple(by_name[file.name] for file in packed.file),
    )


def _with_imports(names: Sequence[str], by_name: Mapping[str, FileDescriptorProto]) -> Iterator[str]:
    """Yield files and all that they import, each after what it imports."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in seen or name not in by_name:
            return
        seen.add(name)
        for imported in by_name[name].dependency:
            yield from visit(imported)
        yield name

    for name in names:
        yield from visit(name)


async def read_applied(executor: Executor, service: str) -> dict[str, Applied]:
    """Return what the database has had, by package; nothing where it knows of none."""
    place = f"{quoted(service)}.{TABLE}"
    if (await executor.fetch("SELECT to_regclass($1)::text AS found", (place,)))[0]["found"] is None:
        return {}
    rows = await executor.fetch(
        "SELECT DISTINCT ON (package) package, fingerprint, descriptors, "
        f"array(SELECT DISTINCT fingerprint FROM {place} AS one WHERE one.package = latest.package) AS fingerprints "
        f"FROM {place} AS latest ORDER BY package, id DESC"
    )
    return {
        row["package"]: Applied(
            latest=PackageContract(
                package=row["package"], fingerprint=row["fingerprint"], descriptors=row["descriptors"]
            ),
            fingerprints=frozenset(row["fingerprints"]),
        )
        for row in rows
    }


async def was_here(executor: Executor, service: str, schema: str, fingerprint: str) -> bool:
    """Whether a schema had tables of that fingerprint before others came, when contracts were not yet kept."""
    contracts, states = f"{quoted(service)}.{TABLE}", f"{quoted(schema)}.tenon_migrations"
    there = "SELECT to_regclass($1)::text AS contracts, to_regclass($2)::text AS states"
    found = (await executor.fetch(there, (contracts, states)))[0]
    if found["states"] is None:
        return False
    before = f"(SELECT min(applied_at) FROM {contracts})" if found["contracts"] else "NULL"
    rows = await executor.fetch(
        f"SELECT 1 FROM {states} WHERE fingerprint = $1 AND applied_at < coalesce({before}, now()) "
        f"AND fingerprint <> (SELECT fingerprint FROM {states} ORDER BY id DESC LIMIT 1) LIMIT 1",
        (fingerprint,),
    )
    return bool(rows)


def judge_packages(
    wanted: Mapping[str, PackageContract], applied: Mapping[str, Applied], judge: Judge
) -> tuple[str, ...]:
    """Return what breaks callers: of packages that are another than what was applied last."""
    changed = [
        name
        for name, each in wanted.items()
        if name in applied and each.fingerprint != applied[name].latest.fingerprint
    ]
    before, after = (
        _together(contracts)
        for contracts in ([applied[name].latest for name in changed], [wanted[name] for name in changed])
    )
    return tuple(judge(before, after)) if changed else ()


def _together(contracts: Sequence[PackageContract]) -> FileDescriptorSet:
    files: dict[str, FileDescriptorProto] = {}
    for contract in contracts:
        for file in contract.files or FileDescriptorSet.FromString(contract.descriptors).file:
            files.setdefault(file.name, file)
    return FileDescriptorSet(file=files.values())


async def note_applied(
    connection: Connection, service: str, wanted: Mapping[str, PackageContract], applied: Mapping[str, Applied], by: str
) -> None:
    """Keep the contracts that are another than the last, and who has applied them."""
    changed = [
        each
        for name, each in wanted.items()
        if name not in applied or applied[name].latest.fingerprint != each.fingerprint
    ]
    if not changed:
        return
    place = f"{quoted(service)}.{TABLE}"
    await connection.execute(_STATE.format(schema=quoted(service)))
    insert = f"INSERT INTO {place} (package, fingerprint, descriptors, applied_by) VALUES ($1, $2, $3, $4)"
    await connection.executemany(insert, [(each.package, each.fingerprint, each.descriptors, by) for each in changed])
