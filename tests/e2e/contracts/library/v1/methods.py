"""What no rule derives of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.records.methods import Methods

if TYPE_CHECKING:
    from services.chassis.call import Call
    from services.records.session import Session


class LibraryServiceMethods(Methods):
    """The methods of LibraryService that are written."""

    async def TagShelf(self, request: Any, call: Call) -> bytes:
        """Give all books of a shelf a tag."""

        async def tag(session: Session) -> Any:
            await session.get("library.v1.Shelf", request.name, lock=True)
            books = await session.find("library.v1.Book", parent=request.name, lock=True)
            untagged = [book for book in books if request.tag not in book.tags]
            for book in untagged:
                book.tags.append(request.tag)
                await session.update(book, event="tagged")
            return self.messages("library.v1.TagShelfResponse")(tagged=len(untagged))

        return await self.records.transact(request, call, tag)
