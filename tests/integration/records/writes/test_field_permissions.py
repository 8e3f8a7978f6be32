"""Fields that need a permission to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.records.failures import FieldNotWritable
from tests.integration.records.writes.depot import holder

if TYPE_CHECKING:
    from tests.integration.records.writes.depot import Depot

PLAIN = holder("depot.makers.create", "depot.makers.update", "depot.makers.get")
PRICING = (holder("depot.makers.price"), holder("depot.makers.*"), holder("depot.*"), holder("*"))


async def test_who_lacks_the_permission_does_not_set_the_field(depot: Depot) -> None:
    for body in ({"discount": 5}, {"terms": ["a"]}):
        calls: list[tuple[str, dict[str, Any]]] = [
            ("CreateMaker", {"maker": {"title": "t", **body}}),
            ("BatchCreateMakers", {"requests": [{"maker": {"title": "t"}}, {"maker": {"title": "t", **body}}]}),
            ("UpdateMaker", {"maker": {"name": "makers/m", "title": "t", **body}, "allow_missing": True}),
        ]
        for method, fields in calls:
            with pytest.raises(FieldNotWritable) as refused:
                await depot.do(method, PLAIN, **fields)
            assert refused.value.code == 7
            assert refused.value.metadata["permission"] == "depot.makers.price"
            assert refused.value.metadata["field"].endswith(f"maker.{next(iter(body))}")
    assert await depot.names("makers") == []
    assert (await depot.do("CreateMaker", PLAIN, maker={"title": "t"})).title == "t"


async def test_who_has_the_permission_by_any_grant_sets_the_field(depot: Depot) -> None:
    for caller in PRICING:
        made = await depot.do("CreateMaker", caller, maker={"title": "t", "discount": 5})
        changed = await depot.do("UpdateMaker", caller, maker={"name": made.name, "discount": 6})
        assert changed.discount == 6


@pytest.mark.parametrize(
    ("maker", "mask", "fine"),
    [
        ({"title": "n"}, [], True),
        ({"title": "n", "discount": 5, "terms": ["a"]}, [], True),
        ({"title": "n", "discount": 6}, [], False),
        ({"title": "n", "terms": ["b"]}, [], False),
        ({"title": "n", "discount": 5, "terms": ["a"]}, ["*"], True),
        ({"title": "n"}, ["*"], True),
        ({"title": "n", "discount": 6, "terms": ["a"]}, ["*"], False),
        ({"title": "n", "discount": 6}, ["title"], True),
        ({"title": "n", "discount": 5}, ["title", "discount"], False),
        ({"title": "n", "discount": 5}, ["title", "`discount`"], False),
        ({"title": "n"}, ["terms"], False),
    ],
)
async def test_an_update_leaves_the_field_alone_or_is_refused(
    depot: Depot, maker: dict[str, Any], mask: list[str], *, fine: bool
) -> None:
    made = await depot.maker(discount=5, terms=["a"])
    body = {"name": made.name, **maker}
    for method, fields in (
        ("UpdateMaker", {"maker": body, "update_mask": {"paths": mask}}),
        ("BatchUpdateMakers", {"requests": [{"maker": body, "update_mask": {"paths": mask}}]}),
        ("BatchUpdateMakers", {"requests": [{"maker": body}], "update_mask": {"paths": mask}}),
    ):
        if fine:
            await depot.do(method, PLAIN, **fields)
        else:
            with pytest.raises(FieldNotWritable):
                await depot.do(method, PLAIN, **fields)
    left = await depot.do("GetMaker", name=made.name)
    assert (left.discount, list(left.terms)) == (5, ["a"])
    assert left.title == ("n" if fine else "m")


async def test_another_field_of_its_oneof_does_not_take_the_place_of_a_field_that_may_not_be_written(
    depot: Depot,
) -> None:
    made = await depot.maker(fixed=5)
    body = {"name": made.name, "title": "n", "formula": "x"}
    for mask in ([], ["*"], ["formula"]):
        with pytest.raises(FieldNotWritable):
            await depot.do("UpdateMaker", PLAIN, maker=body, update_mask={"paths": mask})
        assert (await depot.do("GetMaker", name=made.name)) == made
    left = await depot.do("UpdateMaker", PLAIN, maker={"name": made.name, "title": "n"}, update_mask={"paths": ["*"]})
    assert (left.title, left.fixed) == ("n", 5)
    assert (await depot.do("UpdateMaker", maker=body, update_mask={"paths": ["*"]})).formula == "x"
