"""`kill -9` of any one process, under load: it comes back, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

from tests.e2e.stack import Stack, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACTS = Path(__file__).parent / "contracts"
WRITERS = 4
BACK_SECONDS = 30


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, since others must not see it fall."""
    stack = Stack(
        home=tmp_path_factory.mktemp("victim") / "home",
        port=free_port(),
        options=("--no-demo", "--contracts", str(CONTRACTS)),
    )
    stack.start()
    yield stack
    stack.stop()


@dataclass
class Writers:
    """Clients that write books as fast as they are answered, and remember what was acknowledged."""

    stack: Stack
    shelf: str
    token: str = field(repr=False)
    acknowledged: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    progress: threading.Condition = field(default_factory=threading.Condition)

    def write(self) -> None:
        """Write until told to stop."""
        with self.stack.client(self.token) as client:
            while not self.stop.is_set():
                book = f"b{uuid.uuid4().hex}"
                try:
                    answer = client.post(
                        f"/library/v1/{self.shelf}/books",
                        params={"bookId": book, "requestId": str(uuid.uuid4())},
                        json={"title": "under load"},
                    )
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    time.sleep(0.02)  # the edge itself is down; nothing there can be awaited
                    continue
                if answer.status_code == 200:
                    self.acknowledged.add(answer.json()["name"])
                    with self.progress:
                        self.progress.notify_all()
                else:
                    self.failures.append(answer.text)

    def await_more(self, count: int) -> None:
        """Wait until so many more writes are acknowledged."""
        goal = len(self.acknowledged) + count
        with self.progress:
            assert self.progress.wait_for(lambda: len(self.acknowledged) >= goal, BACK_SECONDS), self.failures[-3:]


@contextmanager
def writing(stack: Stack) -> Iterator[Writers]:
    """Run writers on a shelf of their own."""
    token = stack.token()
    with stack.client(token) as client:
        shelf = client.post("/library/v1/shelves", json={"theme": "Load"}).json()["name"]
    writers = Writers(stack, shelf, token)
    threads = [threading.Thread(target=writers.write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        writers.stop.set()
        for thread in threads:
            thread.join()


def process(stack: Stack, name: str) -> dict[str, Any]:
    """Return one process as `tenon status --json` shows it."""
    found: dict[str, Any] = next(p for p in stack.status()["processes"] if p["name"] == name)
    return found


async def kept(stack: Stack, shelf: str) -> tuple[set[str], list[str]]:
    """Return the names of the shelf's books, and the subjects of their events, straight from Postgres."""
    socket = Path(process(stack, "postgres")["endpoint"].removeprefix("unix:"))
    connection = await asyncpg.connect(host=str(socket.parent), user="tenon", database="tenon")
    try:
        like = f"{shelf}/books/%"
        rows = await connection.fetch("SELECT name FROM library_v1.books WHERE name LIKE $1", like)
        events = await connection.fetch("SELECT subject FROM data.outbox WHERE subject LIKE $1", like)
    finally:
        await connection.close()
    return {row["name"] for row in rows}, [event["subject"] for event in events]


@pytest.mark.parametrize("name", ["data-0", "auth-0", "envoy", "postgres", "valkey"])
async def test_a_killed_process_comes_back_and_no_acknowledged_write_is_lost(victim: Stack, name: str) -> None:
    before = process(victim, name)
    with writing(victim) as writers:
        writers.await_more(50)
        os.kill(before["pid"], signal.SIGKILL)
        writers.await_more(200)
        deadline = time.monotonic() + BACK_SECONDS
        while (after := process(victim, name))["health"] != "healthy" or after["pid"] == before["pid"]:
            assert time.monotonic() < deadline, after
    names, events = await kept(victim, writers.shelf)
    assert writers.acknowledged <= names
    assert sorted(events) == sorted(names)
    assert after["restarts"] == before["restarts"] + 1


def test_when_the_supervisor_is_killed_its_children_end_and_up_recovers(victim: Stack) -> None:
    pids = [p["pid"] for p in victim.status()["processes"]]
    os.kill(process(victim, "supervisor")["pid"], signal.SIGKILL)
    deadline = time.monotonic() + BACK_SECONDS
    while any(Path(f"/proc/{pid}/stat").exists() and _is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, "children outlive their supervisor"
        time.sleep(0.05)  # a process that is not ours to wait for has no event to await
    victim.start()
    with victim.client(victim.token()) as client:
        assert client.get("/auth/v1/roles").status_code == 200


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
