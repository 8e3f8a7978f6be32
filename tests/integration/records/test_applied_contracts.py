"""The contracts that a database has had: what breaks callers is refused, and an older one may come back."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from services.chassis.contract.breaking import find_breaking
from services.records.failures import RecordExists
from services.records.migrating.migrations import MigrationRefused, plan_migration

if TYPE_CHECKING:
    from tests.integration.records.shop import Shop

TITLE = "string title = 2;"


async def applied(shop: Shop) -> list[tuple[str, str]]:
    rows = await shop.pool.fetch("SELECT package, applied_by FROM data.tenon_contracts ORDER BY id")
    return [(row["package"], row["applied_by"]) for row in rows]


async def test_each_contract_is_kept_once_with_who_has_applied_it(shop: Shop) -> None:
    await shop.start(TITLE)
    await shop.start(TITLE)
    assert await applied(shop) == [("test.shop.v1", "the shop's owner")]
    await shop.start(f"{TITLE} int32 size = 3;")
    assert len(await applied(shop)) == 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("string label = 2;", 'from "title" to "label"'),
        ("reserved 2; string other = 3;", "title"),
    ],
)
async def test_what_breaks_callers_is_refused_where_somebody_judges(shop: Shop, changed: str, told: str) -> None:
    old = await shop.start(TITLE, judge=find_breaking)
    await shop.create(old, "a", title="x")
    with pytest.raises(MigrationRefused) as refused:
        await shop.start(changed, judge=find_breaking)
    assert re.match(r"shop\.proto:\d\d: ", refused.value.problems[0]), "it has the line"
    assert told in str(refused.value)
    assert "--allow-breaking" in refused.value.problems[-1]
    assert (await shop.get(old, "a")).title == "x"
    await shop.start(changed)


async def test_what_breaks_nobody_is_not_refused(shop: Shop) -> None:
    await shop.start(TITLE, judge=find_breaking)
    await shop.start(f"{TITLE} string note = 3; repeated string tags = 4;", judge=find_breaking)
    await shop.start("optional string title = 2; string note = 3; repeated string tags = 4;", judge=find_breaking)


async def test_what_loses_data_is_refused_although_breaking_is_allowed(shop: Shop) -> None:
    old = await shop.start(TITLE)
    await shop.create(old, "a", title="x")
    with pytest.raises(MigrationRefused, match="values would be lost"):
        await shop.start("int32 title = 2;")


async def test_an_older_contract_comes_back_and_loses_nothing_of_the_newer(shop: Shop) -> None:
    first = f"{TITLE} int32 size = 3;"
    second = "string label = 2; int64 size = 3; string note = 4;"
    old = await shop.start(first, unique='"title"', judge=find_breaking)
    await shop.create(old, "a", title="x", size=1)
    new = await shop.start(second, index='"note"')
    await shop.create(new, "b", label="y", size=2, note="kept")

    back = await shop.start(first, unique='"title"', judge=find_breaking)
    assert [(item.title, item.size) for item in [await shop.get(back, name) for name in ("a", "b")]] == [
        ("x", 1),
        ("y", 2),
    ]
    await shop.update(back, "b", title="z")
    await shop.create(back, "c", title="w")
    assert await shop.find(back, "title = z") == ["items/b"]

    again = await shop.start(second, index='"note"', judge=find_breaking)
    kept = await shop.get(again, "b")
    assert (kept.label, kept.size, kept.note) == ("z", 2, "kept")
    assert await shop.find(again, "note = kept") == ["items/b"]
    assert await shop.find(again, "label = w") == ["items/c"]


@pytest.mark.parametrize(
    ("first", "second", "small", "large"),
    [
        ("int32 size = 2;", "int64 size = 2;", 1, 2**40),
        ("bool size = 2;", "int32 size = 2;", 1, 2),
        ("repeated int32 size = 2;", "repeated int64 size = 2;", [1], [1, 2**40]),
        ("map<string, int32> size = 2;", "map<string, int64> size = 2;", {"k": 1}, {"k": -(2**40)}),
        (
            "message Part { int32 n = 1; } repeated Part size = 2;",
            "message Part { int64 m = 1; } repeated Part size = 2;",
            [{"m": 1}],
            [{"m": 1}, {"m": 2**40}],
        ),
    ],
)
async def test_an_older_contract_does_not_come_back_over_values_that_it_cannot_hold(
    shop: Shop, first: str, second: str, small: object, large: object
) -> None:
    await shop.start(first)
    new = await shop.start(second)
    await shop.create(new, "a", size=small)
    await shop.create(new, "b", size=large)
    with pytest.raises(MigrationRefused, match=r"1 of 2 rows holds a value that does not fit, such as items/b"):
        await shop.start(first)
    await shop.update(new, "b", size=small)
    await shop.start(first)


async def test_a_contract_that_never_was_does_not_pass_for_an_older_one(shop: Shop) -> None:
    await shop.start(TITLE)
    await shop.start(f"{TITLE} int32 size = 3;")
    with pytest.raises(MigrationRefused, match="size"):
        await shop.start(f"{TITLE} string other = 4;")


async def test_a_plan_tells_all_and_changes_nothing(shop: Shop) -> None:
    await shop.start(TITLE)
    wanted = shop.engine("string label = 2; int32 size = 3;", index='"size"').wanted(judge=find_breaking)
    plans, broken = await plan_migration(shop.pool, wanted)
    said = "\n".join(statement for plan in plans for statement in plan.all_statements)
    assert 'RENAME COLUMN "title" TO "label"' in said
    assert "ADD COLUMN size" in said
    assert "CREATE INDEX CONCURRENTLY" in said
    assert any("label" in each for each in broken)
    assert "title" in await shop.columns()


async def test_both_versions_serve_while_columns_and_tables_are_renamed(shop: Shop) -> None:
    old = await shop.start(f"{TITLE} int32 size = 3;", unique='"title"')
    await shop.create(old, "a", title="x", size=1)
    new = await shop.start("string label = 2; int32 amount = 3;", unique='"label"')
    await shop.create(old, "b", title="y", size=2)
    assert await shop.find(old, "title = y AND size = 2") == ["items/b"]
    await shop.update(old, "a", title="z")
    assert await shop.find(new, "label = z AND amount = 1") == ["items/a"]
    with pytest.raises(RecordExists):
        await shop.create(old, "c", title="z")
    moved = await shop.start("string label = 2; int32 amount = 3;", unique='"label"', plural="item_list")
    for engine in (old, new, moved):
        assert (await shop.get(engine, "b")).name == "items/b"
    back = await shop.start(f"{TITLE} int32 size = 3;", unique='"title"')
    for engine in (moved, new, old, back):
        assert (await shop.get(engine, "a")).name == "items/a"


async def test_many_calls_at_once_find_the_new_names(shop: Shop) -> None:
    old = await shop.start(f"{TITLE} int32 size = 3;")
    await shop.create(old, "a", title="x", size=1)
    await shop.start("string label = 2; int32 amount = 3;")
    found = await asyncio.gather(*(shop.find(old, f"size = {number % 2}") for number in range(40)))
    assert found == [[], ["items/a"]] * 20
