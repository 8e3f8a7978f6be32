"""Whatever two organizations do, in whatever order, each sees exactly its own records."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.chassis.errors import TenonError
from services.chassis.postgres import Pool
from services.records.engine import Engine
from services.records.failures import RecordExists, RecordNotFound, ReferenceNotFound
from tests.integration.records.library import KEYRING, Library, library_contract, user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import Server

IDS = ("a", "b", "c")
ids = st.sampled_from(IDS)
tenants = st.integers(0, 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("create"), tenants, ids, st.sampled_from(["", *IDS])),
        st.tuples(st.just("batch"), tenants, ids, ids),
        st.tuples(st.just("update"), tenants, ids, st.sampled_from(["", *IDS])),
        st.tuples(st.just("delete"), tenants, ids, st.just("")),
    ),
    max_size=12,
)
numbers = itertools.count()


@pytest.fixture(scope="module")
def library_of_two(postgres: Server) -> Iterator[tuple[asyncio.Runner, Library]]:
    """Open a library on a loop that outlives the examples."""
    name = f"test_{uuid.uuid4().hex}"

    async def open_library() -> Library:
        connection = await asyncpg.connect(postgres.url("postgres"))
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        pool = Pool(postgres.url(name))
        engine = Engine(library_contract(), host="data", pool=pool, keyring=KEYRING)
        await engine.migrate()
        return Library(engine, library_contract())

    with asyncio.Runner() as runner:
        library = runner.run(open_library())
        yield runner, library
        runner.run(library.engine.pool.close())


class Model:
    """What each organization should see: books by id, with their titles and sequels."""

    def __init__(self, library: Library) -> None:
        number = next(numbers)
        self.library = library
        self.callers = [user(f"left{number}", "users/1"), user(f"right{number}", "users/1")]
        self.books: list[dict[str, tuple[str, list[str]]]] = [{}, {}]

    async def step(self, kind: str, tenant: int, book: str, other: str) -> None:
        caller, mine = self.callers[tenant], self.books[tenant]
        title = f"{caller.organization} {next(numbers)}"
        sequels = [name(other)] if other else []
        body: dict[str, Any] = {"title": title, "sequels": sequels}
        try:
            if kind == "create":
                await self.library.do("CreateBook", caller, parent="shelves/s1", book_id=book, book=body)
            elif kind == "batch":
                requests = [{"book_id": each, "book": {"title": title}} for each in dict.fromkeys((book, other))]
                await self.library.do("BatchCreateBooks", caller, parent="shelves/s1", requests=requests)
            elif kind == "update":
                mask = {"paths": ["title", "sequels"]}
                await self.library.do("UpdateBook", caller, book={"name": name(book), **body}, update_mask=mask)
            else:
                await self.library.do("DeleteBook", caller, name=name(book))
        except TenonError as error:
            if not self._should_fail(kind, mine, book, other, error):
                raise
            return
        assert not self._conflicts(kind, mine, book, other)
        if kind == "delete":
            del mine[book]
        else:
            for each in (book, other) if kind == "batch" else (book,):
                mine[each] = (title, [] if kind == "batch" else sequels)

    def _conflicts(self, kind: str, mine: dict[str, Any], book: str, other: str) -> bool:
        if kind == "batch":
            return book in mine or other in mine
        if kind == "create":
            return book in mine or (bool(other) and other not in (*mine, book))
        return book not in mine

    def _should_fail(self, kind: str, mine: dict[str, Any], book: str, other: str, error: TenonError) -> bool:
        if isinstance(error, ReferenceNotFound):
            return other not in mine
        if kind in ("create", "batch"):
            return isinstance(error, RecordExists) and (book in mine or (kind == "batch" and other in mine))
        return isinstance(error, RecordNotFound) and book not in mine

    async def check(self) -> None:
        for caller, mine in zip(self.callers, self.books, strict=True):
            sent = {"parent": "shelves/s1", "order_by": "title desc", "filter": "NOT isbn:*"}
            page = await self.library.do("ListBooks", caller, **sent)
            seen = {book.name: (book.title, list(book.sequels)) for book in page.books}
            assert seen == {name(book): content for book, content in mine.items()}
            for book in IDS:
                if book in mine:
                    assert (await self.library.do("GetBook", caller, name=name(book))).title == mine[book][0]
                else:
                    with pytest.raises(RecordNotFound):
                        await self.library.do("BatchGetBooks", caller, names=[name(book)])


def name(book: str) -> str:
    return f"shelves/s1/books/{book}"


@given(steps=steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_organization_sees_exactly_its_own_records(
    library_of_two: tuple[asyncio.Runner, Library], steps: list[tuple[str, int, str, str]]
) -> None:
    runner, library = library_of_two

    async def run() -> None:
        model = Model(library)
        for caller in model.callers:
            await library.shelf(caller)
        for step in steps:
            await model.step(*step)
        await model.check()

    runner.run(run())
