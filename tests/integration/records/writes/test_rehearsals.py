"""`validate_only` (AIP-163), and `allow_missing` (AIP-134 and 135)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument, PermissionDenied, TenonError
from services.records.failures import NameTaken, RecordDeleted, RecordExists, RecordNotFound
from services.records.transactions.outbox import unit_of_work
from tests.integration.records.library import user
from tests.integration.records.writes.depot import holder

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"

WRITES: list[tuple[str, dict[str, Any]]] = [
    ("CreateMaker", {"maker_id": "n", "maker": {"title": "t"}}),
    ("UpdateMaker", {"maker": {"name": "makers/m", "title": "n"}}),
    ("UpdateMaker", {"maker": {"name": "makers/n", "title": "n"}, "allow_missing": True}),
    ("DeleteMaker", {"name": "makers/m", "force": True}),
    ("UndeleteMaker", {"name": "makers/gone"}),
    ("ExpungeMaker", {"name": "makers/gone"}),
    ("BatchCreateMakers", {"requests": [{"maker": {"title": "t"}}]}),
    ("BatchUpdateMakers", {"requests": [{"maker": {"name": "makers/m", "title": "n"}}]}),
    ("BatchDeleteMakers", {"names": ["makers/m"], "force": True}),
    ("ConfirmOrder", {"name": "orders/o"}),
    ("CancelOrder", {"name": "orders/o"}),
    ("DeleteReview", {"name": "reviews/r"}),
]

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("CreateMaker", {"maker_id": "m", "maker": {"title": "t"}}),
    ("CreateMaker", {"maker": {"title": "t", "code": "c"}}),
    ("CreateMaker", {"maker": {"title": "t", "region": "regions/none"}}),
    ("UpdateMaker", {"maker": {"name": "makers/none", "title": "n"}}),
    ("DeleteMaker", {"name": "makers/m"}),
    ("UndeleteMaker", {"name": "makers/m"}),
    ("ExpungeMaker", {"name": "makers/m"}),
    ("BatchUpdateMakers", {"requests": [{"maker": {"name": "makers/m", "title": "x" * 50}}]}),
    ("BatchDeleteMakers", {"names": ["makers/none"]}),
    ("CreateOrder", {"order": {}, "request_id": "\0"}),
]


async def _depot(depot: Depot) -> None:
    await depot.maker(code="c")
    await depot.do("CreateTool", parent="makers/m", tool_id="t", tool={})
    await depot.maker("gone")
    await depot.do("DeleteMaker", name="makers/gone")
    await depot.order()
    await depot.do("CreateReview", review_id="r", review={})


async def _everything(depot: Depot) -> list[Any]:
    found: list[Any] = []
    for table in ("test_depot_v1.makers", "test_depot_v1.tools", "test_depot_v1.orders", "test_depot_v1.reviews"):
        found += [tuple(row) for row in await depot.rows(f"SELECT * FROM {table} ORDER BY name")]
    for table in ("outbox", "request_ids"):
        found += [tuple(row) for row in await depot.rows(f"SELECT * FROM data.{table} ORDER BY 1")]
    return found


@pytest.mark.parametrize(("method", "fields"), WRITES)
async def test_a_rehearsal_answers_as_the_real_thing_and_has_no_effect(
    depot: Depot, method: str, fields: dict[str, Any]
) -> None:
    """AIP statement 43."""
    await _depot(depot)
    before = await _everything(depot)
    told = await depot.do(method, **fields, validate_only=True, request_id=ID)
    assert await _everything(depot) == before
    done = await depot.do(method, **fields, request_id=ID)
    assert _settled(told) == _settled(done)
    assert await _everything(depot) != before


@pytest.mark.parametrize(("method", "fields"), REFUSED)
async def test_a_rehearsal_fails_as_the_real_thing(depot: Depot, method: str, fields: dict[str, Any]) -> None:
    await _depot(depot)
    before = await _everything(depot)
    errors = []
    for only in (True, False):
        with pytest.raises(TenonError) as refused:
            await depot.do(method, **fields, validate_only=only)
        errors.append((type(refused.value), refused.value.message, refused.value.metadata))
    assert errors[0] == errors[1]
    assert await _everything(depot) == before


async def test_a_rehearsal_tells_no_more_of_others_than_the_real_thing(depot: Depot) -> None:
    await depot.do("CreateMemo", memo_id="o", memo={})
    for only in (True, False):
        with pytest.raises(NameTaken):
            await depot.do("CreateMemo", user(subject="users/2"), memo_id="o", memo={}, validate_only=only)
        with pytest.raises(RecordExists):
            await depot.do("CreateMemo", memo_id="o", memo={}, validate_only=only)


async def test_a_rehearsal_inside_a_transaction_leaves_the_rest_of_it(depot: Depot) -> None:
    call = depot.call("CreateMaker")
    create = depot.engine.function(call.method.path)
    request = depot.type("CreateMakerRequest")
    async with unit_of_work(depot.engine.pool, call, schema="data") as uow:
        await create(request(maker_id="a", maker={"title": "t"}), call, uow.transaction)
        await create(request(maker_id="b", maker={"title": "t"}, validate_only=True), call, uow.transaction)
        with pytest.raises(RecordExists):
            await create(request(maker_id="a", maker={"title": "t"}, validate_only=True), call, uow.transaction)
        await create(request(maker_id="c", maker={"title": "t"}), call, uow.transaction)
        await uow.commit()
    assert await depot.names("makers") == ["makers/a", "makers/c"]


async def test_a_batch_that_fails_inside_a_transaction_leaves_the_rest_of_it(depot: Depot) -> None:
    call = depot.call("BatchDeleteMakers")
    await depot.maker("a")
    request = depot.type("BatchDeleteMakersRequest")(names=["makers/a", "makers/b"])
    async with unit_of_work(depot.engine.pool, call, schema="data") as uow:
        await uow.emit("depot.test/Depot.looked", "depot")
        with pytest.raises(RecordNotFound):
            await depot.engine.function(call.method.path)(request, call, uow.transaction)
        await uow.commit()
    assert (await depot.events())[-1] == ("Depot.looked", "depot")


async def test_an_update_adds_what_is_missing_where_that_is_allowed(depot: Depot) -> None:
    """AIP statement 16: the mask counts for nothing, and the permission to update is enough."""
    updater = holder("depot.makers.update")
    sent = {"name": "makers/m", "title": "t", "code": "c"}
    made = await depot.do("UpdateMaker", updater, maker=sent, allow_missing=True, update_mask={"paths": ["code"]})
    assert (made.title, made.code) == ("t", "c")
    again = await depot.do("UpdateMaker", updater, maker=sent | {"title": "n"}, allow_missing=True)
    assert again.title == "n"
    assert await depot.events() == [("Maker.created", "makers/m"), ("Maker.updated", "makers/m")]
    with pytest.raises(RecordNotFound):
        await depot.do("UpdateMaker", updater, maker={"name": "makers/n", "title": "t"})
    await depot.is_consistent()


async def test_what_an_update_adds_is_held_to_the_whole_contract(depot: Depot) -> None:
    wrong = [
        ({"name": "makers/m"}, "maker.title"),
        ({"name": "makers/m", "title": "x" * 50}, "maker.title"),
        ({"name": "makers/a b", "title": "t"}, "maker.name"),
        ({"name": "makers/m", "title": "t", "region": "regions/none"}, "maker.region"),
    ]
    for maker, field in wrong:
        with pytest.raises(InvalidArgument) as refused:
            await depot.do("UpdateMaker", maker=maker, allow_missing=True)
        assert [violation.field for violation in refused.value.violations] == [field]
    with pytest.raises(RecordNotFound, match="Maker"):
        await depot.do("UpdateTool", tool={"name": "makers/none/tools/t"}, allow_missing=True)
    order = await depot.do("UpdateOrder", order={"name": "orders/o", "state": 3}, allow_missing=True)
    assert order.state == 1


async def test_a_name_of_another_owner_is_not_taken_over_by_an_update(depot: Depot) -> None:
    await depot.do("CreateMemo", memo_id="o", memo={})
    with pytest.raises(PermissionDenied):
        await depot.do("UpdateMemo", user(subject="users/2"), memo={"name": "memos/o"}, allow_missing=True)
    await depot.do("DeleteMemo", name="memos/o")
    with pytest.raises(RecordDeleted):
        await depot.do("UpdateMemo", memo={"name": "memos/o", "text": "t"}, allow_missing=True)


async def test_of_updates_that_add_at_once_one_adds_and_the_others_change(depot: Depot) -> None:
    calls = [depot.do("UpdateMaker", maker={"name": "makers/m", "title": f"{n}"}, allow_missing=True) for n in range(8)]
    made = await asyncio.gather(*calls)
    assert {maker.title for maker in made} == {f"{n}" for n in range(8)}
    kinds = [kind for kind, _ in await depot.events()]
    assert kinds == ["Maker.created"] + ["Maker.updated"] * 7
    await depot.is_consistent()


async def test_of_updates_that_add_at_once_in_transactions_one_adds_and_the_others_change(depot: Depot) -> None:
    call, kind = depot.call("UpdateMaker"), depot.type("UpdateMakerRequest")

    async def change(number: int) -> None:
        request = kind(maker={"name": "makers/m", "title": f"{number}"}, allow_missing=True)
        async with depot.engine.pool.transaction() as transaction:
            await depot.engine.function(call.method.path)(request, call, transaction)

    await asyncio.gather(*(change(number) for number in range(6)))
    assert [kind for kind, _ in await depot.events()] == ["Maker.created"] + ["Maker.updated"] * 5
    await depot.is_consistent()


async def test_a_repeated_update_that_added_has_its_first_answer(depot: Depot) -> None:
    sent: dict[str, Any] = {"maker": {"name": "makers/m", "title": "t"}, "allow_missing": True, "request_id": ID}
    first = await depot.do("UpdateMaker", **sent)
    await depot.do("UpdateMaker", maker={"name": "makers/m", "title": "n"})
    assert await depot.do("UpdateMaker", **sent) == first


async def test_deleting_what_is_missing_may_be_allowed(depot: Depot) -> None:
    """AIP statement 15."""
    for method, name in (
        ("DeleteMaker", "makers/m"),
        ("DeleteReview", "reviews/r"),
        ("DeleteDrawer", "orders/o/drawers/d"),
    ):
        with pytest.raises(RecordNotFound):
            await depot.do(method, name=name)
        for _ in range(2):
            assert await depot.send(method, name=name, allow_missing=True, request_id=ID) == b""
    assert await depot.events() == []


def _settled(answer: Any) -> Any:
    """Return an answer without what differs from call to call."""
    for name in ("etag", "update_time", "delete_time", "purge_time", "name"):
        if name in answer.DESCRIPTOR.fields_by_name:
            answer.ClearField(name)
    for one, value in answer.ListFields():
        if one.message_type is not None and one.message_type.full_name.startswith("test."):
            for each in value if one.is_repeated else [value]:
                _settled(each)
    return answer
