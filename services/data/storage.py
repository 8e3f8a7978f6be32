"""The contracts in force, read from the compiled contract, and their migrations, read from Postgres."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from services.data.domain import Contract, Interface, Migration, Resource
from services.records.migrating.migrations import migration_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.chassis import contract as chassis
    from services.chassis.postgres import Pool
    from services.records.schema.tables import RecordTable


class CompiledContracts:
    """The contracts of one compiled set, which does not change; their migrations are asked for each time."""

    def __init__(self, contract: chassis.Contract, tables: Mapping[str, RecordTable], pool: Pool) -> None:
        """Take the compiled contract, the tables that this process keeps by message, and where they are."""
        self._schemas = {table.record.package: table.schema for table in tables.values()}
        self._pool = pool
        packages = sorted({service.package for service in contract.services})
        self._contracts = {package: _describe(contract, package, tables) for package in packages}

    async def find(self, package: str) -> Contract | None:
        """Return the contract of that package, or None."""
        found = self._contracts.get(package)
        return None if found is None else await self._with_migration(found)

    async def page(self, *, after: str, size: int) -> list[Contract]:
        """Return up to `size` contracts whose packages come after that one, in order."""
        packages = [package for package in self._contracts if package > after][:size]
        return [await self._with_migration(self._contracts[package]) for package in packages]

    async def _with_migration(self, contract: Contract) -> Contract:
        schema = self._schemas.get(contract.package)
        if schema is None:
            return contract
        state = await migration_state(self._pool, schema)
        if state.applied_at is None:
            return contract
        migration = Migration(fingerprint=state.fingerprint, apply_time=state.applied_at, statements=state.statements)
        return replace(contract, migration=migration)


def _describe(contract: chassis.Contract, package: str, tables: Mapping[str, RecordTable]) -> Contract:
    files = sorted((file for file in contract.descriptors.file if file.package == package), key=lambda file: file.name)
    services = [service for service in contract.services if service.package == package]
    digest = hashlib.sha256()
    for file in files:
        encoded = file.SerializeToString(deterministic=True)
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return Contract(
        package=package,
        host=services[0].host,
        files=tuple(file.name for file in files),
        fingerprint=digest.hexdigest(),
        interfaces=tuple(
            Interface(
                service=service.full_name,
                methods=tuple(method.name for method in service.methods if not method.is_internal),
            )
            for service in services
        ),
        resources=tuple(
            _describe_record(record, tables.get(record.message))
            for record in contract.records
            if record.package == package
        ),
    )


def _describe_record(record: chassis.Record, table: RecordTable | None) -> Resource:
    return Resource(
        type=record.type,
        message=record.message,
        patterns=record.patterns,
        scope=record.scope.name,
        table="" if table is None else table.table.fullname,
    )
