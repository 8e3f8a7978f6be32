"""What another owner keeps makes no difference to anything that a caller is answered, but for names that are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import TenonError
from services.records.failures import NameTaken
from tests.integration.records.library import user

if TYPE_CHECKING:
    from services.chassis.call import Caller
    from tests.integration.records.library import Library

CROWDED, EMPTY = "acme", "zeta"
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("ListNotes", {}),
    ("ListNotes", {"page_size": 1}),
    ("GetNote", {"name": "notes/theirs"}),
    ("DeleteNote", {"name": "notes/theirs"}),
    ("GetNote", {"name": "notes/mine"}),
    ("CreateNote", {"note_id": "new", "note": {"text": "t", "slug": "theirs"}}),
    ("CreateNote", {"note_id": "again", "note": {"text": "t", "slug": "mine"}}),
    ("ListNotes", {}),
]


@pytest.fixture(autouse=True)
async def notes(library: Library) -> None:
    for organization in (CROWDED, EMPTY):
        mine = {"text": "mine", "slug": "mine"}
        await library.do("CreateNote", user(organization), note_id="mine", note=mine)
    other = user(CROWDED, "users/2")
    await library.do("CreateNote", other, note_id="a", note={"text": "first of all"})
    await library.do("CreateNote", other, note_id="theirs", note={"text": "theirs", "slug": "theirs"})


async def test_rows_of_another_owner_make_no_difference_to_an_answer(library: Library) -> None:
    for method, fields in ASKED:
        first, second = [await ask(library, method, user(one), fields) for one in (CROWDED, EMPTY)]
        assert first == second, (method, fields)


async def test_a_name_of_another_owner_is_refused_and_nothing_else_is_told(library: Library) -> None:
    with pytest.raises(NameTaken) as refused:
        await library.do("CreateNote", user(CROWDED), note_id="theirs", note={"text": "t"})
    assert refused.value.metadata == {"name": "notes/theirs"}


async def test_a_page_token_of_another_owner_is_none(library: Library) -> None:
    token = (await library.do("ListNotes", user(CROWDED, "users/2"), page_size=1)).next_page_token
    with pytest.raises(TenonError, match="other arguments"):
        await library.do("ListNotes", user(CROWDED), page_token=token)


async def ask(library: Library, method: str, caller: Caller, fields: dict[str, Any]) -> Any:
    """Return the answer without its sealed token, or the error."""
    try:
        answer = await library.do(method, caller, **fields)
    except TenonError as error:
        return type(error), error.message, error.metadata
    ends = not getattr(answer, "next_page_token", "")
    if not ends:
        answer.next_page_token = ""
    return ends, answer.SerializeToString(deterministic=True)
