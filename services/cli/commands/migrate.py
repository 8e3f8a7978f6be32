"""`tenon migrate plan` and `tenon migrate apply`: what the tables need to follow the contracts, shown or done."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.chassis.contract import ContractError
from services.chassis.contract.breaking import find_breaking
from services.chassis.errors import TenonError
from services.chassis.postgres import open_pool
from services.chassis.repository import RECORD_HOST
from services.cli.errors import CommandError
from services.cli.stack.contract import read_sources
from services.cli.stack.database import open_databases
from services.records.migrating.applied import packages_of
from services.records.migrating.migrations import BREAKS, MigrationRefused, Wanted, migrate, plan_migration
from services.records.schema.tables import build_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.chassis.contract import Contract
    from services.cli.settings import Settings
    from services.cli.stack.database import Locate
    from services.records.migrating.planning import SchemaPlan


CONNECTIONS = 2
"""One holds the lock, and the other looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the command line says."""

    apply: bool
    """Whether it is to be done, and not only shown."""
    allow_breaking: bool = False
    """Whether callers of the contract before may be broken."""
    database: str = ""
    """Where Postgres is, or empty for that of the state folder."""


def run_migrate(settings: Settings, asked: Asked, *, write: Callable[[str], None] | None = None) -> int:
    """Show, or do, what the tables need; return 1 where something stands against it. Raises CommandError."""
    try:
        contract = read_sources(settings)
    except ContractError as error:
        problems = "\n".join(str(problem) for problem in error.problems)
        raise CommandError(f"{problems}\nThe contracts cannot be used.", mend="correct them as said above.") from error
    return asyncio.run(_Run(settings, contract, asked, write or _print).run())


class _Run:
    """One call of the command."""

    def __init__(self, settings: Settings, contract: Contract, asked: Asked, write: Callable[[str], None]) -> None:
        self._settings = settings
        self._asked = asked
        self._write = write
        self._wanted = [_wanted(contract, host, asked) for host in sorted(_hosts(contract))]

    async def run(self) -> int:
        try:
            async with open_databases(self._settings, url=self._asked.database) as locate:
                refused = [problem for wanted in self._wanted for problem in await self._show(wanted, locate)]
                if refused:
                    return self._refuse(refused)
                return await self._apply(locate) if self._asked.apply else 0
        except MigrationRefused as error:
            # It was not so a moment ago: rows have come meanwhile.
            return self._refuse(error.problems)
        except TenonError as error:
            raise CommandError(error.message, mend="see that Postgres runs and can be reached.") from error

    async def _show(self, wanted: Wanted, locate: Locate) -> Sequence[str]:
        """Write what a service's tables need, and return what stands against it."""
        async with open_pool(locate(wanted.service), size=CONNECTIONS) as pool:
            plans, broken = await plan_migration(pool, wanted)
        for plan in plans:
            self._write_plan(plan)
        return [*(problem for plan in plans for problem in plan.refused), *broken, *((BREAKS,) if broken else ())]

    def _write_plan(self, plan: SchemaPlan) -> None:
        if not plan.all_statements and not plan.rewritten:
            self._write(f"-- {plan.schema}: nothing to do")
            return
        self._write(f"-- {plan.schema}: {'in one transaction' if plan.statements else 'indexes'}")
        for statement in plan.statements:
            self._write(f"{statement.strip()};")
        for message, fields in plan.rewritten.items():
            self._write(f"-- and {', '.join(sorted(fields))} of {message} written again from the rows' messages")
        if plan.indexes and plan.statements:
            self._write(f"-- {plan.schema}: then, beside those who read and write")
        for step in plan.indexes:
            for statement in step.statements:
                self._write(f"{statement.strip()};")

    async def _apply(self, locate: Locate) -> int:
        begun = time.monotonic()
        for wanted in self._wanted:
            async with open_pool(locate(wanted.service), size=CONNECTIONS) as pool:
                await migrate(pool, wanted=wanted)
        took = f"{time.monotonic() - begun:.1f} s"
        self._write(f"-- applied in {took}; `tenon up` serves it from its next start on, a watch from the next save on")
        return 0

    def _refuse(self, problems: Sequence[str]) -> int:
        sys.stderr.write("The tables stay as they are:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in problems)
        return 1


def _hosts(contract: Contract) -> set[str]:
    return {record.host for record in contract.records}


def _wanted(contract: Contract, host: str, asked: Asked) -> Wanted:
    """Return what a service's start would ask for."""
    # A service of its own keeps all in one schema; data keeps a schema for each package that it hosts.
    tables = build_tables(contract, host=host, schema="" if host == RECORD_HOST else host)
    return Wanted(
        service=host,
        tables=tuple(tables.values()),
        packages=packages_of(contract, host),
        judge=None if asked.allow_breaking else find_breaking,
        by=f"tenon migrate, {getpass.getuser()}",
    )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
