"""Search finds the records whose texts hold the words, the best first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.records.filter import FilterInvalid
from services.records.reading.pages import PageTokenInvalid
from services.records.reading.searching import MAX_QUERY, MAX_WORDS, QueryInvalid
from tests.integration.records.library import user
from tests.integration.records.reading.digs import SITE, ids

if TYPE_CHECKING:
    from tests.integration.records.reading.digs import Digs

MALIA = "regions/crete/sites/malia"
FINDS: list[dict[str, Any]] = [
    {"title": "Red-figure vase", "notes": "found beside the well", "layer": 1},
    {"title": "Lamp", "notes": "a red lamp, and a vase of clay", "layer": 2},
    {"title": "Vase of clay", "tags": ["broken", "sea blue"], "layer": 3},
    {"title": "Ring", "tags": ["gold"], "provenance": "well of Knossos", "layer": 4},
    {"title": "ÄGÄIS", "notes": "x' & | ! :* \\ \" ()", "layer": 5},
    {"layer": 6},
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("vase", {0, 1, 2}),
        ("VASE", {0, 1, 2}),
        ("vase red", {0, 1}),
        ("vase clay", {1, 2}),
        ('"vase of clay"', {1, 2}),
        ('"clay of vase"', set()),
        ('"red vase"', set()),
        ("vase -red", {2}),
        ('vase -"of clay"', {0}),
        ("-red vase", {2}),
        ("gold OR lamp", {1, 3}),
        ("gold OR lamp OR broken vase", {1, 2}),
        ("OR vase OR", {0, 1, 2}),
        ("vas", {0, 1, 2}),
        ("va* clay", {1, 2}),
        ("vas clay", set()),
        ('"vas"', set()),
        ("-gol* ring", set()),
        ("-gol ring", {3}),
        ("figure", {0}),
        ("red-figure", {0}),
        ("blue", {2}),
        ("sea blue", {2}),
        ("knossos", {3}),
        ("well", {0, 3}),
        ("ägäis", {4}),
        ("x' & |", {4}),
        ("x:*", {4}),
        ("x\\ -nothing", {4}),
        ("'x", {4}),
        ('"x', {4}),
        ("& | vase", {0, 1, 2}),
        ("acme", set()),
        ("\x01acme", set()),
        ("crete", set()),
    ],
)
async def test_a_query_means_what_people_expect(digs: Digs, query: str, found: set[int]) -> None:
    await digs.add(*FINDS)
    page = await digs.search(query)
    assert set(ids(page)) == {f"f{n:03}" for n in found}
    assert page.total_size == len(found)


async def test_fields_that_are_named_first_weigh_more(digs: Digs) -> None:
    await digs.add({"provenance": "urn"}, {"tags": ["urn"]}, {"notes": "urn"}, {"title": "urn"}, {"title": "urn"})
    assert ids(await digs.search("urn")) == ["f003", "f004", "f002", "f001", "f000"]


async def test_words_that_stand_close_together_come_first(digs: Digs) -> None:
    await digs.add({"notes": "gold, and much later in the text, at its very end: ring"}, {"notes": "a gold ring"})
    assert ids(await digs.search("gold ring")) == ["f001", "f000"]


async def test_the_pages_of_a_search_are_all_it_finds_once_and_in_order(digs: Digs) -> None:
    await digs.add(*({"title": "urn", "notes": "urn " * (n % 4)} for n in range(23)))
    whole = ids(await digs.search("urn", page_size=50))
    assert len(set(whole)) == 23
    found: list[str] = []
    token = ""
    while True:
        page = await digs.search("urn", page_size=4, page_token=token)
        assert page.total_size == 23
        found += ids(page)
        token = page.next_page_token
        if not token:
            break
    assert found == whole


async def test_a_token_belongs_to_its_query(digs: Digs) -> None:
    await digs.add({"title": "urn"}, {"title": "urn"})
    token = (await digs.search("urn", page_size=1)).next_page_token
    for other in ({"query": "urn x"}, {"filter": "layer = 0"}, {"parent": MALIA}):
        with pytest.raises(PageTokenInvalid):
            await digs.search(**{"query": "urn", "page_token": token, **other})
    with pytest.raises(PageTokenInvalid):
        await digs.search("urn", user("rival"), page_token=token)
    with pytest.raises(PageTokenInvalid):
        await digs.list(page_token=token)


async def test_a_search_and_a_filter_both_hold_and_parents_may_be_many(digs: Digs) -> None:
    await digs.add(*FINDS)
    await digs.add({"title": "vase", "layer": 1}, parent=MALIA, first=9)
    assert ids(await digs.search("vase", filter="layer > 1 AND tags:broken")) == ["f002"]
    assert set(ids(await digs.search("vase", parent="regions/-/sites/-", filter="layer = 1"))) == {"f000", "f009"}
    with pytest.raises(FilterInvalid):
        await digs.search("vase", filter="nope = 1")


async def test_a_search_never_leaves_the_organization(digs: Digs) -> None:
    await digs.add(*FINDS)
    for query in ("vase", "vase OR well", "vase -red"):
        assert ids(await digs.search(query, user("rival"), parent="-")) == []


async def test_what_is_found_follows_every_change(digs: Digs) -> None:
    await digs.add({"title": "urn", "tags": ["old"]})
    find = {"name": f"{SITE}/finds/f000", "title": "jar", "tags": ["new", "glazed"]}
    await digs.do("UpdateFind", find=find, update_mask={"paths": ["title", "tags"]})
    assert ids(await digs.search("urn OR old")) == []
    assert ids(await digs.search("jar new glazed")) == ["f000"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "It has no words"),
        ("  \t", "It has no words"),
        ('""', "It has no words"),
        ("*", "It has no words"),
        ("OR", "It has no words"),
        ("!!!", "It has no words"),
        ("\x01", "It has no words"),
        ('"- ?"', "It has no words"),
        ("!!! -vase", "only says what to leave out"),
        ("-vase", "only says what to leave out"),
        ("vase OR -red", "cannot stand beside OR"),
        ("a\x00b", "NUL"),
        ("x" * (MAX_QUERY + 1), "at most 512"),
        ("a " * (MAX_WORDS + 1), "more than 32 words"),
    ],
)
async def test_a_query_with_nothing_to_look_for_is_refused(digs: Digs, query: str, said: str) -> None:
    with pytest.raises(QueryInvalid, match=said) as refused:
        await digs.search(query)
    assert [violation.field for violation in refused.value.violations] == ["query"]


# The table stays empty, so that one serves all examples.
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(query=st.text(max_size=40) | st.text(alphabet="ab'\"\\:*&|!<->() OR-,.@/\x01ä😀", max_size=40))
async def test_any_query_is_answered_or_refused(digs: Digs, query: str) -> None:
    found: list[str] = []
    try:
        found = ids(await digs.search(query))
    except QueryInvalid as refused:
        found = [] if refused.violations else ["refused without a reason"]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"{n:x}" for n in range(300_000)),
        " ".join(f"{chr(0x20000 + n % 40000)}{n}" for n in range(150_000)),
        "-".join(f"a{n}" for n in range(150_000)),
        " ".join(f"http://a{n}.example.com/x-y/z{n}?q=1" for n in range(20_000)),
        "x" * 1_000_000,
        "1.2e5@" * 150_000,
    ],
    ids=["words", "wide", "hyphens", "addresses", "one", "odd"],
)
async def test_a_text_however_long_and_odd_is_kept_and_its_beginning_is_searched(digs: Digs, text: str) -> None:
    await digs.add({"title": "urn " + text, "tags": [f"jar {text}"[:300_000]]})
    assert ids(await digs.search("urn jar")) == ["f000"]
