"""Writes columns again from the messages, where a migration changed what stands in them for the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.records.migrating.catalogue import quoted
from services.records.schema.columns import INPUT, Columns

if TYPE_CHECKING:
    from collections.abc import Collection

    from services.chassis.postgres import Connection
    from services.records.schema.tables import RecordTable

ROWS = 1000
"""Rows that are held in memory at a time."""


async def reindex(connection: Connection, table: RecordTable, fields: Collection[str]) -> None:
    """Write the columns of these fields again, in all rows.

    Raises:
        Unstorable: if a message holds what its column cannot.
    """
    columns = Columns(table)
    wanted = [table.columns[field].name for field in table.columns if field in fields]
    name = quoted(table.columns["name"].name)
    where = f"{quoted(table.schema)}.{quoted(table.table.name)}"
    page = (
        f"SELECT organization, {name} AS name, message FROM {where} "
        f"WHERE (organization, {name}) > ($1, $2) ORDER BY organization, {name} LIMIT {ROWS}"
    )
    assigned = ", ".join(f"{quoted(column)} = ${number}" for number, column in enumerate(wanted, 3))
    change = f"UPDATE {where} SET {assigned} WHERE organization = $1 AND {name} = $2"
    last = ("", "")
    while rows := await connection.fetch(page, *last):
        changes = []
        for row in rows:
            values = columns.row(table.message.FromString(row["message"]), "")
            changes.append((row["organization"], row["name"], *(values[INPUT + column] for column in wanted)))
        await connection.executemany(change, changes)
        last = changes[-1][0], changes[-1][1]
