"""References: checked wherever they stand, and what becomes of them when their record is deleted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import Aborted, TenonError
from services.records.deleting.statements import MAX_ALONG
from services.records.failures import (
    CascadeTooLarge,
    RecordHasChildren,
    RecordNotFound,
    RecordReferenced,
    ReferenceNotFound,
)
from tests.integration.records.library import SYSTEM, user
from tests.integration.records.writes.depot import holder

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

NESTED: list[tuple[dict[str, Any], str]] = [
    ({"items": [{}, {"maker": "makers/none"}]}, "order.items[1].maker"),
    ({"items": [{"tools": ["makers/m/tools/t", "makers/m/tools/none"]}]}, "order.items[0].tools[1]"),
    ({"items": [{"parts": [{"parts": [{"maker": "makers/none"}]}]}]}, "order.items[0].parts[0].parts[0].maker"),
    ({"extras": {"a.b": {"maker": "makers/none"}}}, 'order.extras["a.b"].maker'),
    ({"main": {"maker": "makers/none"}}, "order.main.maker"),
    ({"others": ["makers/m", "makers/none"]}, "order.others"),
    ({"maker": "makers/none"}, "order.maker"),
]


async def _depot(depot: Depot) -> None:
    await depot.maker()
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={})


@pytest.mark.parametrize(("body", "path"), NESTED)
async def test_a_reference_at_any_depth_is_checked(depot: Depot, body: dict[str, Any], path: str) -> None:
    await _depot(depot)
    await depot.order("there")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("CreateOrder", {"order": body}),
        ("UpdateOrder", {"order": {"name": "orders/there", **body}}),
        ("BatchCreateOrders", {"requests": [{"order": {}}, {"order": body}]}),
        ("BatchUpdateOrders", {"requests": [{"order": {"name": "orders/there", **body}}]}),
    ]
    for method, fields in calls:
        with pytest.raises(ReferenceNotFound) as refused:
            await depot.do(method, **fields)
        found = [violation.field for violation in refused.value.violations]
        assert [each.rpartition("].order.")[2] or each for each in found] in ([path], [path.removeprefix("order.")])
    assert await depot.names("orders") == ["orders/there"]


async def test_references_that_exist_are_kept_at_any_depth(depot: Depot) -> None:
    await _depot(depot)
    item = {"maker": "makers/m", "tools": ["makers/m/tools/t"], "parts": [{"maker": "makers/m"}]}
    made = await depot.order(items=[item, item], extras={"x": item}, main=item, others=["makers/m"], maker="makers/m")
    batch = await depot.do("BatchCreateOrders", requests=[{"order": {"items": [item]}}, {"order": {"main": item}}])
    assert made.items[1].parts[0].maker == "makers/m"
    assert batch.orders[1].main.tools == ["makers/m/tools/t"]


async def test_a_reference_inside_that_an_update_leaves_alone_is_not_looked_at_again(depot: Depot) -> None:
    await _depot(depot)
    made = await depot.order(items=[{"maker": "makers/m"}])
    await depot.rows("DELETE FROM test_depot_v1.tools")
    await depot.rows("DELETE FROM test_depot_v1.makers")
    sent = {"name": made.name, "title": "n", "items": [{"maker": "makers/m"}, {}]}
    assert len((await depot.do("UpdateOrder", order=sent)).items) == 2
    sent["items"] = [{"tools": ["makers/m/tools/t"]}]
    with pytest.raises(ReferenceNotFound):
        await depot.do("UpdateOrder", order=sent)


async def test_references_of_others_are_not_there(depot: Depot) -> None:
    await _depot(depot)
    for body in ({"maker": "makers/m"}, {"items": [{"maker": "makers/m"}]}):
        with pytest.raises(ReferenceNotFound):
            await depot.do("CreateOrder", user("rival"), order=body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"maker": "makers/m"}, "maker"),
        ({"items": [{"parts": [{"maker": "makers/m"}]}]}, "items.parts.maker"),
        ({"extras": {'it\'s "x"': {"maker": "makers/m"}}}, "extras.maker"),
        ({"main": {"maker": "makers/m"}}, "main.maker"),
    ],
)
async def test_a_record_that_is_referred_to_is_not_deleted(depot: Depot, body: dict[str, Any], field: str) -> None:
    await depot.maker()
    await depot.maker("n")
    order = await depot.order(**body)
    for method, fields in (
        ("DeleteMaker", {"name": "makers/m"}),
        ("DeleteMaker", {"name": "makers/m", "force": True}),
        ("BatchDeleteMakers", {"names": ["makers/n", "makers/m"]}),
    ):
        with pytest.raises(RecordReferenced) as refused:
            await depot.do(method, **fields)
        assert refused.value.code == 9
        metadata = refused.value.metadata
        assert (metadata["referrer"], metadata["name"]) == ("depot.test/Order", "makers/m")
        assert metadata["field"].endswith(field)
        assert metadata["example"] == order.name
    await depot.do("DeleteOrder", name=order.name)
    await depot.do("DeleteMaker", name="makers/m")
    await depot.is_consistent()


async def test_an_example_of_what_refers_is_only_told_to_who_may_read_it(depot: Depot) -> None:
    await depot.maker()
    await depot.order(maker="makers/m")
    with pytest.raises(RecordReferenced) as refused:
        await depot.do("DeleteMaker", holder("depot.makers.delete"), name="makers/m")
    assert "example" not in refused.value.metadata
    assert "orders/o" not in refused.value.message


async def test_a_global_record_is_held_by_all_organizations_and_tells_nothing_of_them(depot: Depot) -> None:
    await depot.region()
    await depot.do("CreateOrder", user("rival"), order_id="secret", order={"region": "regions/r"})
    with pytest.raises(RecordReferenced) as refused:
        await depot.do("DeleteRegion", SYSTEM, name="regions/r")
    assert refused.value.metadata["referrer"] == "depot.test/Order"
    assert "secret" not in refused.value.message + str(refused.value.metadata)


async def test_a_global_record_takes_along_what_cascades_in_all_organizations(depot: Depot) -> None:
    await depot.region()
    for organization in ("acme", "rival"):
        await depot.do("CreateReview", user(organization), review_id="x", review={"region": "regions/r"})
    await depot.do("CreateReview", user("rival"), review_id="y", review={"review": "reviews/x"})
    await depot.do("CreateReview", user("acme"), review_id="y", review={})
    await depot.do("DeleteRegion", SYSTEM, name="regions/r")
    assert [tuple(row) for row in await depot.rows("SELECT organization, name FROM test_depot_v1.reviews")] == [
        ("acme", "reviews/y")
    ]
    gone = await depot.rows("SELECT organization, actor FROM data.outbox WHERE type LIKE '%Review.deleted'")
    assert sorted(tuple(row) for row in gone) == [("acme", "users/root"), *[("rival", "users/root")] * 2]
    await depot.is_consistent()


async def test_a_deletion_cascades_through_all_that_depends(depot: Depot) -> None:
    await depot.maker()
    await depot.do("CreateReview", review_id="a", review={"maker": "makers/m"})
    await depot.do("CreateReview", review_id="b", review={"review": "reviews/a"})
    await depot.do("CreateMemo", user(subject="users/2"), memo_id="o", memo={"maker": "makers/m"})
    await depot.do("DeleteMaker", name="makers/m")
    assert await depot.names("reviews") == []
    # What is deleted softly by itself is so too when it goes with another.
    assert [row["deleted_at"] is not None for row in await depot.rows("SELECT * FROM test_depot_v1.memos")] == [True]
    assert (await depot.rows("SELECT owner FROM data.outbox WHERE type LIKE '%Memo.deleted'"))[0]["owner"] == "users/2"
    await depot.is_consistent()


async def test_what_a_cascade_would_take_is_held_by_what_refers_to_it(depot: Depot) -> None:
    await depot.maker()
    await depot.do("CreateReview", review_id="a", review={"maker": "makers/m"})
    await depot.do("CreateMemo", memo_id="o", memo={"review": "reviews/a"})
    with pytest.raises(RecordReferenced) as refused:
        await depot.do("DeleteMaker", name="makers/m")
    assert refused.value.metadata["name"] == "reviews/a"
    assert await depot.names("reviews") == ["reviews/a"]
    # The reference goes with its record.
    await depot.do("UpdateMemo", memo={"name": "memos/o", "maker": "makers/m"})
    await depot.do("DeleteMaker", name="makers/m")
    await depot.is_consistent()


async def test_circles_of_references_are_deleted_as_a_whole(depot: Depot) -> None:
    await depot.do("CreateReview", review_id="a", review={})
    await depot.do("CreateReview", review_id="b", review={"review": "reviews/a"})
    await depot.do("UpdateReview", review={"name": "reviews/a", "review": "reviews/b"})
    await depot.do("CreateReview", review_id="c", review={})
    await depot.do("UpdateReview", review={"name": "reviews/c", "review": "reviews/c"})
    await depot.do("DeleteReview", name="reviews/a")
    assert await depot.names("reviews") == ["reviews/c"]
    await depot.do("DeleteReview", name="reviews/c")
    await depot.is_consistent()


async def test_records_that_refer_to_each_other_go_together(depot: Depot) -> None:
    await depot.maker()
    for tool, like in (("t", ""), ("u", "makers/m/tools/t")):
        await depot.do("CreateTool", parent="makers/m", tool_id=tool, tool={"like": like})
    with pytest.raises(RecordReferenced):
        await depot.do("DeleteTool", name="makers/m/tools/t")
    gone = await depot.do("BatchDeleteTools", names=["makers/m/tools/u", "makers/m/tools/t"])
    assert [tool.name for tool in gone.tools] == ["makers/m/tools/u", "makers/m/tools/t"]


async def test_a_reference_is_emptied_where_the_contract_says_so(depot: Depot) -> None:
    for name in ("m", "n"):
        await depot.maker(name)
    made = await depot.order(spare="makers/m", others=["makers/m", "makers/n", "makers/m"])
    await depot.do("DeleteMaker", name="makers/m")
    left = await depot.do("GetOrder", name=made.name)
    assert (left.spare, list(left.others), left.title) == ("", ["makers/n"], made.title)
    assert left.etag != made.etag
    row = (await depot.rows("SELECT spare, others, revision FROM test_depot_v1.orders"))[0]
    assert tuple(row) == ("", ["makers/n"], 2)
    assert (await depot.events())[-2:] == [("Order.updated", "orders/o"), ("Maker.deleted", "makers/m")]
    await depot.is_consistent()


async def test_a_reference_that_its_record_must_have_is_not_emptied(depot: Depot) -> None:
    await depot.maker()
    made = await depot.order(title="rush", spare="makers/m")
    with pytest.raises(RecordReferenced, match="A rush order needs a spare") as refused:
        await depot.do("DeleteMaker", name="makers/m")
    assert refused.value.metadata["example"] == made.name
    with pytest.raises(RecordReferenced) as refused:
        await depot.do("DeleteMaker", holder("depot.makers.delete"), name="makers/m")
    assert made.name not in refused.value.message
    assert await depot.do("GetOrder", name=made.name) == made
    await depot.do("UpdateOrder", order={"name": made.name, "title": "slow"})
    await depot.do("DeleteMaker", name="makers/m")
    assert (await depot.do("GetOrder", name=made.name)).spare == ""


async def test_records_of_one_batch_may_refer_to_each_other_and_not_to_what_is_in_no_batch(depot: Depot) -> None:
    def batch(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
        return [{"review_id": one, "review": {"review": f"reviews/{other}"}} for one, other in pairs]

    await depot.do("BatchCreateReviews", requests=batch(("a", "b"), ("b", "a"), ("c", "c")))
    assert await depot.names("reviews") == ["reviews/a", "reviews/b", "reviews/c"]
    with pytest.raises(ReferenceNotFound, match=r"requests\[1\]"):
        await depot.do("BatchCreateReviews", requests=batch(("d", "d"), ("e", "f")))
    assert len(await depot.names("reviews")) == 3


async def test_what_another_contract_keeps_below_a_record_is_in_the_way(depot: Depot) -> None:
    await depot.order()
    await depot.order("p")
    await depot.rows(
        'CREATE TABLE test_depot_v1.older (organization text COLLATE "C", parent text COLLATE "C", '
        "FOREIGN KEY (organization, parent) REFERENCES test_depot_v1.orders (organization, name))"
    )
    await depot.rows("INSERT INTO test_depot_v1.older VALUES ('acme', 'orders/p')")
    for method, fields in (
        ("DeleteOrder", {"name": "orders/p", "force": True}),
        ("BatchDeleteOrders", {"names": ["orders/o", "orders/p"]}),
    ):
        with pytest.raises(RecordHasChildren, match="`orders/p`"):
            await depot.do(method, **fields)
    assert await depot.names("orders") == ["orders/o", "orders/p"]


async def test_soft_deletion_counts_for_references_and_what_is_deleted_holds_nothing(depot: Depot) -> None:
    await depot.maker()
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={})
    await depot.do("CreateTool", parent="makers/m", tool_id="u", tool={"like": "makers/m/tools/t"})
    with pytest.raises(RecordReferenced):
        await depot.do("DeleteTool", name="makers/m/tools/t")
    await depot.do("DeleteTool", name="makers/m/tools/u")
    await depot.do("DeleteTool", name="makers/m/tools/t")


async def test_force_takes_all_that_lives_below_and_no_force_takes_nothing(depot: Depot) -> None:
    await depot.order()
    for name in ("a", "b"):
        await depot.do("CreateDrawer", parent="orders/o", drawer_id=name, drawer={})
    with pytest.raises(RecordHasChildren):
        await depot.do("DeleteOrder", name="orders/o")
    assert await depot.send("DeleteOrder", name="orders/o", force=True) == b""
    assert await depot.names("drawers") == []
    assert (await depot.events())[-3:] == [
        ("Drawer.deleted", "orders/o/drawers/a"),
        ("Drawer.deleted", "orders/o/drawers/b"),
        ("Order.deleted", "orders/o"),
    ]
    await depot.is_consistent()


async def test_a_cascade_that_is_too_large_is_refused_whole(depot: Depot) -> None:
    await depot.maker()
    await depot.rows(
        "INSERT INTO test_depot_v1.reviews (organization, name, message, revision, shape, maker) "
        f"SELECT 'acme', 'reviews/' || n, '', 1, 0, 'makers/m' FROM generate_series(0, {MAX_ALONG}) n"
    )
    with pytest.raises(CascadeTooLarge):
        await depot.do("DeleteMaker", name="makers/m")
    assert len(await depot.names("reviews")) == MAX_ALONG + 1
    await depot.do("DeleteReview", name="reviews/0")
    await depot.do("DeleteMaker", name="makers/m")
    assert await depot.names("reviews") == []


async def test_a_reference_that_is_made_while_its_record_goes_never_dangles(depot: Depot) -> None:
    """By a column, and from inside a message; by Create, Update and in batches; softly and for good."""
    await depot.order("there")
    for turn in range(12):
        await depot.maker()
        ways: list[tuple[str, dict[str, Any]]] = [
            ("CreateOrder", {"order_id": "x", "order": {"maker": "makers/m"}}),
            ("CreateOrder", {"order_id": "y", "order": {"items": [{"maker": "makers/m"}]}}),
            ("UpdateOrder", {"order": {"name": "orders/there", "main": {"maker": "makers/m"}}}),
            ("BatchUpdateOrders", {"requests": [{"order": {"name": "orders/there", "maker": "makers/m"}}]}),
        ]
        method, fields = ways[turn % 4]
        calls = [depot.do(method, **fields), depot.do("DeleteMaker", name="makers/m")]
        found = await asyncio.gather(*(calls if turn % 3 else reversed(calls)), return_exceptions=True)
        failed = [each for each in found if isinstance(each, BaseException)]
        assert len(failed) == 1, found
        assert isinstance(failed[0], RecordReferenced | ReferenceNotFound), failed
        refers = "maker = 'makers/m' OR items @> '[{\"maker\": \"makers/m\"}]' OR main->>'maker' = 'makers/m'"
        dangling = await depot.rows(
            f"SELECT 1 FROM test_depot_v1.orders WHERE ({refers}) AND EXISTS "
            "(SELECT 1 FROM test_depot_v1.makers WHERE deleted_at IS NOT NULL)"
        )
        assert dangling == []
        await depot.do("UpdateOrder", order={"name": "orders/there"}, update_mask={"paths": ["maker", "main"]})
        for name in ("x", "y"):
            await depot.do("DeleteOrder", name=f"orders/{name}", allow_missing=True)
        await depot.do("DeleteMaker", name="makers/m", allow_missing=True)
        await depot.do("ExpungeMaker", name="makers/m")
    await depot.is_consistent()


async def test_one_who_deletes_waits_for_one_who_refers(depot: Depot) -> None:
    await depot.maker()
    call = depot.call("CreateOrder")
    request = depot.type("CreateOrderRequest")(order={"maker": "makers/m"}, order_id="o")
    async with depot.engine.pool.transaction() as transaction:
        await depot.engine.function(call.method.path)(request, call, transaction)
        waiting = asyncio.create_task(depot.do("DeleteMaker", name="makers/m"))
        await _until_somebody_waits(depot)
    with pytest.raises(RecordReferenced):
        await waiting


async def test_one_who_refers_waits_for_one_who_deletes(depot: Depot) -> None:
    for body in ({"maker": "makers/m"}, {"extras": {"x": {"maker": "makers/m"}}}):
        await depot.maker()
        call = depot.call("DeleteMaker")
        request = depot.type("DeleteMakerRequest")(name="makers/m")
        async with depot.engine.pool.transaction() as transaction:
            await depot.engine.function(call.method.path)(request, call, transaction)
            waiting = asyncio.create_task(depot.do("CreateOrder", order=body))
            await _until_somebody_waits(depot)
        with pytest.raises(ReferenceNotFound):
            await waiting
        await depot.do("ExpungeMaker", name="makers/m")


async def test_deletions_that_meet_in_circles_end(depot: Depot) -> None:
    for turn in range(5):
        for name in "abc":
            await depot.do("CreateReview", review_id=name, review={})
        for name, other in ("ab", "bc", "ca"):
            await depot.do("UpdateReview", review={"name": f"reviews/{name}", "review": f"reviews/{other}"})
        calls = [depot.do("DeleteReview", name=f"reviews/{name}") for name in "abc"]
        found = await asyncio.gather(*calls, return_exceptions=True)
        failed = [each for each in found if isinstance(each, BaseException)]
        assert all(isinstance(each, RecordNotFound | Aborted) for each in failed), (turn, failed)
        assert await depot.names("reviews") == []
    await depot.is_consistent()


async def test_whatever_meets_leaves_no_reference_to_what_is_gone(depot: Depot) -> None:
    async def work(number: int) -> None:
        for step in range(10):
            name = f"m{(number + step) % 2}"
            ways: list[tuple[str, dict[str, Any]]] = [
                ("CreateMaker", {"maker_id": name, "maker": {"title": "t"}}),
                ("CreateOrder", {"order": {"maker": f"makers/{name}", "spare": f"makers/{name}"}}),
                ("CreateReview", {"review": {"maker": f"makers/{name}"}}),
                ("DeleteMaker", {"name": f"makers/{name}"}),
                ("UndeleteMaker", {"name": f"makers/{name}"}),
            ]
            method, fields = ways[(number + step) % 5]
            try:
                await depot.do(method, **fields)
            except TenonError as error:
                assert error.code in (3, 5, 6, 9, 10), error  # noqa: PT017 - it may succeed too

    await asyncio.gather(*(work(number) for number in range(5)))
    for table in ("orders", "reviews"):
        dangling = await depot.rows(
            f"SELECT 1 FROM test_depot_v1.{table} r WHERE r.maker <> '' AND NOT EXISTS "
            "(SELECT 1 FROM test_depot_v1.makers m WHERE m.name = r.maker AND m.deleted_at IS NULL)"
        )
        assert dangling == [], table
    await depot.is_consistent()


async def _until_somebody_waits(depot: Depot) -> None:
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while not await depot.rows(waits):
            await asyncio.sleep(0.01)
