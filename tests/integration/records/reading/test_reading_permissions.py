"""A field with a read permission is not shown, filtered, ordered, searched or masked without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.records.reading.guards import FieldNotReadable
from services.records.reading.pages import PageTokenInvalid
from tests.integration.records.reading.digs import SITE, STRANGER, digger, ids

if TYPE_CHECKING:
    from tests.integration.records.reading.digs import Digs

NAME = f"{SITE}/finds/f000"
DEALER = digger("digs.finds.readPrice")
CURATOR = digger("digs.*")


@pytest.fixture(autouse=True)
async def finds(digs: Digs) -> None:
    await digs.add(
        {"title": "red vase", "provenance": "tomb of a king", "price": 10, "finder": {"name": "Ann"}},
        {"title": "blue vase", "provenance": "well", "price": 5},
        {"title": "king", "tags": ["tomb"], "price": 7.5},
    )


async def shown(digs: Digs, caller: Any) -> list[Any]:
    """Return the one find as each reading method shows it."""
    full = {"view": "FIND_VIEW_FULL"}
    return [
        await digs.do("GetFind", caller, name=NAME),
        await digs.do("GetFind", caller, name=NAME, read_mask={"paths": ["*"]}),
        (await digs.do("BatchGetFinds", caller, names=[NAME])).finds[0],
        (await digs.list(caller, **full)).finds[0],
        (await digs.list(caller, read_mask={"paths": ["*"]})).finds[0],
        (await digs.search("red", caller, **full)).finds[0],
    ]


async def test_a_value_is_shown_to_those_alone_who_hold_its_permission(digs: Digs) -> None:
    for caller, price, provenance in (
        (STRANGER, 0, ""),
        (DEALER, 10, ""),
        (digger("digs.finds.readProvenance"), 0, "tomb of a king"),
        (CURATOR, 10, "tomb of a king"),
    ):
        for find in await shown(digs, caller):
            assert (find.price, find.provenance, find.finder.name) == (price, provenance, "Ann")


async def test_the_bytes_themselves_hold_no_hidden_value(digs: Digs) -> None:
    for method, fields in (("GetFind", {"name": NAME}), ("ListFinds", {"parent": SITE})):
        assert b"tomb of a king" in await digs.send(method, CURATOR, **fields)
        assert b"tomb of a king" not in await digs.send(method, STRANGER, **fields)


async def test_who_writes_a_record_is_answered_without_what_it_may_not_read(digs: Digs) -> None:
    body = {"title": "new", "price": 3, "provenance": "sea"}
    made = await digs.do("CreateFind", DEALER, parent=SITE, find_id="n", find=body)
    assert (made.price, made.provenance) == (3, "")
    made.title = "newer"
    changed = await digs.do("UpdateFind", STRANGER, find=made, update_mask={"paths": ["title"]})
    assert (changed.title, changed.price, changed.provenance) == ("newer", 0, "")
    made.etag = ""
    unchanged = await digs.do("UpdateFind", STRANGER, find=made, update_mask={"paths": ["title"]})
    assert (unchanged.price, unchanged.provenance) == (0, "")
    batch = await digs.do("BatchCreateFinds", STRANGER, parent=SITE, requests=[{"find_id": "m", "find": {"price": 4}}])
    assert [find.price for find in batch.finds] == [0]
    deleted = await digs.do("DeleteFind", STRANGER, name=made.name)
    assert (deleted.price, deleted.provenance) == (0, "")
    kept = await digs.do("GetFind", CURATOR, name=made.name)
    assert (kept.title, kept.price, kept.provenance) == ("newer", 3, "sea")


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "price > 6"},
        {"filter": "title = x OR NOT price > 6"},
        {"filter": "layer = 1 AND (title:x OR price:*)"},
        {"order_by": "price"},
        {"order_by": "layer, price desc"},
        {"read_mask": {"paths": ["title", "price"]}},
    ],
)
async def test_asking_for_a_field_that_is_hidden_is_refused_by_its_name(digs: Digs, asked: dict[str, Any]) -> None:
    with pytest.raises(FieldNotReadable, match="`price`") as refused:
        await digs.list(STRANGER, **asked)
    assert refused.value.metadata == {"field": "price", "permission": "digs.finds.readPrice"}
    await digs.list(DEALER, **asked)


async def test_a_search_refuses_a_filter_and_a_mask_as_a_list_does(digs: Digs) -> None:
    for asked in ({"filter": "price > 6"}, {"read_mask": {"paths": ["price"]}}):
        with pytest.raises(FieldNotReadable):
            await digs.search("vase", STRANGER, **asked)
    with pytest.raises(FieldNotReadable):
        await digs.do("GetFind", STRANGER, name=NAME, read_mask={"paths": ["provenance"]})


async def test_words_are_looked_for_in_readable_fields_alone(digs: Digs) -> None:
    assert ids(await digs.list(CURATOR, filter="tomb")) == ["f000", "f002"]
    assert ids(await digs.list(STRANGER, filter="tomb")) == ["f002"]
    assert ids(await digs.list(STRANGER, filter="NOT tomb")) == ["f000", "f001"]
    assert ids(await digs.search("tomb", CURATOR)) == ["f002", "f000"]
    assert ids(await digs.search("tomb", STRANGER)) == ["f002"]


@pytest.mark.parametrize(
    "query", ["king", "vase -king", "vase -tomb", '"vase tomb"', "red OR well", "vas", "king tomb", "kin*"]
)
async def test_a_search_finds_and_ranks_as_if_hidden_fields_were_empty(digs: Digs, query: str) -> None:
    before = await digs.search(query, STRANGER)
    for name in ("f000", "f001"):
        find = {"name": f"{SITE}/finds/{name}"}
        await digs.do("UpdateFind", find=find, update_mask={"paths": ["provenance"]})
    after = await digs.search(query, STRANGER)
    assert (ids(after), after.total_size) == (ids(before), before.total_size)


async def test_a_token_made_by_one_who_may_more_is_none_for_one_who_may_less(digs: Digs) -> None:
    priced = {"order_by": "price", "page_size": 1}
    token = (await digs.list(CURATOR, **priced)).next_page_token
    with pytest.raises(FieldNotReadable):
        await digs.list(STRANGER, **priced, page_token=token)
    token = (await digs.search("tomb", CURATOR, page_size=1)).next_page_token
    with pytest.raises(PageTokenInvalid):
        await digs.search("tomb", STRANGER, page_size=1, page_token=token)
    # What a caller may not read makes no difference to a plain page.
    token = (await digs.list(CURATOR, page_size=1)).next_page_token
    assert ids(await digs.list(STRANGER, page_token=token)) == ["f001", "f002"]


async def test_a_sensitive_field_is_shown_by_get_and_list(digs: Digs) -> None:
    await digs.add({"iban": "DE00"}, first=9)
    assert (await digs.do("GetFind", STRANGER, name=f"{SITE}/finds/f009")).iban == "DE00"
    assert [find.iban for find in (await digs.list(STRANGER)).finds] == ["", "", "", "DE00"]
