"""What a migration refuses, and how many rows are the reason: counted, named by one or two, and never shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from services.chassis.refusal import StartRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.chassis.postgres import Connection

EXAMPLES = 2
"""Rows that are named."""

PATIENCE = "20s"
"""How long the rows of one refusal are counted."""


class MigrationRefused(StartRefused):
    """The contract asks for what would lose data. `problems` says what, and how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take all that is refused."""
        super().__init__("The tables cannot follow the contract:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """One thing that a migration does not do."""

    said: str
    """What is asked for and why it is refused, as a sentence."""
    mend: str
    """What to do about it, as a sentence."""
    table: str = ""
    """The table whose rows are counted, as SQL names it; empty where none are."""
    condition: str = ""
    """Which of its rows would lose something, as SQL; empty for all of them."""
    verb: str = "hold such a value"
    """What those rows do."""
    only_if_any: bool = False
    """Whether it is no refusal where there are no such rows."""
    name: str = ""
    """The column with the rows' names, as SQL names it; empty where they have none."""

    def tell(self, count: int | None = None, of: int = 0, names: Iterable[str] = ()) -> str:
        """Return all of it in one line."""
        listed = " and ".join(names)
        if count is None:
            return f"{self.said} {self.mend}"
        such = f", such as {listed}" if listed else ""
        verb = self.verb if count != 1 else self.verb.replace("hold", "holds", 1).replace("are", "is", 1)
        return f"{self.said} {count:,} of {of:,} rows {verb}{such}. {self.mend}"


async def weigh(connection: Connection, refusals: Iterable[Refusal]) -> list[str]:
    """Return each refusal with how many rows are the reason, where they can be counted in time."""
    told = []
    for refusal in refusals:
        counted = await _count(connection, refusal) if refusal.table else (None, 0, ())
        if counted[0] or not refusal.only_if_any:
            told.append(refusal.tell(*counted))
    return told


async def _count(connection: Connection, refusal: Refusal) -> tuple[int | None, int, Sequence[str]]:
    where = f"WHERE {refusal.condition}" if refusal.condition else ""
    names = f"SELECT {refusal.name} FROM {refusal.table} {where} ORDER BY 1 LIMIT {EXAMPLES}" if refusal.name else ""
    hit = f"count(*) FILTER ({where})" if where else "count(*)"
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
            row = await connection.fetchrow(f"SELECT {hit} AS hit, count(*) AS every FROM {refusal.table}")
            examples = [each[0] for each in await connection.fetch(names)] if names else []
    except (asyncpg.QueryCanceledError, asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError):
        return None, 0, ()  # The refusal stands without its number.
    return (row["hit"], row["every"], examples) if row is not None else (None, 0, ())
