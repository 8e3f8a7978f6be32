"""A repeated request gets its first answer and has no second effect (AIP-155)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument
from services.records.failures import RecordNotFound, RequestIdReused
from services.records.transactions.outbox import forget_request_ids
from tests.integration.records.library import user

if TYPE_CHECKING:
    from tests.integration.records.library import Library

ID = "9f1c1e9e-6c52-4c9e-8f4e-1d5a0f0f4a11"


async def _count(library: Library, table: str) -> int:
    return int((await library.engine.pool.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"])


async def test_a_repeated_create_makes_one_record(library: Library) -> None:
    await library.shelf()
    sent: dict[str, Any] = {"parent": "shelves/s1", "book": {"title": "a"}, "request_id": ID}
    first = await library.send("CreateBook", **sent)
    assert await library.send("CreateBook", **sent) == first
    assert await _count(library, "test_library_v1.books") == 1
    assert await _count(library, "data.outbox") == 2  # the shelf's and the book's


async def test_concurrent_duplicates_make_one_record(library: Library) -> None:
    await library.shelf()
    sent: dict[str, Any] = {"parent": "shelves/s1", "book_id": "b", "book": {"title": "a"}, "request_id": ID}
    answers = await asyncio.gather(*(library.send("CreateBook", **sent) for _ in range(8)))
    assert len(set(answers)) == 1
    assert await _count(library, "test_library_v1.books") == 1


async def test_a_request_id_of_another_request_is_refused(library: Library) -> None:
    await library.shelf()
    await library.do("CreateBook", parent="shelves/s1", book={"title": "a"}, request_id=ID)
    with pytest.raises(RequestIdReused):
        await library.do("CreateBook", parent="shelves/s1", book={"title": "b"}, request_id=ID)


async def test_request_ids_of_organizations_and_subjects_are_apart(library: Library) -> None:
    callers = [user(), user(subject="users/2"), user("rival")]
    await library.shelf()
    await library.shelf(user("rival"))
    for caller in callers:
        await library.do("CreateBook", caller, parent="shelves/s1", book={"title": "a"}, request_id=ID)
    assert await _count(library, "test_library_v1.books") == 3


async def test_a_repeated_batch_update_and_delete_answer_as_before(library: Library) -> None:
    await library.shelf()
    batch: dict[str, Any] = {
        "parent": "shelves/s1",
        "requests": [{"book": {"title": "a"}}, {"book": {"title": "b"}}],
        "request_id": ID,
    }
    first = await library.do("BatchCreateBooks", **batch)
    assert await library.do("BatchCreateBooks", **batch) == first
    name = first.books[0].name
    update: dict[str, Any] = {"book": {"name": name, "title": "c", "etag": first.books[0].etag}, "request_id": ID}
    changed = await library.do("UpdateBook", **update)
    assert await library.do("UpdateBook", **update) == changed
    delete: dict[str, Any] = {"name": name, "etag": changed.etag, "request_id": ID}
    assert await library.send("DeleteBook", **delete) == b""
    assert await library.send("DeleteBook", **delete) == b""


async def test_a_failed_request_is_not_remembered(library: Library) -> None:
    sent: dict[str, Any] = {"parent": "shelves/s1", "book": {"title": "a"}, "request_id": ID}
    with pytest.raises(RecordNotFound):
        await library.do("CreateBook", **sent)
    await library.shelf()
    assert (await library.do("CreateBook", **sent)).title == "a"


async def test_a_request_id_that_cannot_be_kept_is_refused(library: Library) -> None:
    await library.shelf()
    for bad in ("x" * 129, "a\0"):
        with pytest.raises(InvalidArgument) as refused:
            await library.do("CreateBook", parent="shelves/s1", book={}, request_id=bad)
        assert refused.value.violations[0].field == "request_id"


async def test_old_request_ids_are_forgotten(library: Library) -> None:
    await library.shelf()
    await library.do("CreateBook", parent="shelves/s1", book={"title": "a"}, request_id=ID)
    await forget_request_ids(library.engine.pool, schema="data")
    assert await _count(library, "data.request_ids") == 1
    await forget_request_ids(library.engine.pool, schema="data", hours=0)
    assert await _count(library, "data.request_ids") == 0
