"""What a caller may not read makes no difference to anything that it is answered, whatever it asks.

Two organizations hold the same rows but for what is hidden from the caller. Every read method of the record is asked
the same of both, with all that can be made of the contract: each field in filters, orders and masks, and the words that
are hidden. The answers, errors included, are the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.contract import Behavior, StandardKind
from services.chassis.errors import TenonError
from tests.integration.records.reading.digs import SITE, digger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.chassis.call import Caller
    from services.chassis.contract import Method, Record
    from tests.integration.records.reading.digs import Digs

READS = (StandardKind.GET, StandardKind.BATCH_GET, StandardKind.LIST, StandardKind.SEARCH)
OPEN: list[dict[str, Any]] = [
    {"title": "red vase", "notes": "found deep", "layer": 1, "tags": ["clay"], "finder": {"name": "Ann"}},
    {"title": "red bowl", "notes": "vase beside", "layer": 2},
    {"title": "blue", "notes": "red", "layer": 2, "tags": ["vase", "king"]},
]
HIDDEN: dict[str, list[dict[str, Any]]] = {
    "acme": [{"provenance": "king red " + "x " * 40, "price": 1, "pin": "1234"}, {"price": 3}, {"provenance": "vase"}],
    "zeta": [{}, {"provenance": "red king vase", "price": 2, "pin": "red"}, {"provenance": "tomb", "price": 9}],
}
WORDS = ("red", "vase", "king", "tomb", "x", "1234")
STRANGER = digger("digs.finds.*")
STRANGER = replace(STRANGER, permissions=frozenset({"digs.finds.list", "digs.finds.get", "digs.finds.search"}))


@pytest.fixture(autouse=True)
async def rows(digs: Digs) -> None:
    everything = replace(STRANGER, permissions=frozenset({"*"}))
    await digs.prepare(replace(everything, organization="zeta"))
    for organization, hidden in HIDDEN.items():
        requests = [
            {"find_id": f"f{n}", "find": {**one, **more}}
            for n, (one, more) in enumerate(zip(OPEN, hidden, strict=True))
        ]
        caller = replace(everything, organization=organization)
        await digs.do("BatchCreateFinds", caller, parent=SITE, requests=requests)


def test_the_rows_differ_in_every_field_that_is_hidden(digs: Digs) -> None:
    assert hidden_fields(record_of(digs)) == {name for rows in HIDDEN.values() for row in rows for name in row}


@pytest.mark.parametrize("kind", READS)
async def test_what_is_hidden_makes_no_difference_to_an_answer(digs: Digs, kind: StandardKind) -> None:
    record = record_of(digs)
    method = next(
        one
        for one in digs.contract.methods.values()
        if one.standard is not None and (one.standard.kind, one.standard.record) == (kind, record.message)
    )
    asked = 0
    for fields in requests_of(digs, method, record):
        first, second = [await ask(digs, method, organization, fields) for organization in HIDDEN]
        assert first == second, fields
        asked += 1
    assert asked > len(record.fields)


def record_of(digs: Digs) -> Record:
    return digs.contract.records_by_message["test.digs.v1.Find"]


def hidden_fields(record: Record) -> set[str]:
    return {field.name for field in record.fields if field.read_permission or Behavior.INPUT_ONLY in field.behaviors}


def names_of(record: Record) -> list[str]:
    """Return the fields that are asked for: all but the etag, which is random."""
    return [field.name for field in record.fields if field.name != "etag"]


def requests_of(digs: Digs, method: Method, record: Record) -> Iterator[dict[str, Any]]:
    """Yield all that is asked of a read method."""
    has = digs.contract.pool.FindMessageTypeByName(method.input).fields_by_name
    if "names" in has:
        base: dict[str, Any] = {"names": [f"{SITE}/finds/f{n}" for n in range(len(OPEN))]}
    elif "name" in has:
        base = {"name": f"{SITE}/finds/f0"}
    else:
        base = {"parent": SITE}
    for query in QUERIES if "query" in has else ("",):
        begun = {**base, **({"query": query} if query else {})}
        yield begun
        if "filter" in has:
            yield from ({**begun, "filter": text} for text in filters_of(record))
        if query and query != QUERIES[0]:
            continue
        names = names_of(record)
        if "order_by" in has:
            yield from ({**begun, "order_by": f"{name}{way}"} for name in names for way in ("", " desc"))
        if "read_mask" in has:
            yield from ({**begun, "read_mask": {"paths": [path]}} for path in ("*", *names, "finder.name", "pin.x"))
        if "view" in has:
            yield from ({**begun, "view": view} for view in range(3))
        if "page_size" in has:
            yield from ({**begun, "page_size": size} for size in (1, 2))
        yield from (
            {**begun, **wild} for wild in ({"parent": "-"}, {"parent": "regions/-/sites/-"}) if "page_size" in has
        )


QUERIES = (
    *WORDS,
    *(f"{one} {other}" for one in WORDS[:4] for other in WORDS[:4] if one != other),
    *(f'"{one} {other}"' for one in ("vase", "bowl", "red", "deep") for other in ("found", "vase", "clay", "king")),
    "red -king",
    "red OR tomb",
    "ki*",
)


def filters_of(record: Record) -> Iterator[str]:
    """Yield filters by every field, and by words that hidden fields hold."""
    for name in names_of(record):
        for value in ("red", "1", '""', "*", '"*e*"'):
            yield f"{name}:{value}"
        yield f"{name} > 1"
        yield f"NOT {name} = 1"
        yield f"layer = 2 OR {name}:*"
    for word in WORDS:
        yield from (word, f"-{word}", f"{word} layer=2", f"{word[:2]}*")


async def ask(digs: Digs, method: Method, organization: str, fields: dict[str, Any]) -> list[Any]:
    """Return all pages of an answer, or its error, without what no two rows share."""
    caller: Caller = replace(STRANGER, organization=organization)
    pages: list[Any] = []
    token = ""
    while True:
        try:
            answer = await digs.do(method.name, caller, **fields, **({"page_token": token} if token else {}))
        except TenonError as error:
            return [*pages, (type(error), error.message, dict(error.metadata))]
        token = getattr(answer, "next_page_token", "")
        found = getattr(answer, "finds", [answer])
        for row in found:
            row.etag = ""
        total = getattr(answer, "total_size", 0)
        pages.append((total, [row.SerializeToString(deterministic=True) for row in found]))
        if not token:
            return pages


async def test_an_update_does_not_tell_whether_what_it_writes_unseen_was_there_before(digs: Digs) -> None:
    for name, value in (("price", 1), ("price", 5), ("pin", "1234"), ("pin", "0000")):
        before = await digs.do("GetFind", STRANGER, name=f"{SITE}/finds/f0")
        find = {"name": before.name, name: value}
        for mask in ({}, {"update_mask": {"paths": [name]}}):
            after = await digs.do("UpdateFind", STRANGER, find=find, **mask)
            assert after.etag != before.etag, (name, value)
            before = after
    same = await digs.do("UpdateFind", STRANGER, find={"name": before.name, "title": before.title})
    assert same.etag == before.etag


async def test_a_page_token_with_words_of_a_filter_is_none_for_who_may_read_less(digs: Digs) -> None:
    asked = {"filter": "vase OR red", "page_size": 1}
    seeing = replace(STRANGER, permissions=frozenset({"digs.*"}))
    token = (await digs.list(seeing, **asked)).next_page_token
    with pytest.raises(TenonError, match="other arguments"):
        await digs.list(STRANGER, **asked, page_token=token)
    assert (await digs.list(seeing, **asked, page_token=token)).finds
