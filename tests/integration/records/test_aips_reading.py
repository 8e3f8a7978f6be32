"""Statements of the AIPs about pages, orders and what is looked at first, each under its number in the list.

What the list is, `test_aips_writing.py` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.unknown_fields import UnknownFieldSet

from services.chassis.errors import InvalidArgument
from services.records.reading.ordering import OrderByInvalid
from services.records.reading.pages import PageTokenInvalid
from services.records.scope import NoOrganization
from tests.integration.records.books import PARENT, found, shelf_of_books
from tests.integration.records.library import WORKLOAD, user

if TYPE_CHECKING:
    from tests.integration.records.library import Library


async def test_19_a_page_is_of_the_default_size_or_coerced(library: Library) -> None:
    await shelf_of_books(library, *({} for _ in range(60)))
    assert len((await library.do("ListBooks", **PARENT, page_size=0)).books) == 50
    assert len((await library.do("ListBooks", **PARENT, page_size=2**31 - 1)).books) == 60


async def test_20_the_last_page_and_only_the_last_has_no_token(library: Library) -> None:
    await shelf_of_books(library, {}, {}, {}, {})
    page = await library.do("ListBooks", **PARENT, page_size=2)
    last = await library.do("ListBooks", **PARENT, page_size=2, page_token=page.next_page_token)
    assert len(last.books) == 2  # a full page, and the end
    assert last.next_page_token == ""
    none = await library.do("ListBooks", **PARENT, page_size=2, filter="pages = 9")
    assert (len(none.books), none.next_page_token) == (0, "")


async def test_21_the_size_of_a_page_may_change_and_nothing_else(library: Library) -> None:
    await shelf_of_books(library, *({} for _ in range(6)))
    page = await library.do("ListBooks", **PARENT, page_size=1)
    rest = await library.do("ListBooks", **PARENT, page_size=5, page_token=page.next_page_token)
    assert (len(rest.books), rest.next_page_token) == (5, "")
    for changed in ({"filter": "pages = 0"}, {"order_by": "pages"}, {"parent": "shelves/-"}):
        with pytest.raises((PageTokenInvalid, InvalidArgument)):
            await library.do("ListBooks", **{**PARENT, "page_token": page.next_page_token, **changed})


async def test_22_a_token_gives_no_right_to_anything(library: Library) -> None:
    await shelf_of_books(library, {}, {})
    token = (await library.do("ListBooks", **PARENT, page_size=1)).next_page_token
    assert token.replace("-", "").replace("_", "").isalnum()
    with pytest.raises(NoOrganization):
        await library.do("ListBooks", WORKLOAD, **PARENT, page_token=token)
    with pytest.raises(PageTokenInvalid):
        await library.do("ListBooks", user("rival"), **PARENT, page_token=token)


async def test_25_an_order_is_a_list_of_fields_with_directions(library: Library) -> None:
    bodies: list[dict[str, Any]] = [
        {"pages": 1, "author": {"born": 3}},
        {"pages": 1, "author": {"born": 9}},
        {"pages": 0},
    ]
    await shelf_of_books(library, *bodies)
    assert await found(library, order_by="  pages   desc ,author.born  desc ") == "102"
    assert await found(library, order_by="author.born") == "201"
    for wrong in ("nope", "pages desk", "pages,", "author.nope", "tags", "author", "code", "pages desc desc"):
        with pytest.raises(OrderByInvalid) as refused:
            await library.do("ListBooks", **PARENT, order_by=wrong)
        assert refused.value.violations[0].field == "order_by"


async def test_51_who_may_not_is_told_so_before_anything_else_is_looked_at(library: Library) -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("GetBook", {"name": "\0"}),
        ("ListBooks", {"parent": "\0", "page_size": -1, "filter": "(", "order_by": "(", "page_token": "x"}),
        ("CreateBook", {"parent": "\0", "book_id": "\0", "book": {"title": "\0"}, "request_id": "\0"}),
        ("UpdateBook", {"book": {"name": "\0"}, "update_mask": {"paths": [""]}, "request_id": "\0"}),
        ("DeleteBook", {"name": "\0", "request_id": "\0"}),
        ("BatchGetBooks", {"names": ["\0"] * 1001}),
        ("BatchCreateBooks", {"requests": [{}] * 1001, "request_id": "\0"}),
    ]
    for method, fields in wrong:
        with pytest.raises(NoOrganization):
            await library.do(method, WORKLOAD, **fields)
        with pytest.raises(InvalidArgument):
            await library.do(method, **fields)


async def test_52_fields_that_a_contract_does_not_know_are_not_shown(library: Library) -> None:
    shelf = library.type("Shelf").FromString(b"\x9a\x06\x06hidden")
    await library.do("CreateShelf", shelf_id="s1", shelf=shelf)
    assert len(UnknownFieldSet(await library.do("GetShelf", name="shelves/s1"))) == 0
