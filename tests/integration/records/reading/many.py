"""Very many finds, written past the engine, and the plans that Postgres makes for what reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.records.schema.columns import INPUT, Columns
from services.records.writing.statements import input_columns
from tests.integration.records.reading.digs import SITE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.chassis.postgres import Executor, Pool
    from services.records.schema.tables import RecordTable
    from tests.integration.records.reading.digs import Digs

START = datetime(2020, 1, 1, tzinfo=UTC)
SITES = (SITE, "regions/crete/sites/malia", "regions/rhodes/sites/knossos")
LAYERS, STATES = 50, 2


def body(number: int) -> dict[str, Any]:
    """Return one of very many finds: a tenth of them have no time, and one in a thousand a word that is rare."""
    moment = START + timedelta(seconds=number * 37 % 1_000_003)
    return {
        "title": f"find {number} {'unicum' if number % 1000 == 7 else 'vase'}",
        "layer": number % LAYERS,
        "state": 1 + number // 7 % STATES,
        **({} if number % 10 == 0 else {"found_at": moment}),
        "etag": f'"{number:x}"',
    }


async def fill(digs: Digs, rows: int, *, organization: str = "acme") -> None:
    """Write finds of one organization, a third below each site."""
    table = digs.engine.tables[f"{digs.package}.Find"]
    names = [*input_columns(table), "organization", "revision", "shape"]
    columns = Columns(table)
    async with digs.engine.pool.connection() as connection:
        for first in range(0, rows, 10_000):
            numbers = range(first, min(rows, first + 10_000))
            records = [_row(table, columns, names, number, organization) for number in numbers]
            await connection.copy_records_to_table(
                table.table.name, schema_name=table.schema, columns=names, records=records
            )
        await connection.execute(f"VACUUM ANALYZE {table.table.fullname}")


def _row(table: RecordTable, columns: Columns, names: Sequence[str], number: int, organization: str) -> tuple[Any, ...]:
    parent = SITES[number % len(SITES)]
    message = table.message(name=f"{parent}/finds/n{number:08}", **body(number))
    values = {name.removeprefix(INPUT): value for name, value in columns.row(message, "").items()}
    values |= {"message": message.SerializeToString(), "parent": parent, "organization": organization}
    values |= {"revision": 1, "shape": table.shape}
    return tuple(values[name] for name in names)


@dataclass(kw_only=True, slots=True)
class Watched:
    """An executor that keeps what it ran."""

    executor: Executor
    """What runs it."""
    ran: list[tuple[str, Sequence[Any]]] = field(default_factory=list)
    """The statements and their arguments."""

    async def fetch(self, sql: str, arguments: Sequence[Any] = (), *, repeatable: bool = False) -> list[Any]:
        self.ran.append((sql, arguments))
        return await self.executor.fetch(sql, arguments, repeatable=repeatable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What Postgres did for one statement."""

    nodes: tuple[str, ...]
    """The kinds of its steps."""
    rows: int
    """The rows that it read, those among them that it dropped."""
    text: str
    """All of it."""


async def plans_of(pool: Pool, watched: Watched, mode: str = "auto") -> list[Plan]:
    """Run again what was run, and return how Postgres did it; `mode` is its `plan_cache_mode`."""
    plans = []
    async with pool.connection() as connection:
        await connection.execute(f"SET plan_cache_mode = {mode}")
        for sql, arguments in watched.ran:
            await connection.execute(f"PREPARE watched AS {sql}")
            values = ", ".join(map(_literal, arguments))
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) EXECUTE watched({values})")
            await connection.execute("DEALLOCATE watched")
            nodes = list(_walk(json.loads(rows[0][0])[0]["Plan"]))
            text = json.dumps(nodes[0], indent=1)
            plans.append(Plan(nodes=tuple(n["Node Type"] for n in nodes), rows=sum(map(_read, nodes)), text=text))
        await connection.execute("RESET plan_cache_mode")
    return plans


def _literal(value: Any) -> str:
    if isinstance(value, str | datetime):
        escaped = str(value).replace("'", "''")
        return f"'{escaped}'"
    return "NULL" if value is None else str(value)


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _walk(below)


def _read(node: dict[str, Any]) -> int:
    """Return how many rows a step read itself; what is above others reads theirs."""
    if node.get("Plans"):
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    read: int = round((node["Actual Rows"] + removed) * node["Actual Loops"])
    return read
