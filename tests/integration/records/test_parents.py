"""A record may stand below parents of several types, several levels deep, or below none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.records.failures import NameInvalid, RecordHasChildren, RecordNotFound
from tests.integration.records.library import Library, user

if TYPE_CHECKING:
    from services.chassis.contract import Contract


@pytest.fixture
async def archive(library: Library, contract: Contract) -> Library:
    archive = Library(library.engine, contract, "test.archive.v1", "/test.archive.v1.ArchiveService/")
    await archive.do("CreateRoom", room_id="r", room={})
    await archive.do("CreateBox", parent="rooms/r", box_id="b", box={})
    return archive


@pytest.mark.parametrize("parent", ["", "rooms/r", "rooms/r/boxes/b"])
async def test_a_record_is_made_below_each_type_of_parent(archive: Library, parent: str) -> None:
    body = {"ordinal": "1", "message": "m", "parent": "p"}
    paper = await archive.do("CreatePaper", parent=parent, paper_id="p", paper=body)
    assert paper.name == f"{parent}/papers/p".strip("/")
    assert await archive.do("GetPaper", name=paper.name) == paper
    # Fields that have the names of the engine's columns are fields like any other.
    page = await archive.do("ListPapers", parent=parent, filter='message = "m" AND parent = "p" AND ordinal = "1"')
    assert [found.name for found in page.papers] == [paper.name]
    for other in {"", "rooms/r", "rooms/r/boxes/b"} - {parent}:
        assert (await archive.do("ListPapers", parent=other)).papers == []


@pytest.mark.parametrize("parent", ["rooms/none", "rooms/r/boxes/none"])
async def test_a_missing_parent_of_each_type_is_not_found(archive: Library, parent: str) -> None:
    with pytest.raises(RecordNotFound, match=parent):
        await archive.do("CreatePaper", parent=parent, paper={})


async def test_a_parent_of_another_organization_is_not_found(archive: Library) -> None:
    with pytest.raises(RecordNotFound):
        await archive.do("CreatePaper", user("rival"), parent="rooms/r", paper={})


async def test_a_parent_of_no_pattern_is_refused(archive: Library) -> None:
    with pytest.raises(NameInvalid):
        await archive.do("CreatePaper", parent="boxes/b", paper={})


async def test_a_parent_goes_when_its_children_of_every_type_are_gone(archive: Library) -> None:
    paper = await archive.do("CreatePaper", parent="rooms/r", paper={})
    with pytest.raises(RecordHasChildren):
        await archive.do("DeleteRoom", name="rooms/r")
    await archive.do("DeletePaper", name=paper.name)
    with pytest.raises(RecordHasChildren):  # the box is still there
        await archive.do("DeleteRoom", name="rooms/r")


@pytest.mark.parametrize(
    ("parent", "found"),
    [
        ("-", {"room", "box"}),
        ("rooms/-", {"room"}),
        ("rooms/-/boxes/-", {"box"}),
        ("rooms/-/boxes/b", {"box"}),
        ("rooms/r/boxes/-", {"box"}),
        ("rooms/other/boxes/-", set()),
        ("", {"top"}),
    ],
)
async def test_a_wildcard_reads_below_parents_of_its_own_type_alone(
    archive: Library, parent: str, found: set[str]
) -> None:
    for above, paper in {"": "top", "rooms/r": "room", "rooms/r/boxes/b": "box"}.items():
        await archive.do("CreatePaper", parent=above, paper_id=paper, paper={})
    page = await archive.do("ListPapers", parent=parent)
    assert {paper.name.rpartition("/")[2] for paper in page.papers} == found
