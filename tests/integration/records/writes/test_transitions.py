"""State machines: served from the contract alone (AIP-216)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.interceptors.errors import status_of
from services.records.failures import EtagMismatch, RecordNotFound, StateForbids
from tests.integration.records.library import user

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"
DRAFT, CONFIRMED, CANCELLED = 1, 2, 3


async def test_a_state_begins_with_its_first_value_and_only_moves_change_it(depot: Depot) -> None:
    """AIP statements 18 and 44."""
    made = await depot.order(state=CONFIRMED)
    assert made.state == DRAFT
    batch = await depot.do("BatchCreateOrders", requests=[{"order": {"state": CANCELLED}}])
    assert batch.orders[0].state == DRAFT
    for mask in ([], ["*"], ["state"], ["title", "state"]):
        changed = await depot.do(
            "UpdateOrder", order={"name": made.name, "title": "n", "state": CANCELLED}, update_mask={"paths": mask}
        )
        assert changed.state == DRAFT
    assert (await depot.rows("SELECT state FROM test_depot_v1.orders WHERE name = 'orders/o'"))[0]["state"] == DRAFT


async def test_a_move_changes_the_state_and_says_who_and_when(depot: Depot) -> None:
    made = await depot.order()
    moved = await depot.do("ConfirmOrder", user(subject="users/7"), name=made.name)
    assert (moved.state, moved.title) == (CONFIRMED, made.title)
    assert moved.etag != made.etag
    # The answer may have the record as its field.
    assert (await depot.do("CancelOrder", name=made.name)).order.state == CANCELLED
    assert (await depot.events())[1:] == [("Order.confirmed", "orders/o"), ("Order.cancelled", "orders/o")]
    event = (await depot.rows("SELECT * FROM data.outbox WHERE type = 'depot.test/Order.confirmed'"))[0]
    order = depot.type("Order")
    assert event["actor"] == "users/7"
    assert event["occurred_at"] is not None
    assert (order.FromString(event["before"]).state, order.FromString(event["after"]).state) == (DRAFT, CONFIRMED)
    await depot.is_consistent()


async def test_a_move_from_another_state_is_refused_with_the_states(depot: Depot) -> None:
    made = await depot.order()
    await depot.do("CancelOrder", name=made.name)
    with pytest.raises(StateForbids) as refused:
        await depot.do("ConfirmOrder", name=made.name)
    error = refused.value
    assert error.code == 9
    assert (error.metadata["state"], error.metadata["allowed"], error.metadata["target"]) == (
        "STATE_CANCELLED",
        "STATE_DRAFT",
        "STATE_CONFIRMED",
    )
    details = [detail.type_url.rpartition(".")[2] for detail in _details(error)]
    assert details == ["ErrorInfo", "PreconditionFailure"]
    assert len(await depot.events()) == 2


async def test_of_moves_at_once_exactly_one_wins(depot: Depot) -> None:
    for turn in range(5):
        made = await depot.order(f"o{turn}")
        found = await asyncio.gather(
            *(depot.do("ConfirmOrder", name=made.name) for _ in range(6)), return_exceptions=True
        )
        failed = [each for each in found if isinstance(each, BaseException)]
        assert len(failed) == 5
        assert {type(each) for each in failed} == {StateForbids}
    await depot.is_consistent()


async def test_a_move_and_an_update_at_once_lose_nothing(depot: Depot) -> None:
    made = await depot.order()
    calls: list[Any] = [depot.do("UpdateOrder", order={"name": made.name, "title": f"{n}"}) for n in range(5)]
    await asyncio.gather(*calls, depot.do("ConfirmOrder", name=made.name))
    left = await depot.do("GetOrder", name=made.name)
    assert left.state == CONFIRMED
    assert left.title != made.title
    await depot.is_consistent()


async def test_moves_heed_etags_request_ids_and_whose_the_record_is(depot: Depot) -> None:
    made = await depot.order()
    with pytest.raises(EtagMismatch):
        await depot.do("ConfirmOrder", name=made.name, etag='"other"')
    with pytest.raises(RecordNotFound):
        await depot.do("ConfirmOrder", user("rival"), name=made.name)
    first = await depot.do("ConfirmOrder", name=made.name, etag=made.etag, request_id=ID)
    assert await depot.do("ConfirmOrder", name=made.name, etag=made.etag, request_id=ID) == first
    assert len(await depot.events()) == 2


def _details(error: StateForbids) -> Any:
    from google.rpc import status_pb2  # noqa: PLC0415 - only here

    return status_pb2.Status.FromString(status_of(error).details).details


async def test_a_move_to_a_state_in_which_the_record_breaks_a_rule_is_refused(depot: Depot) -> None:
    made = await depot.order(title="")
    with pytest.raises(StateForbids, match="A confirmed order needs a title") as refused:
        await depot.do("ConfirmOrder", name=made.name)
    assert refused.value.code == 9
    assert await depot.do("GetOrder", name=made.name) == made
    await depot.do("UpdateOrder", order={"name": made.name, "title": "t"})
    assert (await depot.do("ConfirmOrder", name=made.name)).state == CONFIRMED
