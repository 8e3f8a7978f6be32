"""Views and read masks give what is asked for, and nothing else. Statements of the AIPs bear their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument
from services.records.reading.views import ReadMaskInvalid
from tests.integration.records.reading.digs import SITE

if TYPE_CHECKING:
    from tests.integration.records.reading.digs import Digs

WHOLE: dict[str, Any] = {
    "title": "vase",
    "notes": "",
    "tags": ["a", "b"],
    "layer": 3,
    "found_at": {"seconds": 5},
    "photo": b"\xff",
    "finder": {"name": "Ann", "born": 7, "teacher": {"name": "Bob", "born": 1}},
    "team": [{"name": "Cid", "born": 1}, {"name": "Dee", "notes": {"a": "1", "b": "2"}}],
    "measures": {"height": 1.5, "a.b": 2},
    "owners": {"x": {"name": "Eve", "born": 2}, "y": {"name": "Fay"}},
    "nickname": {"value": ""},
    "pin": "1234",
    "iban": "DE00",
}
NAME = f"{SITE}/finds/f000"
LIGHT = {"name", "title", "notes", "tags", "layer", "found_at", "nickname", "iban", "etag"}
"""What the basic view has."""
HEAVY = {"photo", "finder", "team", "measures", "owners"}
"""What it leaves out."""


@pytest.fixture(autouse=True)
async def one_find(digs: Digs) -> None:
    await digs.add(WHOLE)


async def read(digs: Digs, method: str, **fields: Any) -> Any:
    """Return the one find as a method shows it."""
    requests: dict[str, dict[str, Any]] = {
        "GetFind": {"name": NAME},
        "BatchGetFinds": {"names": [NAME]},
        "ListFinds": {"parent": SITE},
        "SearchFinds": {"parent": SITE, "query": "vase"},
    }
    answer = await digs.do(method, **requests[method], **fields)
    return answer if method == "GetFind" else answer.finds[0]


def names_of(find: Any) -> set[str]:
    return {field.name for field, _ in find.ListFields()}


METHODS = ["GetFind", "BatchGetFinds", "ListFinds", "SearchFinds"]


@pytest.mark.parametrize("method", METHODS)
async def test_40_a_view_is_basic_or_full_and_unset_means_basic_in_pages_alone(digs: Digs, method: str) -> None:
    unset = LIGHT if method in {"ListFinds", "SearchFinds"} else LIGHT | HEAVY
    assert names_of(await read(digs, method)) == unset
    assert names_of(await read(digs, method, view="FIND_VIEW_UNSPECIFIED")) == unset
    assert names_of(await read(digs, method, view="FIND_VIEW_BASIC")) == LIGHT
    assert names_of(await read(digs, method, view="FIND_VIEW_FULL")) == LIGHT | HEAVY
    with pytest.raises(InvalidArgument, match="view 9") as refused:
        await read(digs, method, view=9)
    assert [violation.field for violation in refused.value.violations] == ["view"]


MASKS: list[tuple[list[str], dict[str, Any]]] = [
    (["title"], {"title": "vase"}),
    (["title", "layer", "title"], {"title": "vase", "layer": 3}),
    (["state"], {}),
    (["pin"], {}),
    (["finder.name"], {"finder": {"name": "Ann"}}),
    (["finder.teacher.born", "finder.born"], {"finder": {"born": 7, "teacher": {"born": 1}}}),
    (["finder.name", "finder"], {"finder": WHOLE["finder"]}),
    (["finder", "finder.name"], {"finder": WHOLE["finder"]}),
    (["team.name"], {"team": [{"name": "Cid"}, {"name": "Dee"}]}),
    (["team.*.name"], {"team": [{"name": "Cid"}, {"name": "Dee"}]}),
    (["team.*"], {"team": WHOLE["team"]}),
    (["team.notes.b"], {"team": [{}, {"notes": {"b": "2"}}]}),
    (["measures.height"], {"measures": {"height": 1.5}}),
    (["measures.`a.b`"], {"measures": {"a.b": 2}}),
    (["measures.none"], {}),
    (["owners.x"], {"owners": {"x": WHOLE["owners"]["x"]}}),
    (["owners.x.name"], {"owners": {"x": {"name": "Eve"}}}),
    (["owners.*.name"], {"owners": {"x": {"name": "Eve"}, "y": {"name": "Fay"}}}),
    (["owners.*.name", "owners.x.born"], {"owners": {"x": {"name": "Eve", "born": 2}, "y": {"name": "Fay"}}}),
    (["owners.*.name", "owners.y"], {"owners": {"x": {"name": "Eve"}, "y": {"name": "Fay"}}}),
    (["photo", "nickname"], {"photo": b"\xff", "nickname": {"value": ""}}),
]


@pytest.mark.parametrize("method", METHODS)
async def test_40_a_mask_gives_what_it_names_whatever_the_view_is(digs: Digs, method: str) -> None:
    for paths, wanted in MASKS:
        for view in ("FIND_VIEW_BASIC", "FIND_VIEW_FULL"):
            assert await read(digs, method, read_mask={"paths": paths}, view=view) == digs.type("Find")(**wanted), paths
    assert names_of(await read(digs, method, read_mask={"paths": ["*"]}, view="FIND_VIEW_BASIC")) == LIGHT | HEAVY


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nope", "there is no 'nope'"),
        ("titel", "did you mean 'title'"),
        ("finder.nope", "there is no 'nope'"),
        ("team.0.name", "by its index"),
        ("title.x", "has no fields to name"),
        ("measures.a.b", "has no fields to name"),
        ("owners.x.nope", "there is no 'nope'"),
        ("finder..name", "has an empty part"),
        ("", "has an empty part"),
        ("measures.`a", "does not close"),
        ("foundAt", "did you mean 'found_at'"),
        ("finder.*", "has a wildcard inside"),
        (".".join(["finder", *["teacher"] * 40]), "more than 32 parts"),
    ],
)
async def test_38_a_path_that_leads_nowhere_is_refused_by_name(digs: Digs, path: str, said: str) -> None:
    for method in METHODS:
        with pytest.raises(ReadMaskInvalid, match=said) as refused:
            await read(digs, method, read_mask={"paths": ["title", path]})
        assert [violation.field for violation in refused.value.violations] == ["read_mask"]


async def test_38_a_star_stands_alone(digs: Digs) -> None:
    with pytest.raises(ReadMaskInvalid, match="must stand alone"):
        await read(digs, "GetFind", read_mask={"paths": ["*", "title"]})


async def test_39_what_a_mask_reads_can_be_written_back_by_it_and_changes_nothing(digs: Digs) -> None:
    before = await read(digs, "GetFind")
    paths = ["title", "finder.name", "measures.`a.b`", "tags", "found_at"]
    part = await read(digs, "GetFind", read_mask={"paths": paths})
    part.name = NAME
    assert await digs.do("UpdateFind", find=part, update_mask={"paths": paths}) == before
    assert await read(digs, "GetFind") == before
