"""Pages of very many rows are ranges of indexes: the last one reads no more rows than the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.records.reading.listing import COUNTED
from tests.integration.records.library import user
from tests.integration.records.reading.digs import SITE
from tests.integration.records.reading.many import Watched, fill, plans_of

if TYPE_CHECKING:
    from services.chassis.postgres import Pool
    from tests.integration.records.reading.digs import Digs

ROWS = 20_000
SIZE = 50
WIDE = {"parent": "regions/-/sites/-"}
PAGES: dict[str, tuple[dict[str, Any], int]] = {
    "below a parent": ({"parent": SITE}, 6_000),
    "below a parent, backwards": ({"parent": SITE, "order_by": "name desc"}, 6_000),
    "below all parents": (WIDE, 19_000),
    "below one region": ({"parent": "regions/crete/sites/-"}, 13_000),
    "by an indexed field": ({**WIDE, "filter": "layer = 7"}, 300),
    "by an indexed field, in the order of another": (
        {**WIDE, "filter": "state = STATE_WHOLE", "order_by": "layer"},
        9_000,
    ),
    "in the order of a field": ({**WIDE, "order_by": "layer"}, 19_000),
    "in its order backwards": ({**WIDE, "order_by": "layer desc"}, 19_000),
    "in the order of two fields": ({**WIDE, "order_by": "state, layer"}, 19_000),
    "in that order backwards": ({**WIDE, "order_by": "state desc, layer desc"}, 19_000),
    "by time": ({**WIDE, "order_by": "found_at"}, 19_000),
    "by time, where it is unset": ({**WIDE, "order_by": "found_at"}, 1_000),
    "latest first": ({**WIDE, "order_by": "found_at desc"}, 17_000),
    "latest first, where it is unset": ({**WIDE, "order_by": "found_at desc"}, 19_000),
}
"""What is asked for, and how far in the page stands that is compared with the first."""


async def watched(digs: Digs, **fields: Any) -> tuple[Any, Watched]:
    """Return a page and what was run for it."""
    seen = Watched(executor=digs.engine.pool)
    request = digs.type("ListFindsRequest")(page_size=SIZE, **fields)
    function = digs.engine.function(f"{digs.service}ListFinds")
    answer = digs.type("ListFindsResponse").FromString(await function(request, digs.call("ListFinds"), seen))
    return answer, seen


async def test_every_page_is_a_range_of_an_index_and_reads_no_more_rows_than_it_has(digs: Digs, pool: Pool) -> None:
    await fill(digs, ROWS)
    # Others' rows, which no statement may have to pass over.
    await digs.prepare(user("aardvark"))
    await fill(digs, 1_000, organization="aardvark")
    for what, (asked, place) in PAGES.items():
        token = (await digs.list(**asked, skip=place - 1, page_size=1)).next_page_token
        for page_token in ("", token):
            page, seen = await watched(digs, **asked, page_token=page_token)
            assert len(page.finds) == SIZE, what
            if not page_token:
                seen.ran = [one for one in seen.ran if "count(" not in one[0] and "EXPLAIN" not in one[0]]
            for mode in ("force_custom_plan", "force_generic_plan"):
                for plan in await plans_of(pool, seen, mode):
                    assert {"Index Scan"} <= set(plan.nodes) <= {"Limit", "Index Scan", "Result"}, (
                        what,
                        mode,
                        plan.text,
                    )
                    assert plan.rows <= SIZE + 2, (what, mode, plan.text)


async def test_26_beyond_a_bound_the_total_is_an_estimate_and_is_made_for_the_first_page_alone(
    digs: Digs, pool: Pool
) -> None:
    await fill(digs, ROWS)
    first, seen = await watched(digs, **WIDE)
    assert 0.9 * ROWS < first.total_size < 1.1 * ROWS
    assert len(seen.ran) == 3
    counted = (await plans_of(pool, Watched(executor=pool, ran=[seen.ran[1]])))[0]
    assert counted.rows == COUNTED + 1, counted.text
    second, seen = await watched(digs, **WIDE, page_token=first.next_page_token)
    assert (second.total_size, len(seen.ran)) == (first.total_size, 1)
    exact, seen = await watched(digs, **WIDE, filter="layer < 25")
    assert (exact.total_size, len(seen.ran)) == (ROWS // 2, 2)


async def test_a_get_reads_one_row_of_many(digs: Digs, pool: Pool) -> None:
    await fill(digs, ROWS)
    seen = Watched(executor=pool)
    request = digs.type("GetFindRequest")(name=f"{SITE}/finds/n00009999")
    await digs.engine.function(f"{digs.service}GetFind")(request, digs.call("GetFind"), seen)
    (plan,) = await plans_of(pool, seen)
    assert (plan.nodes, plan.rows) == (("Index Scan",), 1), plan.text


async def test_a_search_reads_the_rows_of_one_organization_that_hold_the_words(digs: Digs, pool: Pool) -> None:
    await fill(digs, ROWS)
    await digs.prepare(user("rival"))
    await fill(digs, ROWS, organization="rival")
    for caller, query, found in ((user(), "unicum", 20), (user("rival"), "unicum", 20), (user("third"), "vase", 0)):
        seen = Watched(executor=pool)
        request = digs.type("SearchFindsRequest")(query=query, page_size=SIZE, **WIDE)
        await digs.engine.function(f"{digs.service}SearchFinds")(request, digs.call("SearchFinds", caller), seen)
        (plan,) = await plans_of(pool, seen)
        assert "Seq Scan" not in plan.nodes, plan.text
        assert plan.rows == found, plan.text
