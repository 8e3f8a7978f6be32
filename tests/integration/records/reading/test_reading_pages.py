"""Pages: what is skipped, counted, deleted and below many parents. Statements of the AIPs bear their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument
from services.records.failures import NameInvalid, RecordNotFound
from services.records.reading.pages import MAX_SKIP, PageTokenInvalid
from tests.integration.records.library import user
from tests.integration.records.reading.digs import SITE, ids

if TYPE_CHECKING:
    from tests.integration.records.reading.digs import Digs

MALIA, RHODES = "regions/crete/sites/malia", "regions/rhodes/sites/knossos"

ORDERS = (
    "",
    "name desc",
    "layer",
    "layer desc",
    "found_at",
    "found_at desc",
    "notes, found_at",
    "notes desc, layer desc",
    "found_at desc, notes desc, layer desc",
    "layer desc, title",
    "finder.born desc",
)
"""Orders by fields that are set, unset and both; one way and mixed."""


async def all_ids(digs: Digs, **fields: Any) -> list[str]:
    """Return the ids on all pages together."""
    found: list[str] = []
    token = ""
    while True:
        page = await digs.list(page_token=token, **fields)
        found += ids(page)
        token = page.next_page_token
        if not token:
            return found


async def test_24_skip_counts_records_and_composes_with_a_token(digs: Digs) -> None:
    await digs.add(*({"layer": n} for n in range(10)))
    page = await digs.list(page_size=2, skip=3)
    assert ids(page) == ["f003", "f004"]
    assert ids(await digs.list(page_size=2, skip=1, page_token=page.next_page_token)) == ["f006", "f007"]
    assert ids(await digs.list(page_size=3, page_token=page.next_page_token)) == ["f005", "f006", "f007"]
    assert ids(await digs.list(skip=2, order_by="layer desc", page_size=1)) == ["f007"]
    past = await digs.list(skip=50)
    assert (ids(past), past.next_page_token, past.total_size) == ([], "", 10)


async def test_24_skip_composes_with_a_token_where_values_are_unset(digs: Digs) -> None:
    await digs.add(*({"found_at": {"seconds": n}} for n in range(3)), *({} for _ in range(3)))
    page = await digs.list(order_by="found_at desc", page_size=1)
    rest = await digs.list(order_by="found_at desc", skip=3, page_token=page.next_page_token)
    assert (ids(page), ids(rest)) == (["f002"], ["f004", "f003"])


@pytest.mark.parametrize("skip", [-1, MAX_SKIP + 1])
async def test_24_what_cannot_be_skipped_is_refused(digs: Digs, skip: int) -> None:
    with pytest.raises(InvalidArgument, match="skip") as refused:
        await digs.list(skip=skip)
    assert [violation.field for violation in refused.value.violations] == ["skip"]


@pytest.mark.parametrize("order", ORDERS)
async def test_23_the_pages_are_all_rows_once_whatever_is_unset(digs: Digs, order: str) -> None:
    bodies: list[dict[str, Any]] = []
    for number in range(24):
        body: dict[str, Any] = {"layer": number % 3, "title": str(number % 2)}
        if number % 4:
            body["found_at"] = {"seconds": number % 5}
        if number % 3:
            body["notes"] = str(number % 2)
        if number % 5:
            body["finder"] = {"born": number % 2}
        bodies.append(body)
    await digs.add(*bodies)
    whole = ids(await digs.list(order_by=order))
    assert sorted(whole) == [f"f{n:03}" for n in range(24)]
    for size in (1, 5):
        assert await all_ids(digs, order_by=order, page_size=size) == whole


async def test_26_the_total_counts_after_the_filter_and_stays_the_same_on_all_pages(digs: Digs) -> None:
    await digs.add(*({"layer": n % 2} for n in range(9)))
    page = await digs.list(filter="layer = 0", page_size=2)
    assert page.total_size == 5
    await digs.add({"layer": 0}, first=100)
    following = await digs.list(filter="layer = 0", page_size=2, page_token=page.next_page_token)
    assert following.total_size == 5  # counted once, for the first page
    assert (await digs.list(filter="layer = 0", page_size=2, skip=4)).total_size == 6
    assert (await digs.list(filter="layer = 7")).total_size == 0
    assert (await digs.list()).total_size == 10
    assert (await digs.search("x", filter="layer = 0")).total_size == 0


async def test_26_a_total_tells_nothing_of_another_organization(digs: Digs) -> None:
    await digs.add({}, {})
    assert (await digs.list(user("rival"))).total_size == 0


async def test_27_a_wildcard_reads_below_many_parents_and_names_are_canonical(digs: Digs) -> None:
    await digs.add({}, first=1)
    await digs.add({}, parent=MALIA, first=2)
    await digs.add({}, parent=RHODES, first=3)
    for parent, wanted in {
        "regions/crete/sites/-": ["f001", "f002"],
        "regions/-/sites/-": ["f001", "f002", "f003"],
        "regions/-/sites/knossos": ["f001", "f003"],
        "regions/-/sites/malia": ["f002"],
        "regions/rhodes/sites/-": ["f003"],
        "regions/nowhere/sites/-": [],
        "-": ["f001", "f002", "f003"],
        SITE: ["f001"],
    }.items():
        page = await digs.list(parent=parent)
        # In the order of their whole names.
        assert sorted(ids(page)) == wanted, parent
        assert all(find.name.startswith("regions/") and "-" not in find.name for find in page.finds)
        assert list(page.unreachable) == []
        assert sorted(await all_ids(digs, parent=parent, page_size=1)) == wanted, parent


@pytest.mark.parametrize(
    "parent", ["sites/-", "regions/-", "-/-", "regions/-/sites", "regions/-/sites/-/finds/-", "", "--"]
)
async def test_27_a_wildcard_of_no_pattern_is_refused(digs: Digs, parent: str) -> None:
    with pytest.raises(NameInvalid):
        await digs.list(parent=parent)


async def test_27_a_wildcard_never_leaves_the_organization(digs: Digs) -> None:
    await digs.add({})
    assert ids(await digs.list(user("rival"), parent="-")) == []


async def test_27_a_token_of_one_parent_is_none_of_many(digs: Digs) -> None:
    await digs.add({}, {})
    token = (await digs.list(page_size=1)).next_page_token
    with pytest.raises(PageTokenInvalid):
        await digs.list(parent="regions/-/sites/-", page_size=1, page_token=token)


async def test_48_a_batch_names_records_below_any_parent_that_a_wildcard_stands_for(digs: Digs) -> None:
    await digs.add({}, first=1)
    await digs.add({}, parent=RHODES, first=2)
    names = [f"{RHODES}/finds/f002", f"{SITE}/finds/f001"]
    for parent in ("", "regions/-/sites/knossos", "-"):
        assert [find.name for find in (await digs.do("BatchGetFinds", parent=parent, names=names)).finds] == names
    with pytest.raises(NameInvalid, match="not below the parent"):
        await digs.do("BatchGetFinds", parent="regions/crete/sites/-", names=names)


async def test_47_list_hides_what_is_deleted_and_get_still_returns_it(digs: Digs) -> None:
    await digs.add({"title": "vase"}, {"title": "vase"}, {"title": "vase"})
    await digs.delete("f001")
    assert ids(await digs.list()) == ["f000", "f002"]
    assert (await digs.list(page_size=1)).total_size == 2
    shown = await digs.list(show_deleted=True)
    assert ids(shown) == ["f000", "f001", "f002"]
    assert [find.HasField("delete_time") for find in shown.finds] == [False, True, False]
    deleted = await digs.do("GetFind", name=f"{SITE}/finds/f001")
    assert deleted.HasField("delete_time")
    assert len((await digs.do("BatchGetFinds", names=[deleted.name])).finds) == 1
    assert ids(await digs.list(show_deleted=True, filter="delete_time:*")) == ["f001"]
    assert ids(await digs.list(filter="delete_time:*")) == []
    assert ids(await digs.search("vase")) == ["f000", "f002"]
    assert ids(await digs.search("vase", show_deleted=True)) == ["f000", "f001", "f002"]
    with pytest.raises(RecordNotFound):
        await digs.do("GetFind", user("rival"), name=deleted.name)
