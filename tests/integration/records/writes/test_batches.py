"""BatchUpdate and BatchDelete: atomic, in order, bounded (AIP-234 and 235)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument
from services.chassis.interceptors.validation import RequestInvalid, bind_check
from services.chassis.transport import Handler
from services.records.failures import (
    BatchItemInvalid,
    BatchTooLarge,
    EtagMismatch,
    NameInvalid,
    RecordExists,
    RecordNotFound,
    RequestIdReused,
)
from services.records.masks import UpdateInvalid
from tests.integration.records.library import user

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"


def _changes(*makers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"requests": [{"maker": maker} for maker in makers], **more}


async def _makers(depot: Depot, names: str = "abc") -> None:
    await depot.do(
        "BatchCreateMakers", requests=[{"maker_id": name, "maker": {"title": name, "code": name}} for name in names]
    )


async def test_a_batch_of_updates_answers_in_the_order_of_its_requests(depot: Depot) -> None:
    """AIP statement 48."""
    await _makers(depot)
    sent = [{"name": f"makers/{name}", "title": f"new {name}"} for name in "cab"]
    answer = await depot.do("BatchUpdateMakers", **_changes(*sent))
    assert [maker.title for maker in answer.makers] == ["new c", "new a", "new b"]
    assert [maker.code for maker in answer.makers] == ["c", "a", "b"]
    for maker in answer.makers:
        assert await depot.do("GetMaker", name=maker.name) == maker
    assert [subject for kind, subject in await depot.events() if kind == "Maker.updated"] == [
        "makers/c",
        "makers/a",
        "makers/b",
    ]
    await depot.is_consistent()


async def test_a_batch_changes_all_or_nothing_and_says_which_request_is_wrong(depot: Depot) -> None:
    await _makers(depot)
    fine = {"name": "makers/a", "title": "n"}
    wrong: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"name": "makers/none", "title": "n"}, RecordNotFound),
        ({"name": "makers/b", "title": "n", "etag": '"other"'}, EtagMismatch),
        ({"name": "makers/b", "title": "x" * 50}, UpdateInvalid),
        ({"name": "makers/b", "code": "c"}, RecordExists),
    ]
    for maker, error in wrong:
        with pytest.raises(error) as refused:
            await depot.do("BatchUpdateMakers", **_changes(fine, maker))
        said = str(refused.value) + str(getattr(refused.value, "metadata", ""))
        assert "requests[1]" in said, said
    assert (await depot.do("GetMaker", name="makers/a")).title == "a"
    assert len(await depot.events()) == 3


async def test_masks_are_those_of_each_request_or_of_the_batch(depot: Depot) -> None:
    await _makers(depot)
    both = {"name": "makers/a", "title": "n", "code": "n"}
    answer = await depot.do("BatchUpdateMakers", **_changes(both, update_mask={"paths": ["title"]}))
    assert (answer.makers[0].title, answer.makers[0].code) == ("n", "a")
    requests = [{"maker": both, "update_mask": {"paths": ["code"]}}]
    answer = await depot.do("BatchUpdateMakers", requests=requests)
    assert answer.makers[0].code == "n"
    with pytest.raises(BatchItemInvalid):
        await depot.do("BatchUpdateMakers", requests=requests, update_mask={"paths": ["title"]})


async def test_a_batch_adds_what_is_missing_where_that_is_allowed(depot: Depot) -> None:
    """AIP statement 16."""
    await _makers(depot)
    requests = [
        {"maker": {"name": "makers/a", "title": "n"}, "allow_missing": True},
        {"maker": {"name": "makers/z", "title": "z"}, "allow_missing": True, "update_mask": {"paths": ["code"]}},
    ]
    answer = await depot.do("BatchUpdateMakers", requests=requests)
    assert [maker.title for maker in answer.makers] == ["n", "z"]
    assert (await depot.events())[-2:] == [("Maker.updated", "makers/a"), ("Maker.created", "makers/z")]
    with pytest.raises(InvalidArgument) as refused:
        await depot.do("BatchUpdateMakers", requests=[{"maker": {"name": "makers/y"}, "allow_missing": True}])
    assert refused.value.violations[0].field == "requests[0].maker.title"
    await depot.is_consistent()


async def test_batches_are_bounded_and_name_each_record_once(depot: Depot) -> None:
    await _makers(depot)
    for method, many in (
        ("BatchUpdateMakers", {"requests": [{"maker": {"name": "makers/a"}}] * 1001}),
        ("BatchDeleteMakers", {"names": ["makers/a"] * 1001}),
    ):
        with pytest.raises(BatchTooLarge):
            await depot.do(method, **many)
    for method, twice in (
        ("BatchUpdateMakers", {"requests": [{"maker": {"name": "makers/a"}}] * 2}),
        ("BatchDeleteMakers", {"names": ["makers/a", "makers/a"]}),
        ("BatchUpdateMakers", {"requests": [{"maker": {"name": "shops/a"}}]}),
        ("BatchDeleteMakers", {"names": ["shops/a"]}),
    ):
        with pytest.raises(NameInvalid):
            await depot.do(method, **twice)
    for more in ({"request_id": ID}, {"validate_only": True}):
        with pytest.raises(BatchItemInvalid):
            await depot.do("BatchUpdateMakers", requests=[{"maker": {"name": "makers/a"}, **more}])


async def test_a_thousand_are_changed_and_deleted_at_once(depot: Depot) -> None:
    requests = [{"maker_id": f"m{n}", "maker": {"title": "t"}} for n in range(1000)]
    await depot.do("BatchCreateMakers", requests=requests)
    sent = [{"name": f"makers/m{n}", "title": f"{n}"} for n in reversed(range(1000))]
    answer = await depot.do("BatchUpdateMakers", **_changes(*sent))
    assert [maker.title for maker in answer.makers] == [f"{n}" for n in reversed(range(1000))]
    gone = await depot.do("BatchDeleteMakers", names=[f"makers/m{n}" for n in range(1000)])
    assert [maker.name for maker in gone.makers] == [f"makers/m{n}" for n in range(1000)]
    await depot.is_consistent()


async def test_the_parent_of_a_batch_holds_for_all_of_it(depot: Depot) -> None:
    for maker in "ab":
        await depot.maker(maker)
        await depot.do("CreateTool", parent=f"makers/{maker}", tool_id="t", tool={})
    tools = [f"makers/{maker}/tools/t" for maker in "ab"]
    requests = [{"tool": {"name": name, "title": "n"}} for name in tools]
    for method, fields in (("BatchUpdateTools", {"requests": requests}), ("BatchDeleteTools", {"names": tools})):
        with pytest.raises(NameInvalid):
            await depot.do(method, parent="makers/a", **fields)
        answer = await depot.do(method, parent="makers/-", **fields)
        assert [tool.name for tool in answer.tools] == tools


async def test_a_batch_of_deletions_is_atomic_and_may_allow_for_what_is_missing(depot: Depot) -> None:
    await _makers(depot)
    names = ["makers/b", "makers/none", "makers/a"]
    with pytest.raises(RecordNotFound, match="makers/none"):
        await depot.do("BatchDeleteMakers", names=names)
    gone = await depot.do("BatchDeleteMakers", names=names, allow_missing=True)
    assert [maker.name for maker in gone.makers] == ["makers/b", "makers/a"]
    assert all(maker.HasField("delete_time") for maker in gone.makers)
    with pytest.raises(RecordNotFound):
        await depot.do("BatchDeleteMakers", names=["makers/c", "makers/a"])
    await depot.order("x")
    await depot.order("y")
    assert await depot.send("BatchDeleteOrders", names=["orders/x", "orders/y"]) == b""
    assert await depot.names("orders") == []
    assert await depot.send("BatchDeleteOrders", names=[]) == b""
    await depot.is_consistent()


async def test_batches_do_not_reach_what_others_own(depot: Depot) -> None:
    await _makers(depot)
    with pytest.raises(RecordNotFound):
        await depot.do("BatchUpdateMakers", user("rival"), **_changes({"name": "makers/a", "title": "n"}))
    with pytest.raises(RecordNotFound):
        await depot.do("BatchDeleteMakers", user("rival"), names=["makers/a"])
    assert (
        await depot.do("BatchDeleteMakers", user("rival"), names=["makers/a"], allow_missing=True)
        == depot.type("BatchDeleteMakersResponse")()
    )
    assert (await depot.do("GetMaker", name="makers/a")).title == "a"


async def test_a_repeated_batch_has_its_first_answer_and_no_second_effect(depot: Depot) -> None:
    """AIP statement 42."""
    await _makers(depot)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("BatchUpdateMakers", _changes({"name": "makers/a", "title": "n"})),
        ("BatchDeleteMakers", {"names": ["makers/b", "makers/a"]}),
        ("UndeleteMaker", {"name": "makers/a"}),
        ("DeleteMaker", {"name": "makers/a"}),
        ("ExpungeMaker", {"name": "makers/a"}),
    ]
    for number, (method, fields) in enumerate(calls):
        request_id, before = f"{ID[:-1]}{number}", len(await depot.events())
        answers = await asyncio.gather(*(depot.send(method, request_id=request_id, **fields) for _ in range(6)))
        assert len(set(answers)) == 1, method
        assert len(await depot.events()) - before == (2 if method == "BatchDeleteMakers" else 1), method
    with pytest.raises(RequestIdReused):
        await depot.do("BatchDeleteMakers", names=["makers/c"], request_id=f"{ID[:-1]}1")
    await depot.is_consistent()


async def test_batches_that_meet_in_opposite_orders_both_end(depot: Depot) -> None:
    names = [f"m{n}" for n in range(40)]
    await depot.do("BatchCreateMakers", requests=[{"maker_id": n, "maker": {"title": n}} for n in names])

    async def change(order: list[str], mark: str) -> None:
        await depot.do("BatchUpdateMakers", **_changes(*({"name": f"makers/{n}", "title": mark} for n in order)))

    for turn in range(5):
        await asyncio.gather(change(names, f"x{turn}"), change(names[::-1], f"y{turn}"))
        titles = await depot.rows("SELECT DISTINCT title FROM test_depot_v1.makers")
        assert len(titles) == 1
    await depot.is_consistent()


async def test_validation_judges_of_each_update_of_a_batch_what_its_mask_writes(depot: Depot) -> None:
    """AIP statement 37, before the engine: what is left out is not missing."""
    call = depot.call("BatchUpdateMakers")
    request = depot.type("BatchUpdateMakersRequest")
    handler = Handler(method=call.method, request_type=request, function=depot.engine.function(call.method.path))
    check = bind_check(handler)
    name, long = "makers/a", "x" * 50
    check(request(requests=[{"maker": {"name": name, "code": "c"}}]))
    check(request(requests=[{"maker": {"name": name, "title": long}, "update_mask": {"paths": ["code"]}}]))
    check(request(requests=[{"maker": {"name": name, "title": long}}], update_mask={"paths": ["code"]}))
    fine = {"maker": {"name": name, "code": "c"}}
    for wrong in ({"maker": {"name": name, "title": long}}, {"maker": {"name": name}, "update_mask": {"paths": ["*"]}}):
        with pytest.raises(RequestInvalid) as refused:
            check(request(requests=[fine, wrong]))
        assert [violation.field for violation in refused.value.violations] == ["requests[1].maker.title"]


async def test_of_batches_that_add_the_same_at_once_one_adds_and_the_others_change(depot: Depot) -> None:
    async def send(number: int) -> Any:
        names = [f"makers/{name}" for name in ("abc" if number % 2 else "cba")]
        requests = [{"maker": {"name": name, "title": f"t{number}"}, "allow_missing": True} for name in names]
        return await depot.do("BatchUpdateMakers", requests=requests)

    await asyncio.gather(*(send(number) for number in range(6)))
    titles = {row["title"] for row in await depot.rows("SELECT title FROM test_depot_v1.makers")}
    assert len(titles) == 1
    kinds = [kind for kind, _ in await depot.events()]
    assert (kinds.count("Maker.created"), kinds.count("Maker.updated")) == (3, 15)
    await depot.is_consistent()


async def test_a_batch_whose_update_takes_the_key_of_another_record_names_the_request(depot: Depot) -> None:
    for name in "abc":
        await depot.maker(name, code=name)
    requests = [{"maker": {"name": "makers/b", "title": "n"}}, {"maker": {"name": "makers/c", "code": "a"}}]
    with pytest.raises(RecordExists) as refused:
        await depot.do("BatchUpdateMakers", requests=requests)
    assert refused.value.metadata["field"] == "requests[1].maker.code"
