"""A shelf of books for the tests that hold the statements of the AIPs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.integration.records.library import Library

PARENT: dict[str, Any] = {"parent": "shelves/s1"}
"""The fields of a request that name the shelf."""


async def shelf_of_books(library: Library, *bodies: dict[str, Any]) -> None:
    """Make the shelf with a book of each body: `b0`, `b1` and so on."""
    await library.shelf()
    requests = [{"book_id": f"b{n}", "book": {"title": f"t{n}", **body}} for n, body in enumerate(bodies)]
    await library.do("BatchCreateBooks", **PARENT, requests=requests)


async def found(library: Library, text: str = "", **more: Any) -> str:
    """Return the ids of the books that are found, without the `b` in front."""
    page = await library.do("ListBooks", **PARENT, filter=text, **more)
    return "".join(book.name.rpartition("/b")[2] for book in page.books)
