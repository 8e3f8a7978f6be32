"""Whether passwords are hashed as they must be, a few at a time, and never on the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from services.auth.domain.errors import HashingBusy
from services.auth.storage.hashing import NICENESS, Argon2Hasher

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    made = Argon2Hasher(threads=1, waiting=1)
    yield made
    made.close()


async def test_a_password_is_hashed_by_argon2id_with_19_mib_and_two_passes(hasher: Argon2Hasher) -> None:
    password_hash = await hasher.hash("correct horse battery staple")
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(password_hash, "correct horse battery staple")
    assert not await hasher.verify(password_hash, "correct horse battery stapl")
    assert password_hash != await hasher.hash("correct horse battery staple")


async def test_a_password_is_neither_cut_nor_changed(hasher: Argon2Hasher) -> None:
    long = "é" * 127
    password_hash = await hasher.hash(long + "a")
    assert not await hasher.verify(password_hash, long + "b")
    nul = await hasher.hash("a\0b")
    assert not await hasher.verify(nul, "a\0c")
    assert await hasher.verify(await hasher.hash("\ud800"), "\ud800")


@pytest.mark.parametrize("password_hash", ["", "nonsense", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"])
async def test_a_hash_that_is_none_matches_nothing(hasher: Argon2Hasher, password_hash: str) -> None:
    assert not await hasher.verify(password_hash, "")


async def test_more_than_may_wait_are_told_to_come_back(hasher: Argon2Hasher) -> None:
    results = await asyncio.gather(*(hasher.hash("password") for _ in range(5)), return_exceptions=True)
    assert [isinstance(result, HashingBusy) for result in results] == [False, False, True, True, True]
    await hasher.hash("password")


async def test_a_caller_who_goes_away_frees_the_place(hasher: Argon2Hasher) -> None:
    running, waiting = (asyncio.create_task(hasher.hash("password")) for _ in range(2))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.gather(hasher.hash("password"), running)


async def test_the_event_loop_goes_on_meanwhile(hasher: Argon2Hasher) -> None:
    threads = {thread.name for thread in threading.enumerate()}
    hashing = asyncio.create_task(hasher.hash("password"))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 1
    assert any(t.name.startswith("argon2") for t in threading.enumerate() if t.name not in threads)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no niceness of its own")
async def test_the_threads_that_hash_stand_back_and_nobody_else_does() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    hasher = Argon2Hasher(threads=1, waiting=1)
    await hasher.hash("a password")
    threads = {thread.native_id for thread in threading.enumerate() if thread.name.startswith("argon2")}
    nice = {os.getpriority(os.PRIO_PROCESS, number) for number in threads if number}
    hasher.close()
    assert nice == {NICENESS}
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
