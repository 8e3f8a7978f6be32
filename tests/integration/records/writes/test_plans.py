"""A deletion finds what refers to a record by an index, wherever the reference stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.records.deleting.dependents import dependents_of, find
from services.records.deleting.statements import MAX_ALONG

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

ORDERS = """
INSERT INTO test_depot_v1.orders
    (organization, name, message, revision, shape, maker, spare, region, before, others, items, extras, main)
SELECT 'acme', 'orders/' || n, '', 1, 0, 'makers/' || n, 'makers/' || n, 'regions/' || n, 'orders/' || n,
    array['makers/' || n], jsonb_build_array(item), jsonb_build_object('x', item), item
FROM generate_series(1, 5000) n,
    jsonb_build_object('maker', 'makers/' || n, 'tools', jsonb_build_array('tools/' || n)) item
"""


async def test_every_way_to_refer_to_a_record_has_an_index(depot: Depot) -> None:
    tables = depot.engine.tables
    await depot.rows(ORDERS)
    await depot.rows("ANALYZE test_depot_v1.orders")
    values = {
        "gone_organizations": ["acme"],
        "gone_names": ["makers/7"],
        "going_organizations": [],
        "going_names": [],
        "most_rows": MAX_ALONG + 1,
    }
    looked = set()
    for target in tables.values():
        for dependent in dependents_of(target, tables):
            if dependent.table.record.singular != "order":
                continue
            statement = find(dependent, locks=True, live=False)
            rows = await depot.engine.pool.fetch(f"EXPLAIN {statement.sql}", statement.beyond_arguments(values))
            plan = "\n".join(row[0] for row in rows)
            column = dependent.field.split(".", maxsplit=1)[0]
            assert "Seq Scan" not in plan, plan
            assert any(column in line for line in plan.splitlines() if "Index Cond" in line), (column, plan)
            looked.add(column)
    assert looked == {"maker", "spare", "region", "before", "others", "items", "extras", "main"}


async def test_many_names_are_not_each_compared_with_each_row(depot: Depot) -> None:
    tables = depot.engine.tables
    await depot.rows(ORDERS)
    names = [f"makers/none-{number}" for number in range(1000)]
    values = {
        "gone_organizations": ["acme"] * len(names),
        "gone_names": names,
        "going_organizations": [],
        "going_names": [],
        "most_rows": MAX_ALONG + 1,
    }
    looked = 0
    for dependent in dependents_of(tables["test.depot.v1.Maker"], tables):
        if dependent.table.record.singular == "order":
            statement = find(dependent, locks=False, live=False)
            sql = f"EXPLAIN (ANALYZE, TIMING OFF) {statement.sql}"
            plan = "\n".join(row[0] for row in await depot.engine.pool.fetch(sql, statement.beyond_arguments(values)))
            compared = sum(int(found) for found in re.findall(r"Rows Removed by Join Filter: (\d+)", plan))
            assert compared <= len(names), plan
            looked += 1
    assert looked >= 7
