"""Tables follow the contract by adding; whatever would lose data is refused, with what would be lost."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from services.chassis.postgres import open_pool
from services.records.engine import Engine
from services.records.migrating.migrations import MigrationRefused, migration_state
from tests.integration.records.library import KEYRING, library_contract

if TYPE_CHECKING:
    from services.chassis.postgres import Pool
    from tests.integration.records.shop import Shop


async def test_a_second_start_has_nothing_to_do(shop: Shop) -> None:
    await shop.start("string title = 2;")
    first = await migration_state(shop.pool, "test_shop_v1")
    await shop.start("string title = 2;")
    assert await migration_state(shop.pool, "test_shop_v1") == first
    assert first.count == 1
    assert first.applied_at is not None
    assert any("CREATE TABLE" in statement for statement in first.statements)


async def test_the_state_of_a_schema_that_is_not_there_is_empty(pool: Pool) -> None:
    assert (await migration_state(pool, "nowhere")).count == 0


async def test_an_added_field_is_a_column_with_its_default(shop: Shop) -> None:
    old = await shop.start("string title = 2;")
    await shop.create(old, "a", title="x")
    new = await shop.start("string title = 2; int32 size = 3; optional string note = 4; repeated string tags = 5;")
    assert (await shop.get(new, "a")).size == 0
    row = (await shop.pool.fetch("SELECT size, note, tags FROM test_shop_v1.items"))[0]
    assert tuple(row) == (0, None, [])


async def test_a_renamed_field_is_a_renamed_column(shop: Shop) -> None:
    old = await shop.start("string title = 2;", unique='"title"')
    await shop.create(old, "a", title="x")
    new = await shop.start("string label = 2;", unique='"label"')
    assert (await shop.get(new, "a")).label == "x"
    assert (await shop.pool.fetch("SELECT label FROM test_shop_v1.items"))[0]["label"] == "x"


async def test_fields_that_swap_their_names_keep_their_values(shop: Shop) -> None:
    old = await shop.start("string a = 2; string b = 3;")
    await shop.create(old, "a", a="two", b="three")
    await shop.start("string b = 2; string a = 3;")
    assert tuple((await shop.pool.fetch("SELECT a, b FROM test_shop_v1.items"))[0]) == ("three", "two")


async def test_a_renamed_collection_is_a_renamed_table(shop: Shop) -> None:
    old = await shop.start("string title = 2;")
    await shop.create(old, "a", title="x")
    engine = await shop.start("string title = 2;", plural="item_list")
    assert (await shop.get(engine, "a")).title == "x"
    assert len(await shop.pool.fetch("SELECT 1 FROM test_shop_v1.item_list")) == 1


async def test_a_wider_number_keeps_its_values(shop: Shop) -> None:
    old = await shop.start("int32 size = 2; uint32 weight = 3;")
    await shop.create(old, "a", size=-7, weight=9)
    new = await shop.start("int64 size = 2; uint64 weight = 3;")
    await shop.create(new, "b", size=2**40, weight=2**64 - 1)
    rows = await shop.pool.fetch("SELECT size, weight FROM test_shop_v1.items ORDER BY name")
    assert [tuple(row) for row in rows] == [(-7, 9), (2**40, 2**64 - 1)]


async def test_a_field_that_becomes_optional_is_unset_where_it_was_not_sent(shop: Shop) -> None:
    old = await shop.start("int32 size = 2;")
    await shop.create(old, "a")
    await shop.create(old, "b", size=1)
    await shop.start("optional int32 size = 2;")
    rows = await shop.pool.fetch("SELECT size FROM test_shop_v1.items ORDER BY name")
    assert [row["size"] for row in rows] == [None, 1]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("", "`title`"),
        ("int32 title = 2;", "`string` and is now `int32`"),
        ("repeated string title = 2;", "`repeated string`"),
        ("bytes title = 2;", "`title`"),
    ],
)
async def test_what_would_lose_values_is_refused(shop: Shop, changed: str, told: str) -> None:
    old = await shop.start("string title = 2;")
    await shop.create(old, "a", title="x")
    with pytest.raises(MigrationRefused, match=told) as refused:
        await shop.start(changed)
    assert "would be lost" in refused.value.problems[0]
    assert (await shop.get(old, "a")).title == "x"


PART = "message Part { %s } Part part = 2; repeated Part parts = 3; map<string, Part> named = 4; bytes raw = 5;"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (PART % "string a = 1;", "part.b: the field 2 is gone"),
        (PART % "string a = 1; string b = 2;", "part.b: it was `int32` and is now `string`"),
        (PART % "string a = 1; repeated int32 b = 2;", "part.b: it was `int32` and is now `repeated int32`"),
        ((PART % "string a = 1; int32 b = 2;").replace("bytes raw = 5;", ""), "Item.raw: the field 5 is gone"),
        ((PART % "string a = 1; int32 b = 2;").replace("bytes raw", "string raw"), "Item.raw: it was `bytes`"),
        (
            "message Other { int64 x = 1; } message Part {} Other part = 2; repeated Other parts = 3; bytes raw = 5;",
            "x:",
        ),
    ],
)
async def test_what_would_lose_values_that_no_column_shows_is_refused(shop: Shop, changed: str, told: str) -> None:
    fields = PART % "string a = 1; int32 b = 2;"
    old = await shop.start(fields)
    made = await shop.create(old, "a", part={"a": "x", "b": 3}, raw=b"r", named={"k": {"b": 4}})
    with pytest.raises(MigrationRefused, match=re.escape(told)):
        await shop.start(changed)
    assert await shop.get(old, "a") == made
    assert (await migration_state(shop.pool, "test_shop_v1")).count == 1


async def test_what_a_message_inside_adds_widens_or_reserves_is_taken(shop: Shop) -> None:
    old = await shop.start(PART % "string a = 1; int32 b = 2; string c = 3;")
    await shop.create(old, "a", part={"a": "x", "b": -3, "c": "gone"})
    new = await shop.start(PART % 'string a = 1; int64 b = 2; reserved 3; reserved "c"; string d = 4; Part e = 5;')
    got = await shop.get(new, "a")
    assert (got.part.b, got.part.d, "gone" in str(got)) == (-3, "", False)
    assert await shop.find(new, 'part.b = -3 AND part.d = "" AND NOT part.e:*') == ["items/a"]


async def test_a_message_inside_that_is_renamed_is_the_same(shop: Shop) -> None:
    old = await shop.start(PART % "string a = 1;")
    await shop.create(old, "a", part={"a": "x"})
    new = await shop.start((PART % "string a = 1;").replace("Part", "Piece"))
    assert (await shop.get(new, "a")).part.a == "x"


async def test_what_is_renamed_or_replaced_in_a_message_is_found_by_what_its_bytes_say(shop: Shop) -> None:
    old = await shop.start(PART % "string a = 1; string b = 2; int32 n = 3;")
    await shop.create(old, "a", part={"a": "x", "b": "gone"}, named={"k": {"a": "y"}})
    # `b` is another field now, and `a` has another name.
    new = await shop.start(PART % "string label = 1; reserved 2; string b = 4; optional int32 n = 3;")
    assert await shop.find(new, 'part.label = x AND named.k.label = y AND part.b = ""') == ["items/a"]
    assert await shop.find(new, "part.b = gone") == []
    assert await shop.find(new, "part.n = 0") == []


async def test_a_field_that_comes_back_is_what_the_bytes_say(shop: Shop) -> None:
    old = await shop.start("string title = 2; string gone = 3;")
    await shop.create(old, "a", title="a", gone="kept")
    without = await shop.start('string title = 2; reserved 3; reserved "gone";')
    await shop.create(without, "b", title="b")
    await shop.update(without, "a", title="changed")
    new = await shop.start("string title = 2; string gone = 3;")
    assert (await shop.get(new, "a")).gone == "kept"
    assert await shop.find(new, "gone = kept") == ["items/a"]
    assert await shop.find(new, 'gone = ""') == ["items/b"]


async def test_an_old_worker_leaves_alone_what_a_newer_contract_wrote(shop: Shop) -> None:
    """While one version of a contract takes over from another, both serve one database."""
    old = await shop.start("string title = 2; message Part { string a = 1; } Part part = 3;")
    new = await shop.start(
        "string title = 2; message Part { string a = 1; string b = 2; } Part part = 3; string note = 4;"
        "string secret = 5 [(tenon.options.v1.field).sensitive = true];"
    )
    await shop.create(new, "a", title="x", part={"a": "a", "b": "b"}, note="n", secret="hidden")
    assert "hidden" not in str(await shop.get(old, "a"))
    changed = await shop.update(old, "a", title="y", part={"a": "c"})
    assert (changed.title, changed.part.a, len(UnknownFieldSet(changed))) == ("y", "c", 0)
    assert len(UnknownFieldSet(await shop.get(old, "a"))) == 0
    got = await shop.get(new, "a")
    assert (got.title, got.part.a, got.part.b, got.note, got.secret) == ("y", "c", "b", "n", "hidden")
    events = await shop.pool.fetch("SELECT before, after FROM data.outbox")
    assert not any(b"hidden" in (side or b"") for event in events for side in event)
    again = await shop.update(new, "a", title="z")
    assert (again.note, again.secret) == ("n", "hidden")
    row = (await shop.pool.fetch("SELECT note, secret, part->>'b' AS b FROM test_shop_v1.items"))[0]
    assert tuple(row) == ("n", "hidden", "b")


async def test_another_scope_is_refused(shop: Shop) -> None:
    await shop.start("string title = 2;")
    with pytest.raises(MigrationRefused, match="scope"):
        await shop.start("string title = 2;", scope="SCOPE_OWNER")


async def test_a_removed_field_whose_number_is_reserved_is_hidden_and_kept(shop: Shop) -> None:
    old = await shop.start("string title = 2; string gone = 3;")
    await shop.create(old, "a", title="x", gone="kept")
    new = await shop.start('string title = 2; reserved 3; reserved "gone";')
    assert "gone" not in str(await shop.get(new, "a"))
    await shop.create(new, "b", title="y")
    rows = await shop.pool.fetch("SELECT retired_3 FROM test_shop_v1.items ORDER BY name")
    assert rows[0]["retired_3"] == "kept"
    assert await migration_state(shop.pool, "test_shop_v1")
    await shop.start('string title = 2; reserved 3; reserved "gone"; string gone_again = 4;')


async def test_a_unique_key_that_rows_break_is_refused(shop: Shop) -> None:
    old = await shop.start("string title = 2;")
    for item in ("a", "b"):
        await shop.create(old, item, title="same")
    with pytest.raises(MigrationRefused, match="do not allow"):
        await shop.start("string title = 2;", unique='"title"')
    assert (await migration_state(shop.pool, "test_shop_v1")).count == 1


async def test_a_key_that_the_contract_gives_up_no_longer_holds(shop: Shop) -> None:
    await shop.start("string title = 2;", unique='"title"')
    engine = await shop.start("string title = 2;")
    for item in ("a", "b"):
        await shop.create(engine, item, title="same")


async def test_workers_that_start_at_once_migrate_once(database: str) -> None:
    async with open_pool(database) as one, open_pool(database) as two, open_pool(database) as three:
        engines = [Engine(library_contract(), host="data", pool=pool, keyring=KEYRING) for pool in (one, two, three)]
        states = await asyncio.gather(*(engine.migrate() for engine in engines))
    assert all(state.count == 1 for each in states for state in each)


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ("bool on = 2;", "int32 on = 2;", [0, 1]),
        ("bool on = 2;", "int64 on = 2;", [0, 1]),
        ("bool on = 2;", "uint64 on = 2;", [0, 1]),
        ("repeated int32 on = 2;", "repeated int64 on = 2;", [[], [1]]),
        ("repeated bool on = 2;", "repeated int64 on = 2;", [[], [1]]),
        ("map<string, int32> on = 2;", "map<string, int64> on = 2;", ["{}", '{"k": 1}']),
        ("map<string, bool> on = 2;", "map<string, int32> on = 2;", ["{}", '{"k": 1}']),
    ],
)
async def test_what_is_safe_by_bytes_and_column_is_widened(
    shop: Shop, before: str, after: str, rows: list[object]
) -> None:
    old = await shop.start(before)
    await shop.create(old, "a")
    await shop.create(old, "b", on={"k": 1} if "map" in before else [1] if "repeated" in before else 1)
    new = await shop.start(after)
    assert [row["on"] for row in await shop.pool.fetch('SELECT "on" FROM test_shop_v1.items ORDER BY name')] == rows
    await shop.create(new, "c")
    assert str((await shop.get(new, "b")).on) in {"1", "[1]", "{'k': 1}"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("int64 size = 2;", "int32 size = 2;", "1 of 3 rows holds a value that does not fit, such as items/c"),
        ("int64 size = 2;", "string size = 2;", "2 of 3 rows hold a value, such as items/b and items/c"),
        ("int64 size = 2;", "", "2 of 3 rows hold a value, such as items/b and items/c"),
        ("optional int64 size = 2;", "int64 size = 2;", "1 of 3 rows holds the default as a value that was set"),
    ],
)
async def test_a_refusal_counts_the_rows_and_names_two(shop: Shop, before: str, after: str, told: str) -> None:
    old = await shop.start(before)
    await shop.create(old, "a", size=0)
    await shop.create(old, "b", size=7)
    await shop.create(old, "c", size=2**40)
    with pytest.raises(MigrationRefused) as refused:
        await shop.start(after)
    expected = told.replace("2 of 3 rows hold a value", "3 of 3 rows hold a value") if "optional" in before else told
    assert expected in refused.value.problems[0]
