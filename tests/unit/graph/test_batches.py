"""Referred records are read in batches, and what is missing takes nothing else with it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from services.chassis.errors import InvalidArgument, NotFound, PermissionDenied, Unavailable
from services.graph.batches import TRIES, Loader, ask_for_all, ask_one_by_one

if TYPE_CHECKING:
    from collections.abc import Collection


class Shelf:
    """Books by name, read as a BatchGet and a Get read them."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names
        self.batches: list[list[str]] = []
        self.singles: list[str] = []

    async def batch(self, names: list[str]) -> list[Any]:
        self.batches.append(list(names))
        for name in names:
            await self._check(name)
        return [SimpleNamespace(name=name) for name in names]

    async def single(self, name: str) -> Any:
        self.singles.append(name)
        await self._check(name)
        return SimpleNamespace(name=name)

    async def _check(self, name: str) -> None:
        if name not in self.names:
            raise NotFound("There is none.", metadata={"name": name})


async def _ask(shelf: Shelf, *names: str) -> set[str]:
    return set(await ask_for_all(list(names), shelf.batch, shelf.single))


async def test_what_is_there_is_read_in_one_batch() -> None:
    shelf = Shelf({"a", "b"})
    assert await _ask(shelf, "a", "b") == {"a", "b"}
    assert shelf.batches == [["a", "b"]]


async def test_a_missing_one_costs_one_more_batch() -> None:
    shelf = Shelf({"a", "b"})
    assert await _ask(shelf, "a", "x", "b") == {"a", "b"}
    assert shelf.batches == [["a", "x", "b"], ["a", "b"]]
    assert shelf.singles == []


async def test_many_missing_ones_are_found_out_one_by_one() -> None:
    shelf = Shelf({"a", "b"})
    assert await _ask(shelf, "a", *(f"x{index}" for index in range(9)), "b") == {"a", "b"}
    assert len(shelf.batches) == TRIES
    assert len(shelf.singles) == 11 - TRIES


async def test_where_none_is_there_nothing_is_asked_for_in_the_end() -> None:
    shelf = Shelf(())
    assert await _ask(shelf, "x", "y") == set()
    assert shelf.singles == []


async def test_a_name_that_is_none_takes_nothing_with_it() -> None:
    async def batch(names: list[str]) -> list[Any]:
        raise InvalidArgument("No name.")

    async def single(name: str) -> Any:
        if name == "no name":
            raise InvalidArgument("No name.")
        return SimpleNamespace(name=name)

    assert set(await ask_for_all(["a", "no name"], batch, single)) == {"a"}


@pytest.mark.parametrize("error", [PermissionDenied("No."), Unavailable("Not now.")])
async def test_what_else_goes_wrong_is_raised(error: Exception) -> None:
    async def fail(_: Any) -> Any:
        raise error

    with pytest.raises(type(error)):
        await ask_for_all(["a"], fail, fail)
    with pytest.raises(type(error)):
        await ask_one_by_one(["a"], fail)


async def test_a_loader_reads_what_one_turn_of_the_loop_asked_for_and_each_once() -> None:
    asked: list[list[str]] = []

    async def ask(names: list[str]) -> dict[str, Any]:
        asked.append(names)
        return {name: SimpleNamespace(name=name) for name in names if name != "x"}

    loader = Loader(ask)
    found: list[Any] = await asyncio.gather(*(loader.load(name) for name in ("a", "b", "a", "x")))
    assert [each and each.name for each in found] == ["a", "b", "a", None]
    later: Any = await loader.load("c")
    assert later.name == "c"
    assert asked == [["a", "b", "x"], ["c"]]


async def test_a_loader_raises_for_everybody_who_waits() -> None:
    async def ask(names: list[str]) -> dict[str, Any]:
        raise Unavailable("Not now.")

    loader = Loader(ask)
    found = await asyncio.gather(loader.load("a"), loader.load("b"), return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable, Unavailable]


async def test_more_than_a_batch_may_have_is_read_in_several() -> None:
    sizes: list[int] = []

    async def ask(names: list[str]) -> dict[str, Any]:
        sizes.append(len(names))
        return {}

    loader = Loader(ask)
    await asyncio.gather(*(loader.load(str(index)) for index in range(2500)))
    assert sizes == [1000, 1000, 500]
